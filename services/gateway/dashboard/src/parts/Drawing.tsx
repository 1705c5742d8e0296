// ECharts itself: a chunk of its own that is loaded with the first chart.

import { useComputedColorScheme } from "@mantine/core";
import { BarChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import type { ChartProps } from "./Chart";
import { chartTheme } from "./chartTheme";

echarts.use([
  BarChart,
  HeatmapChart,
  LineChart,
  ScatterChart,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
]);

type Props = Pick<ChartProps, "option" | "onClick"> & { height: number };

export default function Drawing({ option, height, onClick }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts | null>(null);
  const click = useRef(onClick);
  const scheme = useComputedColorScheme("dark");
  useEffect(() => {
    click.current = onClick;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme needs another chart
  useEffect(() => {
    if (!place.current) return;
    const made = echarts.init(place.current, chartTheme());
    made.on("click", (event) => {
      click.current?.({
        name: event.name,
        dataIndex: event.dataIndex,
        ...(event.seriesName ? { seriesName: event.seriesName } : {}),
      });
    });
    chart.current = made;
    const sized = new ResizeObserver(() => made.resize());
    sized.observe(place.current);
    return () => {
      sized.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, [scheme]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the new chart of another scheme draws it, too
  useEffect(() => {
    // Tooltips on the canvas: the gateway's policy lets in no markup with style attributes.
    const tooltip = { renderMode: "richText", ...(option.tooltip as object | undefined) };
    chart.current?.setOption({ ...option, tooltip, animation: false }, { notMerge: true, lazyUpdate: true });
  }, [option, scheme]);
  return <div ref={place} style={{ height }} />;
}
