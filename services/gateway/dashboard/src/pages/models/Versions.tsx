// Versions: all that was learned, newest first, and one of them with its evidence beside.

import { Select } from "@mantine/core";
import { IconBroadcast, IconScale } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { stationsQuery } from "@/api/queries";
import { decimal } from "@/parts/numbers";
import { Tag } from "@/parts/Tag";
import { ago, dateTime, useNow } from "@/parts/time";
import { useFilters } from "@/parts/useFilters";
import { type Model, modelsQuery } from "./asked";
import { Beside } from "./Beside";
import { Compare } from "./Compare";
import styles from "./models.module.css";
import { shortId } from "./reckoning";
import { Version } from "./Version";

export function Versions() {
  const { t } = useTranslation("models");
  const [filters, change] = useFilters();
  const models = useQuery(modelsQuery);
  const stations = useQuery(stationsQuery);
  const shown = (models.data ?? []).filter((each) => !filters.station || each.station_id === filters.station);
  const chosen = models.data?.find((each) => each.id === filters.version) ?? shown[0];
  const other = models.data?.find((each) => each.id === filters.with);
  return (
    <>
      <div className={styles.bar}>
        <Select
          label={t("filter.station")}
          placeholder={t("filter.all")}
          clearable
          clearButtonProps={{ "aria-label": t("filter.all") }}
          value={filters.station ?? null}
          onChange={(value) => change({ station: value ?? "", version: "" })}
          data={(stations.data ?? []).map((each) => ({ value: each.id, label: each.name || each.id }))}
        />
        {chosen && (
          <Select
            label={t("compare.with")}
            placeholder={t("compare.none")}
            leftSection={<IconScale size={18} />}
            clearable
            clearButtonProps={{ "aria-label": t("compare.none") }}
            value={other?.id ?? null}
            onChange={(value) => change({ with: value ?? "" })}
            data={(models.data ?? [])
              .filter((each) => each.id !== chosen.id)
              .map((each) => ({
                value: each.id,
                label: `${each.name || shortId(each.id)} · ${shortId(each.id)}`,
              }))}
            w={300}
          />
        )}
      </div>
      <Beside
        query={models}
        shown={shown}
        label={t("versions.title")}
        empty={{ title: t("versions.empty"), text: t("versions.emptyText") }}
        row={(each) => (
          <Row
            key={each.id}
            model={each}
            selected={each.id === chosen?.id}
            onSelect={() => change({ version: each.id }, "push")}
          />
        )}
      >
        {chosen && other && <Compare one={chosen} other={other} />}
        {chosen && !other && <Version key={chosen.id} model={chosen} />}
      </Beside>
    </>
  );
}

function Row({ model, selected, onSelect }: { model: Model; selected: boolean; onSelect: () => void }) {
  const { t } = useTranslation("models");
  const now = useNow();
  const auroc = model.metrics.image_auroc ?? model.metrics.synthetic_auroc;
  return (
    <button
      type="button"
      className={styles.pick}
      aria-current={selected || undefined}
      onClick={onSelect}
      data-version={model.id}
    >
      <span>
        <b>{model.name || shortId(model.id)}</b>
        {model.deployed_to.length > 0 && (
          <Tag tone="good" icon={IconBroadcast} title={model.deployed_to.join(", ")}>
            {t("versions.deployed", { count: model.deployed_to.length })}
          </Tag>
        )}
      </span>
      <span className={styles.quiet} title={dateTime(model.created_at)}>
        {model.station_id} · {shortId(model.id)} · {ago(model.created_at, now)}
        {auroc !== undefined && ` · AUROC ${decimal(auroc, 3)}`}
      </span>
    </button>
  );
}
