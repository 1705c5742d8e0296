// The page's colours as ECharts wants them, read from the style sheet when a chart is made.

export const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function chartTheme(): object {
  const axis = {
    axisLine: { lineStyle: { color: colour("edge-strong") } },
    axisTick: { lineStyle: { color: colour("edge-strong") } },
    axisLabel: { color: colour("ink-soft"), fontSize: 12 },
    splitLine: { lineStyle: { color: colour("edge") } },
    nameTextStyle: { color: colour("ink-soft") },
  };
  return {
    color: ["accent", "good", "warn", "bad", "idle"].map(colour),
    textStyle: { fontFamily: "Inter Variable, system-ui, sans-serif", color: colour("ink") },
    legend: { textStyle: { color: colour("ink-soft") } },
    tooltip: {
      backgroundColor: colour("raised"),
      borderColor: colour("edge-strong"),
      textStyle: { color: colour("ink"), fontSize: 13 },
    },
    grid: { left: 8, right: 16, top: 28, bottom: 8, containLabel: true },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: axis,
    timeAxis: { ...axis, splitLine: { show: false } },
    logAxis: axis,
  };
}
