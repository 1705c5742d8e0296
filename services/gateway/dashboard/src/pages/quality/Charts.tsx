// The charts of the page, each with its numbers to take along.

import { useComputedColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import i18next from "i18next";
import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { ChartWithDownload } from "@/parts/Chart";
import type { Cell } from "@/parts/csv";
import { configQuery, shiftName, USUAL } from "@/parts/shifts";
import { type Control, control } from "./control";
import {
  byShift,
  byStation,
  bySteps,
  type Hour,
  pareto,
  type Step,
  type Sum,
  summed,
  typical,
} from "./figures";
import { causes, compared, controlChart, scores, trend } from "./options";
import styles from "./quality.module.css";
import { HOUR, type Span, stepOf } from "./span";

interface Props {
  /** Of the station that is looked at, or all. */
  hours: readonly Hour[];
  all: readonly Hour[];
  span: Span;
  station: string;
  nameOf: (station: string) => string;
  /** What stands beside the small ones. */
  children: ReactNode;
}

export function Charts({ hours, all, span, station, nameOf, children }: Props) {
  const { t } = useTranslation("quality");
  const site = useQuery(configQuery).data?.site ?? USUAL;
  const scheme = useComputedColorScheme("dark");
  const step = stepOf(span);
  const steps = useMemo(() => bySteps(hours, span, step), [hours, span, step]);
  const labels = useMemo(() => steps.map(({ at }) => labelOf(at, step)), [steps, step]);
  const chart = useMemo(() => control(steps), [steps]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours follow the scheme
  const drawn = useMemo(() => {
    const found = pareto(summed(hours).defects).slice(0, 12);
    const shifts = byShift(hours, site);
    const stations = byStation(all).filter((sum) => sum.total);
    return {
      found,
      shifts,
      stations,
      trend: trend(steps, labels, t),
      scores: scores(steps, labels, t),
      causes: causes(found, t),
      control: controlChart(chart, labels, t),
      byShift: compared(
        shifts,
        shifts.map((_, at) => shiftName(at, site.shift_starts)),
        t,
      ),
      byStation: compared(
        stations,
        stations.map((sum) => nameOf(sum.station)),
        t,
      ),
    };
  }, [hours, all, steps, labels, chart, site, t, scheme, nameOf]);
  const open = useOpenParts(station);
  const at = (index: number) => steps[index]?.at ?? 0;
  const file = (what: string) => `andon-${what}${station ? `-${station}` : ""}`;
  return (
    <>
      <ChartWithDownload
        title={t("chart.trend")}
        option={drawn.trend}
        table={stepTable(steps)}
        file={file("parts")}
        onClick={({ dataIndex }) => open({ since: at(dataIndex), until: at(dataIndex) + step * HOUR })}
      />
      <ChartWithDownload
        title={t("chart.causes")}
        option={drawn.causes}
        table={[
          ["class", "findings", "share_up_to"],
          ...drawn.found.map((c): Cell[] => [c.name, c.count, c.upTo]),
        ]}
        file={file("causes")}
        onClick={({ dataIndex }) => {
          const name = drawn.found[dataIndex]?.name;
          if (name) open({ class: name, since: span.since, until: span.until });
        }}
      />
      <div className={styles.control}>
        <ChartWithDownload
          title={t("chart.control")}
          option={drawn.control}
          table={controlTable(steps, chart)}
          file={file("p-chart")}
          onClick={({ dataIndex }) =>
            open({ decision: "fail", since: at(dataIndex), until: at(dataIndex) + step * HOUR })
          }
        />
        <Broken chart={chart} labels={labels} />
      </div>
      {children}
      <ChartWithDownload
        title={t("chart.shifts")}
        option={drawn.byShift}
        table={sumTable("shift", drawn.shifts, (index) => shiftName(index, site.shift_starts))}
        file={file("shifts")}
      />
      <ChartWithDownload
        title={t("chart.stations")}
        option={drawn.byStation}
        table={sumTable("station", drawn.stations, (index) => drawn.stations[index]?.station ?? "")}
        file="andon-stations"
      />
      <div className={styles.wide}>
        <ChartWithDownload
          title={t("chart.scores")}
          option={drawn.scores}
          table={scoreTable(steps)}
          file={file("scores")}
        />
      </div>
    </>
  );
}

function labelOf(at: number, step: number): string {
  const locale = i18next.resolvedLanguage === "de" ? "de-DE" : "en-GB";
  const options: Intl.DateTimeFormatOptions =
    step === 1
      ? { weekday: "short", hour: "2-digit", minute: "2-digit" }
      : step === 24
        ? { day: "numeric", month: "short" }
        : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(locale, options).format(at);
}

interface Wanted {
  class?: string;
  decision?: string;
  since: number;
  until: number;
}

/** From a chart to the parts behind it. */
function useOpenParts(station: string) {
  const navigate = useNavigate();
  return ({ since, until, ...search }: Wanted) => {
    const local = (moment: number) => {
      const at = new Date(moment);
      return new Date(moment - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    };
    const all = { ...search, ...(station && { station }), since: local(since), until: local(until) };
    void navigate({ to: "/parts", search: all as never });
  };
}

function Broken({ chart, labels }: { chart: Control; labels: readonly string[] }) {
  const { t } = useTranslation("quality");
  const broken = chart.groups.flatMap((group, at) =>
    group.broken.map((rule) => ({ rule, label: labels[at] ?? "", key: `${at} ${rule}` })),
  );
  return (
    <div className={styles.broken}>
      {broken.length ? (
        <ul>
          {broken.slice(-6).map(({ rule, label, key }) => (
            <li key={key}>
              <b>{label}</b> {t(`rule.${rule}`)}
            </li>
          ))}
        </ul>
      ) : (
        <p>{t("rule.none")}</p>
      )}
      <p className={styles.quiet}>{t("rule.how")}</p>
    </div>
  );
}

const iso = (moment: number): string => new Date(moment).toISOString();

const stepTable = (steps: readonly Step[]): Cell[][] => [
  ["from_utc", "parts", "passed", "failed", "uncertain", "pass_rate"],
  ...steps.map((s) => [
    iso(s.at),
    s.total,
    s.passed,
    s.failed,
    s.uncertain,
    s.total ? s.passed / s.total : null,
  ]),
];

const scoreTable = (steps: readonly Step[]): Cell[][] => [
  ["from_utc", "parts_scored", "typical_score_of_limit", "parts_near_limit"],
  ...steps.map((s) => [iso(s.at), s.scored, typical(s), s.near]),
];

const controlTable = (steps: readonly Step[], chart: Control): Cell[][] => [
  ["from_utc", "parts", "failed", "fail_rate", "centre", "lower_limit", "upper_limit", "rules_broken"],
  ...steps.map((s, at) => {
    const group = chart.groups[at];
    const limits = [group?.share, chart.centre, group?.lower, group?.upper];
    return [iso(s.at), s.total, s.failed, ...limits, group?.broken.join(" ") ?? ""];
  }),
];

const sumTable = (name: string, sums: readonly Sum[], nameOf: (index: number) => string): Cell[][] => [
  [name, "parts", "passed", "failed", "uncertain", "pass_rate"],
  ...sums.map((s, at) => [
    nameOf(at),
    s.total,
    s.passed,
    s.failed,
    s.uncertain,
    s.total ? s.passed / s.total : null,
  ]),
];
