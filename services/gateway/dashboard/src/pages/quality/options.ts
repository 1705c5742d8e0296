// What the charts draw, out of what was reckoned.

import type { EChartsCoreOption } from "echarts/core";
import { colour } from "@/parts/chartTheme";
import { count, percent } from "@/parts/numbers";
import type { Control } from "./control";
import { type Cause, type Step, type Sum, typical } from "./figures";

type Words = (key: string, values?: Record<string, unknown>) => string;

const GRID = { left: 8, right: 12, top: 40, bottom: 4, containLabel: true };
const LEGEND = { top: 4, left: 4, itemWidth: 14, itemHeight: 10 };
const share = (value: unknown): string => (typeof value === "number" ? percent(value) : "–");
const number = (value: unknown): string => (typeof value === "number" ? count(value) : "–");

const axis = (labels: readonly string[]) => ({
  type: "category",
  data: [...labels],
  axisLabel: { hideOverlap: true },
  axisTick: { show: false },
});
const percents = (more: object = {}) => ({
  type: "value",
  axisLabel: {
    formatter: (value: number) => percent(value, Number.isInteger(Math.round(value * 1e6) / 1e4) ? 0 : 1),
  },
  ...more,
});

export function trend(steps: readonly Step[], labels: readonly string[], t: Words): EChartsCoreOption {
  const bar = (key: "passed" | "uncertain" | "failed", tone: string) => ({
    name: t(`series.${key}`),
    type: "bar",
    stack: "parts",
    data: steps.map((step) => step[key]),
    itemStyle: { color: colour(tone), opacity: key === "passed" ? 0.45 : 1 },
    barMaxWidth: 26,
    tooltip: { valueFormatter: number },
  });
  return {
    grid: GRID,
    legend: LEGEND,
    tooltip: { trigger: "axis" },
    xAxis: axis(labels),
    yAxis: [
      { type: "value", minInterval: 1 },
      percents({ max: 1, min: floorOf(steps), splitLine: { show: false } }),
    ],
    series: [
      bar("passed", "good"),
      bar("uncertain", "warn"),
      bar("failed", "bad"),
      {
        name: t("series.passRate"),
        type: "line",
        yAxisIndex: 1,
        data: steps.map((step) => (step.total ? step.passed / step.total : null)),
        itemStyle: { color: colour("accent") },
        lineStyle: { width: 2.5 },
        symbolSize: 5,
        tooltip: { valueFormatter: share },
      },
    ],
  };
}

/** The axis of the pass rate begins where it can be read: at a whole tenth below the worst. */
function floorOf(steps: readonly Step[]): number {
  const rates = steps.filter((step) => step.total).map((step) => step.passed / step.total);
  return rates.length ? Math.max(0, Math.floor(Math.min(...rates) * 10 - 0.5) / 10) : 0;
}

export function scores(steps: readonly Step[], labels: readonly string[], t: Words): EChartsCoreOption {
  return {
    grid: GRID,
    legend: LEGEND,
    tooltip: { trigger: "axis", valueFormatter: share },
    xAxis: axis(labels),
    yAxis: percents({ min: 0 }),
    series: [
      {
        name: t("series.typical"),
        type: "line",
        data: steps.map(typical),
        itemStyle: { color: colour("accent") },
        symbolSize: 5,
        lineStyle: { width: 2.5 },
        markLine: {
          symbol: "none",
          silent: true,
          data: [{ yAxis: 1, label: { formatter: t("series.limit"), position: "insideEndTop" } }],
          lineStyle: { color: colour("bad"), type: "dashed" },
          label: { color: colour("bad") },
        },
      },
      {
        name: t("series.near"),
        type: "bar",
        data: steps.map((step) => (step.scored ? step.near / step.scored : null)),
        itemStyle: { color: colour("warn"), opacity: 0.7 },
        barMaxWidth: 26,
      },
    ],
  };
}

export function causes(found: readonly Cause[], t: Words): EChartsCoreOption {
  return {
    grid: GRID,
    legend: LEGEND,
    tooltip: { trigger: "axis" },
    xAxis: {
      ...axis(found.map((cause) => cause.name)),
      axisLabel: { interval: 0, overflow: "truncate", width: 90 },
    },
    yAxis: [{ type: "value", minInterval: 1 }, percents({ min: 0, max: 1, splitLine: { show: false } })],
    series: [
      {
        name: t("series.findings"),
        type: "bar",
        data: found.map((cause) => cause.count),
        itemStyle: { color: colour("accent") },
        barMaxWidth: 56,
        label: { show: true, position: "top", color: colour("ink"), fontSize: 12 },
        tooltip: { valueFormatter: number },
      },
      {
        name: t("series.upTo"),
        type: "line",
        yAxisIndex: 1,
        data: found.map((cause) => cause.upTo),
        itemStyle: { color: colour("warn") },
        symbolSize: 7,
        tooltip: { valueFormatter: share },
      },
    ],
  };
}

export function controlChart(chart: Control, labels: readonly string[], t: Words): EChartsCoreOption {
  const { groups } = chart;
  const limit = (key: "upper" | "lower") => ({
    name: t(`series.${key}`),
    type: "line",
    step: "middle",
    data: groups.map((group) => group[key]),
    symbol: "none",
    lineStyle: { color: colour("bad"), type: "dashed", width: 1.5 },
    itemStyle: { color: colour("bad") },
    tooltip: { valueFormatter: share },
  });
  const broken = groups.flatMap((group, at) => (group.broken.length ? [{ at, group }] : []));
  return {
    grid: GRID,
    legend: LEGEND,
    tooltip: { trigger: "axis" },
    xAxis: axis(labels),
    yAxis: percents({ min: 0 }),
    series: [
      {
        name: t("series.failRate"),
        type: "line",
        data: groups.map((group) => group.share),
        itemStyle: { color: colour("accent") },
        symbolSize: 6,
        connectNulls: true,
        tooltip: { valueFormatter: share },
        markLine: {
          symbol: "none",
          silent: true,
          data: [
            { yAxis: chart.centre, label: { formatter: percent(chart.centre), position: "insideEndTop" } },
          ],
          lineStyle: { color: colour("good"), type: "solid" },
          label: { color: colour("good") },
        },
      },
      limit("upper"),
      limit("lower"),
      {
        name: t("series.broken"),
        type: "scatter",
        symbol: "diamond",
        symbolSize: 15,
        data: broken.map(({ at, group }) => [at, group.share]),
        itemStyle: { color: colour("bad") },
        z: 5,
        tooltip: { valueFormatter: share },
      },
    ],
  };
}

/** Failed and uncertain parts of 100, side by side for some groups. */
export function compared(groups: readonly Sum[], names: readonly string[], t: Words): EChartsCoreOption {
  const bar = (key: "failed" | "uncertain", tone: string) => ({
    name: t(`series.${key}`),
    type: "bar",
    stack: "share",
    data: groups.map((group) => (group.total ? group[key] / group.total : 0)),
    itemStyle: { color: colour(tone) },
    barMaxWidth: 44,
    tooltip: { valueFormatter: share },
  });
  return {
    grid: GRID,
    legend: LEGEND,
    tooltip: { trigger: "axis" },
    xAxis: { ...axis(names), axisLabel: { interval: 0, overflow: "truncate", width: 110 } },
    yAxis: percents({ min: 0 }),
    series: [bar("failed", "bad"), bar("uncertain", "warn")],
  };
}
