// What is wrong now, the gravest first, and the button that says somebody has seen it.

import { Button } from "@mantine/core";
import {
  IconAlertOctagon,
  IconAlertTriangle,
  IconBellCheck,
  IconBellOff,
  IconCheck,
  IconInfoCircle,
} from "@tabler/icons-react";
import { type UseQueryResult, useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { openAlertsQuery, queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { alertHeard } from "@/live/feeds";
import { Asked, LoadingRows } from "@/parts/States";
import { ago, dateTime, useNow } from "@/parts/time";
import { told } from "@/parts/toasts";
import styles from "./AlertList.module.css";

type Alert = Schemas["AlertView"];
type Station = Schemas["StationView"];

const GRAVITY = { critical: 0, error: 1, warning: 2, info: 3 } as const;
const ICONS = {
  critical: IconAlertOctagon,
  error: IconAlertOctagon,
  warning: IconAlertTriangle,
  info: IconInfoCircle,
} as const;

/** Open before seen, grave before light, new before old. */
export function byNeed(one: Alert, other: Alert): number {
  const open = (alert: Alert) => (alert.state === "open" ? 0 : 1);
  return (
    open(one) - open(other) ||
    GRAVITY[one.severity] - GRAVITY[other.severity] ||
    other.timestamp.localeCompare(one.timestamp)
  );
}

interface Props {
  query: UseQueryResult<Alert[]>;
  stations: readonly Station[];
}

export function AlertList({ query, stations }: Props) {
  const { t } = useTranslation("line");
  const open = query.data?.filter((alert) => alert.state === "open").length ?? 0;
  const names = new Map(stations.map((station) => [station.id, station.name || station.id]));
  return (
    <aside className={styles.side} aria-labelledby="alerts-title">
      <h2 id="alerts-title">
        {t("alerts.title")} {open > 0 && <b title={t("alerts.open", { count: open })}>{open}</b>}
      </h2>
      <Asked
        query={query}
        loading={<LoadingRows rows={3} height={96} />}
        isEmpty={(alerts) => alerts.length === 0}
        empty={
          <p className={styles.calm}>
            <IconBellCheck size={22} stroke={1.6} aria-hidden="true" />
            {t("alerts.none")}
          </p>
        }
      >
        {(alerts) => (
          <ol>
            {[...alerts].sort(byNeed).map((alert) => (
              <Item
                key={alert.id}
                alert={alert}
                station={alert.station_id && (names.get(alert.station_id) ?? alert.station_id)}
              />
            ))}
          </ol>
        )}
      </Asked>
    </aside>
  );
}

function Item({ alert, station }: { alert: Alert; station: string | null }) {
  const { t } = useTranslation("line");
  const { t: shared } = useTranslation("shared");
  const now = useNow();
  const Shown = ICONS[alert.severity];
  return (
    <li className={styles.alert} data-severity={alert.severity} data-state={alert.state} data-id={alert.id}>
      <Shown size={22} stroke={1.8} aria-label={shared(`severity.${alert.severity}`)} role="img" />
      <div className={styles.text}>
        <strong>{alert.title}</strong>
        <p>{alert.message}</p>
        <p className={styles.quiet}>
          {station && <span>{station}</span>}
          <time dateTime={alert.timestamp} title={dateTime(alert.timestamp)}>
            {ago(alert.timestamp, now)}
          </time>
          {alert.silenced_until && <IconBellOff size={16} aria-label={t("alerts.silenced")} role="img" />}
        </p>
        {alert.state === "open" ? (
          <Acknowledge id={alert.id} title={alert.title} />
        ) : (
          <p className={styles.seen}>
            <IconCheck size={16} aria-hidden="true" />
            {t("alerts.seen", { by: alert.acknowledged_by ?? "?" })}
          </p>
        )}
      </div>
    </li>
  );
}

function Acknowledge({ id, title }: { id: string; title: string }) {
  const { t } = useTranslation("line");
  const may = useMay("inspect");
  const acknowledge = useMutation({
    mutationFn: () => take(api.POST("/api/v1/alerts/{id}/acknowledge", { params: { path: { id } } })),
    onSuccess: (alert) =>
      queries.setQueryData(openAlertsQuery.queryKey, (known) => known && alertHeard(known, alert)),
    onError: told.failed,
  });
  if (!may) return null;
  return (
    <Button
      variant="default"
      fullWidth
      loading={acknowledge.isPending}
      onClick={() => acknowledge.mutate()}
      aria-label={t("alerts.acknowledgeThis", { title })}
    >
      {t("alerts.acknowledge")}
    </Button>
  );
}
