// The curves of a run, drawn further with each report.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { ChartWithDownload } from "@/parts/Chart";
import type { Run } from "./asked";
import { rowsOf } from "./reckoning";

/** Losses fall and scores rise: each kind has an axis of its own. */
const isLoss = (name: string): boolean => /loss|error/.test(name);

export function Curves({ run }: { run: Run }) {
  const { t } = useTranslation("models");
  const names = Object.keys(run.curves).filter((name) => (run.curves[name]?.length ?? 0) > 0);
  const option = useMemo(
    () => ({
      grid: { left: 8, right: 8, top: 40, bottom: 8, containLabel: true },
      legend: { top: 4 },
      tooltip: { trigger: "axis" },
      xAxis: { type: "value", minInterval: 1, min: 1, max: "dataMax" },
      yAxis: [
        { type: "value", scale: true },
        { type: "value", scale: true, splitLine: { show: false } },
      ],
      series: Object.entries(run.curves).map(([name, values]) => ({
        type: "line",
        name: name.replaceAll("_", " "),
        yAxisIndex: isLoss(name) ? 0 : 1,
        showSymbol: values.length < 20,
        data: values.map((value, at) => [at + 1, value]),
      })),
    }),
    [run.curves],
  );
  if (!names.length) return null;
  return (
    <ChartWithDownload
      title={t("run.curves")}
      option={option}
      table={rowsOf(run.curves)}
      file={`curves-${run.id}`}
      height={260}
    />
  );
}
