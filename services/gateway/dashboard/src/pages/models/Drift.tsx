// Drift: how far each hour's scores and light are from when the version was new at the station.

import { SegmentedControl } from "@mantine/core";
import { IconActivity, IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { serverNow } from "@/api/clock";
import { ChartWithDownload } from "@/parts/Chart";
import { colour } from "@/parts/chartTheme";
import type { Cell } from "@/parts/csv";
import { decimal, percent } from "@/parts/numbers";
import { Asked, LoadingCards, Notice } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { dateTime } from "@/parts/time";
import { useFilters } from "@/parts/useFilters";
import { driftQuery } from "./asked";
import styles from "./models.module.css";
import { shortId } from "./reckoning";

type Hour = Schemas["HourDrift"];

const SPANS = ["24", "72", "168"] as const;

export function Drift() {
  const { t } = useTranslation("models");
  const [filters, change] = useFilters();
  const span = SPANS.find((each) => each === filters.hours) ?? "24";
  const drift = useQuery(driftQuery(Number(span)));
  return (
    <>
      <div className={styles.bar}>
        <SegmentedControl
          aria-label={t("drift.span")}
          value={span}
          onChange={(value) => change({ hours: value })}
          data={SPANS.map((each) => ({ value: each, label: t(`drift.hours${each}`) }))}
        />
      </div>
      <Asked
        query={drift}
        loading={<LoadingCards cards={2} height={280} />}
        isEmpty={({ hours }) => hours.length === 0}
        empty={<Notice icon={IconActivity} title={t("drift.empty")} text={t("drift.emptyText")} />}
      >
        {({ hours, threshold, false_alarm_rate }) => (
          <>
            <p className={styles.quiet}>
              {t("drift.about", { threshold: decimal(threshold, 1), rate: percent(false_alarm_rate) })}
            </p>
            <div className={styles.grid}>
              {[...new Set(hours.map((each) => each.station_id))].sort().map((station) => (
                <StationDrift
                  key={station}
                  station={station}
                  hours={hours.filter((each) => each.station_id === station)}
                  threshold={threshold}
                  span={Number(span)}
                />
              ))}
            </div>
          </>
        )}
      </Asked>
    </>
  );
}

const MEASURES = ["score", "brightness"] as const;

interface Props {
  station: string;
  hours: readonly Hour[];
  threshold: number;
  /** Hours that are shown. */
  span: number;
}

function StationDrift({ station, hours, threshold, span }: Props) {
  const { t } = useTranslation("models");
  const option = useMemo(
    () => ({
      grid: { left: 8, right: 12, top: 40, bottom: 8, containLabel: true },
      legend: { top: 4 },
      tooltip: { trigger: "axis" },
      xAxis: { type: "time", min: serverNow() - span * 3_600_000, max: serverNow() },
      yAxis: {
        type: "value",
        name: "PSI",
        min: 0,
        max: ({ max }: { max: number }) => Number(Math.max(1.25 * threshold, 1.1 * max).toFixed(2)),
      },
      series: MEASURES.map((measure, at) => ({
        type: "line",
        name: t(`measure.${measure}`),
        symbolSize: 9,
        data: hours
          .filter((each) => each.measure === measure)
          .map((each) => ({
            value: [each.hour, Number(each.psi.toFixed(4))],
            ...(each.drifted
              ? { itemStyle: { color: colour("bad") }, symbol: "diamond", symbolSize: 15 }
              : {}),
          })),
        ...(at === 0
          ? {
              markLine: {
                silent: true,
                symbol: "none",
                lineStyle: { color: colour("warn"), type: "dashed" },
                label: { formatter: String(threshold), color: colour("ink-soft") },
                data: [{ yAxis: threshold }],
              },
            }
          : {}),
      })),
    }),
    [hours, threshold, span, t],
  );
  const table: Cell[][] = [
    ["hour", "version", "measure", "parts", "reference", "psi", "critical", "drifted"],
    ...hours.map((each) => [
      each.hour,
      each.version_id,
      each.measure,
      each.parts,
      each.reference_parts,
      each.psi,
      each.critical,
      each.drifted ? 1 : 0,
    ]),
  ];
  return (
    <div className={styles.list}>
      <ChartWithDownload
        title={station}
        option={option}
        table={table}
        file={`drift-${station}`}
        height={240}
        tools={<Latest hours={hours} />}
      />
      <div className={`${styles.card} ${styles.body} ${styles.scroll}`}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>{t("drift.hour")}</th>
              <th>{t("drift.measure")}</th>
              <th>{t("trial.parts")}</th>
              <th>PSI</th>
              <th>{t("drift.critical")}</th>
            </tr>
          </thead>
          <tbody>
            {[...hours]
              .reverse()
              .slice(0, 6)
              .map((each) => (
                <tr key={`${each.hour} ${each.measure} ${each.version_id}`}>
                  <td>
                    {dateTime(each.hour)} <span className={styles.quiet}>{shortId(each.version_id)}</span>
                  </td>
                  <td>{t(`measure.${each.measure}`)}</td>
                  <td>
                    {each.parts} / {each.reference_parts}
                  </td>
                  <td data-tone={each.drifted ? "bad" : undefined}>{decimal(each.psi, 3)}</td>
                  <td>{decimal(each.critical, 3)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Latest({ hours }: { hours: readonly Hour[] }) {
  const { t } = useTranslation("models");
  const newest = hours.at(-1)?.hour;
  const drifted = hours.some((each) => each.hour === newest && each.drifted);
  return (
    <Tag tone={drifted ? "bad" : "good"} icon={drifted ? IconAlertTriangle : IconCheck}>
      {t(drifted ? "drift.drifted" : "drift.steady")}
    </Tag>
  );
}
