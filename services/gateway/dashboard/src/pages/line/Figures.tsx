// The whole line in one row of numbers, of the last 24 hours.

import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { count, decimal, percent } from "@/parts/numbers";
import { StationState } from "@/parts/StationState";
import { useNow } from "@/parts/time";
import styles from "./line.module.css";
import { lampOf, taktOf, worstOf } from "./reckoning";
import { store, useTotals } from "./store";

type Alert = Schemas["AlertView"];
type Station = Schemas["StationView"];

export function Figures({ stations, alerts }: { stations: readonly Station[]; alerts: readonly Alert[] }) {
  const { t } = useTranslation("line");
  const now = useNow();
  const totals = useTotals(stations.map((station) => station.id));
  const lamps = stations.map(({ id, mode }) => {
    const { ticks, latest } = store.of(id);
    return lampOf({
      mode,
      alerts: alerts.filter((alert) => alert.station_id === id),
      recent: ticks.map((tick) => tick.decision),
      lastAt: latest ? Date.parse(latest.timestamp) : null,
      takt: taktOf(ticks.map((tick) => tick.at)),
      now,
    });
  });
  const any = totals.total > 0;
  return (
    <div className={styles.figures}>
      <div className={styles.lamp}>
        <StationState lamp={worstOf(lamps)} />
      </div>
      <dl>
        <Figure name={t("figure.passRate")} value={any ? percent(totals.passed / totals.total) : "–"} main />
        <Figure name={t("figure.parts")} value={count(totals.total)} />
        <Figure
          name={t("figure.failed")}
          value={count(totals.failed)}
          tone={totals.failed ? "bad" : undefined}
        />
        <Figure
          name={t("figure.uncertain")}
          value={count(totals.uncertain)}
          tone={totals.uncertain ? "warn" : undefined}
        />
        <Figure name={t("figure.time")} value={any ? `${decimal(totals.spent / totals.total, 0)} ms` : "–"} />
      </dl>
      <span className={styles.window}>{t("figure.window")}</span>
    </div>
  );
}

function Figure(props: { name: string; value: string; main?: boolean; tone?: "bad" | "warn" | undefined }) {
  return (
    <div data-main={props.main} data-tone={props.tone}>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}
