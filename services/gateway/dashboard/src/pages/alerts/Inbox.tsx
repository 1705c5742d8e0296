// Alerts as they come, and what became of them.

import { Select } from "@mantine/core";
import { IconBellCheck } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { openAlertsQuery, queries, stationsQuery } from "@/api/queries";
import { useLive } from "@/live/live";
import { Chips } from "@/parts/Chips";
import { type Column, DataTable } from "@/parts/DataTable";
import { Empty, Failed, LoadingRows, Notice } from "@/parts/States";
import split from "@/parts/split.module.css";
import { Tag } from "@/parts/Tag";
import { ago, dateTime, useNow } from "@/parts/time";
import { useFilters } from "@/parts/useFilters";
import { AlertPanel } from "./AlertPanel";
import styles from "./alerts.module.css";
import { Gravity } from "./Gravity";
import { type Alert, alertsQuery, rulesQuery, SEVERITIES } from "./queries";

const STATES = ["", "open", "acknowledged", "resolved", "all"] as const;
const HEARD = [
  "alerting.alert.opened.v1",
  "alerting.alert.acknowledged.v1",
  "alerting.alert.resolved.v1",
  "alerting.alert.changed.v1",
] as const;
const REST = 500;
const RANK = { critical: 0, error: 1, warning: 2, info: 3 } as const;

/** Open before seen, grave before light, new before old. */
export const byNeed = (one: Alert, other: Alert): number =>
  Number(one.state !== "open") - Number(other.state !== "open") ||
  RANK[one.severity] - RANK[other.severity] ||
  other.timestamp.localeCompare(one.timestamp);

function useAlerts() {
  const [filters] = useFilters();
  const current = !filters.state;
  const open = useQuery({ ...openAlertsQuery, enabled: current });
  const list = useInfiniteQuery({
    ...alertsQuery(filters.state === "all" ? { ...filters, state: "" } : filters),
    enabled: !current,
  });
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  // The current ones are fed by every page's ears; the other lists are asked anew once in a while.
  useLive(HEARD, (alert) => {
    void queries.invalidateQueries({ queryKey: ["alerts", "one", alert.id] });
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void queries.invalidateQueries({ queryKey: ["alerts", "list"] });
    }, REST);
  });
  const fits = (alert: Alert) =>
    (!filters.severity || alert.severity === filters.severity) &&
    (!filters.station || alert.station_id === filters.station) &&
    (!filters.rule || alert.rule === filters.rule);
  const rows = current ? open.data?.filter(fits).sort(byNeed) : list.data?.pages.flat();
  const more = () => void (!current && list.hasNextPage && !list.isFetching && list.fetchNextPage());
  const asked = current ? open : list;
  return { rows, more, error: asked.error, again: () => void asked.refetch() };
}

export function Inbox() {
  const { t } = useTranslation("alerts");
  const [filters, setFilters] = useFilters();
  const { rows, more, error, again } = useAlerts();
  const columns = useColumns();
  const open = filters.alert ?? null;
  const narrow = columns.filter((column) => ["severity", "title", "at"].includes(column.key));
  return (
    <div className={split.split} data-open={open !== null || undefined}>
      <div className={split.list}>
        <FilterBar />
        {rows === undefined ? (
          error ? (
            <Failed error={error} again={again} />
          ) : (
            <LoadingRows rows={8} />
          )
        ) : rows.length === 0 ? (
          filters.state || filters.severity || filters.station || filters.rule ? (
            <Empty title={t("inbox.noneSuch")} />
          ) : (
            <Notice icon={IconBellCheck} title={t("inbox.none")} text={t("inbox.noneHint")} />
          )
        ) : (
          <DataTable
            label={t("section.inbox")}
            rows={rows}
            columns={open ? narrow : columns}
            rowKey={(alert) => alert.id}
            rowHeight={56}
            selected={open}
            onSelect={(alert) => setFilters({ alert: alert.id })}
            onEnd={more}
            className={split.grow ?? ""}
          />
        )}
      </div>
      {open && <AlertPanel key={open} id={open} onClose={() => setFilters({ alert: "" })} />}
    </div>
  );
}

function FilterBar() {
  const { t } = useTranslation("alerts");
  const { t: parts } = useTranslation("shared");
  const [filters, setFilters] = useFilters();
  const stations = useQuery(stationsQuery);
  const rules = useQuery(rulesQuery);
  return (
    <div className={split.bar}>
      <Chips
        label={t("inbox.state")}
        choices={STATES.map((state) => ({ value: state, title: t(`state.${state || "current"}`) }))}
        value={filters.state ?? ""}
        onChange={(state) => setFilters({ state })}
      />
      <Select
        aria-label={t("inbox.severity")}
        placeholder={t("inbox.everySeverity")}
        clearable
        data={SEVERITIES.map((value) => ({ value, label: parts(`severity.${value}`) }))}
        value={filters.severity ?? null}
        onChange={(severity) => setFilters({ severity: severity ?? "" })}
        className={styles.narrow}
      />
      <Select
        aria-label={t("inbox.station")}
        placeholder={t("inbox.everyStation")}
        clearable
        searchable
        data={stations.data?.map(({ id, name }) => ({ value: id, label: name || id })) ?? []}
        value={filters.station ?? null}
        onChange={(station) => setFilters({ station: station ?? "" })}
        className={styles.narrow}
      />
      <Select
        aria-label={t("inbox.rule")}
        placeholder={t("inbox.everyRule")}
        clearable
        searchable
        data={rules.data?.map(({ id, title }) => ({ value: id, label: title })) ?? []}
        value={filters.rule ?? null}
        onChange={(rule) => setFilters({ rule: rule ?? "" })}
        className={styles.narrow}
      />
    </div>
  );
}

function useColumns(): Column<Alert>[] {
  const { t } = useTranslation("alerts");
  const stations = useQuery(stationsQuery);
  const names = new Map(stations.data?.map(({ id, name }) => [id, name || id]));
  return [
    {
      key: "severity",
      title: t("inbox.severity"),
      width: "126px",
      cell: (alert) => <Gravity severity={alert.severity} />,
    },
    {
      key: "title",
      title: t("inbox.what"),
      width: "minmax(180px, 2.4fr)",
      cell: (alert) => (
        <span className={styles.what}>
          <strong>{alert.title}</strong>
          <span title={alert.message}>{alert.message}</span>
        </span>
      ),
    },
    {
      key: "station",
      title: t("inbox.station"),
      cell: (alert) =>
        alert.station_id
          ? (names.get(alert.station_id) ?? alert.station_id)
          : alert.subject || t("inbox.all"),
    },
    { key: "state", title: t("inbox.state"), width: "190px", cell: (alert) => <State alert={alert} /> },
    {
      key: "at",
      title: t("inbox.at"),
      width: "112px",
      align: "right",
      cell: (alert) => <Age at={alert.timestamp} />,
    },
  ];
}

export function Age({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={dateTime(at)}>
      {ago(at, now)}
    </time>
  );
}

export function State({ alert }: { alert: Alert }) {
  const { t } = useTranslation("alerts");
  if (alert.state === "open") {
    return <Tag tone="bad">{t(alert.silenced_until ? "state.silenced" : "state.open")}</Tag>;
  }
  if (alert.state === "acknowledged") {
    return <Tag tone="warn">{t("state.seenBy", { by: alert.acknowledged_by ?? "?" })}</Tag>;
  }
  return <Tag tone="good">{t("state.resolved")}</Tag>;
}
