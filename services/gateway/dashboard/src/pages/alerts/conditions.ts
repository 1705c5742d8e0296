// The kinds of conditions a rule can have, and the fields of each, as the form shows them.

import type { Schemas } from "@/api/client";

export type Condition = Schemas["AlertRule"]["condition"];
export type Kind = Condition["kind"];

export type Field =
  | { name: string; as: "number"; whole?: boolean; min?: number; max?: number; empty?: boolean }
  /** A share between 0 and 1, shown in percent. */
  | { name: string; as: "share" }
  | { name: string; as: "choice"; of: readonly string[] }
  | { name: string; as: "switch" }
  | { name: string; as: "text" }
  | { name: string; as: "names" }
  | { name: string; as: "tests" };

const CHART: readonly Field[] = [
  { name: "variable", as: "choice", of: ["fail_rate", "anomaly_score", "latency_ms"] },
  { name: "side", as: "choice", of: ["upper", "lower", "both"] },
  { name: "subgroup", as: "number", whole: true, min: 1, max: 1000 },
  { name: "baseline", as: "number", whole: true, min: 8, max: 1000 },
  { name: "centre", as: "number", empty: true },
  { name: "sigma", as: "number", empty: true },
  { name: "clear_points", as: "number", whole: true, min: 1, max: 1000 },
];
const MINUTES = { name: "window_minutes", as: "number", whole: true, min: 1, max: 1440 } as const;
const DEVICES = { name: "devices", as: "names" } as const;

const THRESHOLD: readonly Field[] = [
  {
    name: "metric",
    as: "choice",
    of: ["pass_rate", "fail_rate", "uncertain_rate", "error_rate", "latency_ms", "lag_seconds"],
  },
  { name: "limit", as: "number" },
  { name: "clear_margin", as: "number" },
  MINUTES,
  { name: "minimum_parts", as: "number", whole: true, min: 1 },
  { name: "class_name", as: "text" },
];

const FIELDS: Readonly<Record<Kind, readonly Field[]>> = {
  threshold: THRESHOLD,
  consecutive: [
    { name: "parts", as: "number", whole: true, min: 2, max: 1000 },
    { name: "clear_parts", as: "number", whole: true, min: 1, max: 1000 },
    { name: "uncertain_too", as: "switch" },
  ],
  western_electric: [...CHART, { name: "tests", as: "tests" }],
  cusum: [
    ...CHART,
    { name: "slack", as: "number", min: 0, max: 10 },
    { name: "decision", as: "number", min: 0, max: 100 },
  ],
  camera_silent: [{ name: "seconds", as: "number", whole: true, min: 10, max: 86_400 }],
  drift: [{ name: "measures", as: "names" }],
  device_lost: [{ name: "stale_too", as: "switch" }, DEVICES],
  jobs_failed: [
    { name: "count", as: "number", whole: true, min: 1 },
    MINUTES,
    { name: "queues", as: "names" },
  ],
  disk_low: [{ name: "free_gb", as: "number", min: 0 }, { name: "clear_gb", as: "number", min: 0 }, DEVICES],
  evidence_full: [
    { name: "share", as: "share" },
    { name: "clear_margin", as: "share" },
  ],
  rolled_back: [{ name: "automatic_only", as: "switch" }, MINUTES],
  channel_failing: [{ name: "attempts", as: "number", whole: true, min: 1, max: 100 }],
};

const CHART_FRESH = {
  variable: "fail_rate",
  subgroup: 20,
  baseline: 25,
  centre: null,
  sigma: null,
  side: "upper",
  clear_points: 8,
} as const;

const FRESH: { readonly [K in Kind]: Extract<Condition, { kind: K }> } = {
  threshold: {
    kind: "threshold",
    metric: "fail_rate",
    class_name: null,
    limit: 0.05,
    clear_margin: 0.01,
    window_minutes: 30,
    minimum_parts: 50,
  },
  consecutive: { kind: "consecutive", parts: 5, uncertain_too: false, clear_parts: 3 },
  western_electric: { kind: "western_electric", ...CHART_FRESH, tests: [1, 2, 3, 4] },
  cusum: { kind: "cusum", ...CHART_FRESH, slack: 0.5, decision: 5 },
  camera_silent: { kind: "camera_silent", seconds: 300 },
  drift: { kind: "drift", measures: [] },
  device_lost: { kind: "device_lost", stale_too: false, devices: [] },
  jobs_failed: { kind: "jobs_failed", count: 1, window_minutes: 60, queues: [] },
  disk_low: { kind: "disk_low", free_gb: 10, clear_gb: 1, devices: [] },
  evidence_full: { kind: "evidence_full", share: 0.95, clear_margin: 0.02 },
  rolled_back: { kind: "rolled_back", automatic_only: true, window_minutes: 1440 },
  channel_failing: { kind: "channel_failing", attempts: 3 },
};

export const KINDS = Object.keys(FIELDS) as readonly Kind[];
/** Rules over parts: these can be tried on the past. */
export const OVER_PARTS: ReadonlySet<Kind> = new Set([
  "threshold",
  "consecutive",
  "western_electric",
  "cusum",
]);

export const freshCondition = (kind: Kind): Condition => ({ ...FRESH[kind] });

const isShare = (metric: unknown): boolean => String(metric).endsWith("_rate");

/** The fields of a condition; what a threshold's limit is depends on what it is of. */
export function fieldsFor(condition: Condition): readonly Field[] {
  if (condition.kind !== "threshold") return FIELDS[condition.kind];
  return THRESHOLD.filter((field) => field.name !== "class_name" || condition.metric === "fail_rate").map(
    (field) =>
      (field.name === "limit" || field.name === "clear_margin") && isShare(condition.metric)
        ? { name: field.name, as: "share" }
        : field,
  );
}

/** A condition with one field changed; another metric has another kind of limit, so it gets one that fits. */
export function withField(condition: Condition, name: string, value: unknown): Condition {
  const after = { ...condition, [name]: value } as Condition;
  if (condition.kind !== "threshold" || name !== "metric") return after;
  const limits: Record<string, [number, number]> = {
    latency_ms: [2000, 200],
    lag_seconds: [5, 1],
    pass_rate: [0.9, 0.02],
  };
  const [limit, clear_margin] = limits[String(value)] ?? [0.05, 0.01];
  const class_name = value === "fail_rate" ? condition.class_name : null;
  return { ...condition, metric: value as never, limit, clear_margin, class_name };
}
