// A chart with its name, its data as a table for who can't see it, and a button that downloads them.

import { ActionIcon, Skeleton } from "@mantine/core";
import { IconTableDown } from "@tabler/icons-react";
import type { EChartsCoreOption } from "echarts/core";
import { lazy, type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { saveAs } from "@/api/client";
import styles from "./Chart.module.css";
import { type Cell, csv } from "./csv";

const Drawing = lazy(() => import("./Drawing"));

export interface ChartProps {
  title: string;
  /** What ECharts draws; colours, axes and tooltips come from the theme unless they are named. */
  option: EChartsCoreOption;
  /** The same as numbers: a first row of names, then one row each. */
  table: readonly (readonly Cell[])[];
  /** Of the downloaded file, without its ending. */
  file: string;
  height?: number;
  tools?: ReactNode;
  onClick?: (event: { name: string; dataIndex: number; seriesName?: string }) => void;
}

export function ChartWithDownload({ title, option, table, file, height = 280, tools, onClick }: ChartProps) {
  const { t } = useTranslation("shared");
  const save = () => saveAs(new Blob([csv(table)], { type: "text/csv;charset=utf-8" }), `${file}.csv`);
  return (
    <figure className={styles.chart}>
      <figcaption>
        <h2>{title}</h2>
        {tools}
        <ActionIcon
          aria-label={t("chart.download", { title })}
          title={t("chart.download", { title })}
          onClick={save}
        >
          <IconTableDown />
        </ActionIcon>
      </figcaption>
      <div
        style={{ height }}
        role="img"
        aria-label={t("chart.of", { title, count: Math.max(0, table.length - 1) })}
      >
        <Suspense fallback={<Skeleton height={height} />}>
          <Drawing option={option} height={height} onClick={onClick} />
        </Suspense>
      </div>
    </figure>
  );
}
