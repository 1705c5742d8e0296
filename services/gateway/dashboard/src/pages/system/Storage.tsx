// How much room pictures and records take, how long they are kept, and what can be cleared.

import { NumberInput, Progress } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { useLive } from "@/live/live";
import { ChartWithDownload } from "@/parts/Chart";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { bytes, count, percent } from "@/parts/numbers";
import { Asked, LoadingCards } from "@/parts/States";
import { told } from "@/parts/toasts";
import { Card, Facts } from "./Health";
import styles from "./system.module.css";

type Usage = Schemas["UsageView"];
const GB = 1e9;

export function Storage() {
  const asked = useQuery({
    queryKey: ["storage"],
    queryFn: ({ signal }) => take(api.GET("/api/v1/storage/usage", { signal })),
  });
  useLive("inspection.evidence.removed.v1", () => void queries.invalidateQueries({ queryKey: ["storage"] }));
  return (
    <div className={styles.place}>
      <Asked query={asked} loading={<LoadingCards cards={3} height={220} />}>
        {(usage) => (
          <>
            <Room usage={usage} />
            {usage.stations.length > 0 && <ByStation usage={usage} />}
          </>
        )}
      </Asked>
    </div>
  );
}

function Room({ usage }: { usage: Usage }) {
  const { t } = useTranslation("system");
  const share = usage.max_gb ? usage.total_gb / usage.max_gb : 0;
  const colour = share > 0.95 ? "red" : share > 0.85 ? "yellow" : undefined;
  const gb = (value: number) => bytes(value * GB);
  return (
    <div className={styles.cards}>
      <Card title={t("storage.room")}>
        <p className={styles.big}>
          {gb(usage.total_gb)} <span>{t("storage.of", { most: gb(usage.max_gb) })}</span>
        </p>
        <Progress
          value={Math.min(100, 100 * share)}
          size="xl"
          {...(colour ? { color: colour } : {})}
          aria-label={t("storage.room")}
        />
        <p className={styles.hint}>{percent(share)}</p>
      </Card>
      <Card title={t("storage.what")}>
        <Facts
          facts={[
            [t("storage.images"), gb(usage.images_gb)],
            [t("storage.masks"), gb(usage.masks_gb)],
            [t("storage.database"), bytes(usage.database_mb * 1e6)],
            [t("storage.inspections"), count(usage.inspections)],
          ]}
        />
      </Card>
      <Card title={t("storage.kept")}>
        <Facts
          facts={[
            [t("storage.imageDays"), t("storage.days", { count: usage.image_days })],
            [t("storage.recordDays"), t("storage.days", { count: usage.record_days })],
            [t("storage.held"), t(usage.hold_failed ? "yes" : "no")],
          ]}
        />
        <Link to="/system/$section" params={{ section: "settings" } as never} className={styles.link}>
          {t("storage.change")}
        </Link>
        <Cleanup days={usage.image_days} />
      </Card>
    </div>
  );
}

function Cleanup({ days: kept }: { days: number }) {
  const { t } = useTranslation("system");
  const may = useMay("configure");
  const [days, setDays] = useState(kept);
  if (!may) return null;
  async function clear() {
    const found = await take(api.POST("/api/v1/storage/cleanup", { params: { query: { days } } }));
    const { evidence_removed, held, freed_bytes } = found;
    told.done(t("storage.cleared", { count: evidence_removed, size: bytes(freed_bytes), held }));
    await queries.invalidateQueries({ queryKey: ["storage"] });
  }
  return (
    <div className={styles.line}>
      <NumberInput
        label={t("storage.olderThan")}
        hideControls
        min={1}
        max={36_500}
        value={days}
        onChange={(value) => setDays(Number(value) || kept)}
      />
      <ConfirmButton
        variant="default"
        leftSection={<IconTrash size={18} />}
        title={t("storage.clearTitle", { count: days })}
        effect={t("storage.clearEffect")}
        verb={t("storage.clear")}
        act={clear}
      >
        {t("storage.clear")}
      </ConfirmButton>
    </div>
  );
}

function ByStation({ usage }: { usage: Usage }) {
  const { t } = useTranslation("system");
  const stations = [...new Set(usage.stations.map((each) => each.station_id))].sort();
  const kinds = [...new Set(usage.stations.map((each) => each.kind))].sort();
  const of = (station: string, kind: string) =>
    usage.stations.find((each) => each.station_id === station && each.kind === kind)?.bytes ?? 0;
  const nameOf = (kind: string) => t(`storage.kind.${kind}`, { defaultValue: kind });
  const option = {
    tooltip: { trigger: "axis", valueFormatter: (value: unknown) => bytes(Number(value)) },
    legend: { top: 0, data: kinds.map(nameOf) },
    xAxis: { type: "value", axisLabel: { formatter: (value: number) => bytes(value) } },
    yAxis: { type: "category", data: stations, inverse: true },
    series: kinds.map((kind) => ({
      name: nameOf(kind),
      type: "bar",
      stack: "all",
      data: stations.map((station) => of(station, kind)),
    })),
  };
  const table = [
    ["station_id", "kind", "files", "bytes"],
    ...usage.stations.map((each) => [each.station_id, each.kind, each.files, each.bytes]),
  ];
  return (
    <ChartWithDownload
      title={t("storage.byStation")}
      option={option}
      table={table}
      file="storage"
      height={Math.min(560, 90 + 34 * stations.length)}
    />
  );
}
