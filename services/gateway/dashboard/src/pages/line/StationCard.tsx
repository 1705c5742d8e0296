// One station: lamp, last part, rates, strip of decisions, and what can be done.

import { Button, Skeleton } from "@mantine/core";
import { IconColumns2, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries, stationsQuery } from "@/api/queries";
import { useMay } from "@/api/session";
import { withEntry } from "@/live/feeds";
import { DecisionBadge } from "@/parts/Decision";
import { decimal, percent } from "@/parts/numbers";
import { type Part, PartImage, partName, useArrived } from "@/parts/PartImage";
import { COLOUR, StationState } from "@/parts/StationState";
import { clock, duration, useNow } from "@/parts/time";
import { told } from "@/parts/toasts";
import { Compare } from "./Compare";
import { isSilent, lampOf, taktOf } from "./reckoning";
import styles from "./StationCard.module.css";
import { Strip } from "./Strip";
import { type StationSight, useSight } from "./store";

type Station = Schemas["StationView"];
type Alert = Schemas["AlertView"];

export const StationCard = memo(function StationCard(props: { station: Station; alerts: readonly Alert[] }) {
  const { station, alerts } = props;
  const sight = useSight(station.id);
  const now = useNow();
  const takt = taktOf(sight.ticks.slice(-20).map((tick) => tick.at));
  const lastAt = sight.latest ? Date.parse(sight.latest.timestamp) : null;
  const recent = sight.ticks.map((tick) => tick.decision);
  const lamp = lampOf({ mode: station.mode, alerts, recent, lastAt, takt, now });
  return (
    <article className={styles.card} data-station={station.id} data-colour={COLOUR[lamp]}>
      <header className={styles.head}>
        <h2 title={station.id}>{station.name || station.id}</h2>
        {station.line && <span className={styles.place}>{station.line}</span>}
        <StationState lamp={lamp} />
      </header>
      <LastPart part={sight.shown} known={sight.counts !== null} />
      <div className={styles.side}>
        <Rates sight={sight} takt={isSilent(lastAt, takt, now) ? null : takt} lastAt={lastAt} now={now} />
        <Strip ticks={sight.ticks} />
        <Actions station={station} sight={sight} />
      </div>
    </article>
  );
});

function LastPart({ part: latest, known }: { part: Part | null; known: boolean }) {
  const { t } = useTranslation("line");
  const part = useArrived(latest);
  if (!part && !known) return <Skeleton className={styles.noPart ?? ""} radius={0} />;
  if (!part) return <div className={styles.noPart}>{t("station.noPart")}</div>;
  return (
    <div className={styles.part} data-decision={part.decision}>
      <PartImage part={part} eager className={styles.image ?? ""} />
      <div className={styles.caption}>
        <DecisionBadge decision={part.decision} size="lg" />
        <span className={styles.name} title={partName(part)}>
          {partName(part)}
        </span>
        <span className={styles.score}>
          {t("station.score", { score: decimal(part.anomaly_score), limit: decimal(part.fail_above) })}
        </span>
      </div>
    </div>
  );
}

interface RatesProps {
  sight: StationSight;
  takt: number | null;
  lastAt: number | null;
  now: number;
}

function Rates({ sight: { counts }, takt, lastAt, now }: RatesProps) {
  const { t } = useTranslation("line");
  const rate = counts?.total ? counts.passed / counts.total : null;
  return (
    <dl className={styles.rates}>
      <div>
        <dt>{t("station.passRate")}</dt>
        <dd data-main>{rate === null ? "–" : percent(rate)}</dd>
      </div>
      <div>
        <dt>{t("station.takt")}</dt>
        <dd>
          {takt === null
            ? "–"
            : takt < 0.1
              ? `${decimal(takt * 1000, 0)} ms`
              : `${decimal(takt, takt < 10 ? 2 : 1)} s`}
        </dd>
      </div>
      <div>
        <dt>{t("station.last")}</dt>
        <dd title={lastAt === null ? "" : clock(lastAt)}>
          {lastAt === null ? "–" : duration(Math.max(0, now - lastAt) / 1000)}
        </dd>
      </div>
    </dl>
  );
}

function Actions({ station, sight }: { station: Station; sight: StationSight }) {
  const { t } = useTranslation("line");
  const may = useMay("configure");
  const [compared, setCompared] = useState<Part | null>(null);
  const paused = station.mode === "pause";
  const change = useMutation({
    mutationFn: (mode: Schemas["Mode"]) =>
      take(api.PUT("/api/v1/stations/{id}", { params: { path: { id: station.id } }, body: { mode } })),
    onSuccess: (changed) =>
      queries.setQueryData(stationsQuery.queryKey, (known) => known && withEntry(known, changed)),
    onError: told.failed,
  });
  const next = paused ? (station.recipe?.model ? "judge" : "teach") : "pause";
  return (
    <div className={styles.actions}>
      {may && (
        <Button
          variant={paused ? "filled" : "default"}
          leftSection={paused ? <IconPlayerPlay size={18} /> : <IconPlayerPause size={18} />}
          loading={change.isPending}
          onClick={() => change.mutate(next)}
        >
          {t(paused ? "station.resume" : "station.pause")}
        </Button>
      )}
      <Button
        variant="default"
        leftSection={<IconColumns2 size={18} />}
        disabled={!sight.shown}
        onClick={() => setCompared(sight.shown)}
      >
        {t("station.compare")}
      </Button>
      {compared && <Compare part={compared} lastGood={sight.lastGood} onClose={() => setCompared(null)} />}
    </div>
  );
}
