// Sums of hours: by step, by shift, by station, by class.

import type { Schemas } from "@/api/client";
import type { Part } from "@/parts/PartImage";
import { type Site, shiftAt, timeOfDay } from "@/parts/shifts";
import { HOUR, type Span, stepStart, steps } from "./span";

export type Hour = Schemas["HourFigures"];
export type Sum = Omit<Hour, "station_id" | "hour">;

export const nothing = (): Sum => ({
  total: 0,
  passed: 0,
  failed: 0,
  uncertain: 0,
  time_ms: 0,
  defects: {},
  scored: 0,
  score_octaves: 0,
  near: 0,
});

const NUMBERS = [
  "total",
  "passed",
  "failed",
  "uncertain",
  "time_ms",
  "scored",
  "score_octaves",
  "near",
] as const;

export function summed(hours: readonly Sum[]): Sum {
  const sum = nothing();
  const defects = new Map<string, number>();
  for (const hour of hours) {
    for (const name of NUMBERS) sum[name] += hour[name];
    for (const [name, count] of Object.entries(hour.defects)) {
      defects.set(name, (defects.get(name) ?? 0) + count);
    }
  }
  return { ...sum, defects: Object.fromEntries(defects) };
}

function grouped<K>(hours: readonly Hour[], key: (hour: Hour) => K): Map<K, Hour[]> {
  const groups = new Map<K, Hour[]>();
  for (const hour of hours) {
    const own = key(hour);
    const group = groups.get(own);
    if (group) group.push(hour);
    else groups.set(own, [hour]);
  }
  return groups;
}

export interface Step extends Sum {
  /** Milliseconds. */
  at: number;
}

/** One entry a step, the empty ones too. */
export function bySteps(hours: readonly Hour[], span: Span, step: number): Step[] {
  const groups = grouped(hours, (hour) => stepStart(Date.parse(hour.hour), step));
  return steps(span, step).map((at) => ({ at, ...summed(groups.get(at) ?? []) }));
}

export function byStation(hours: readonly Hour[]): (Sum & { station: string })[] {
  return [...grouped(hours, (hour) => hour.station_id)]
    .map(([station, own]) => ({ station, ...summed(own) }))
    .sort((one, other) => other.failed / other.total - one.failed / one.total);
}

/** A shift that begins within an hour counts from the next whole one: the figures are of hours. */
export function byShift(hours: readonly Hour[], site: Site): Sum[] {
  const starts = site.shift_starts;
  const groups = grouped(hours, (hour) => shiftAt(timeOfDay(Date.parse(hour.hour), site.zone), starts));
  return starts.map((_, shift) => summed(groups.get(shift) ?? []));
}

export interface Cause {
  name: string;
  count: number;
  /** Share of all findings up to and with this one, 0 to 1. */
  upTo: number;
}

/** The causes that matter most first. */
export function pareto(defects: Readonly<Record<string, number>>): Cause[] {
  const sorted = Object.entries(defects).sort(([a, one], [b, other]) => other - one || a.localeCompare(b));
  const all = sorted.reduce((sum, [, count]) => sum + count, 0);
  let sum = 0;
  return sorted.map(([name, count]) => {
    sum += count;
    return { name, count, upTo: sum / all };
  });
}

/** Typical score as a share of the fail limit: the geometric mean, 1 is at the limit. */
export const typical = (sum: Pick<Sum, "scored" | "score_octaves">): number | null =>
  sum.scored ? 2 ** (sum.score_octaves / sum.scored) : null;

const COUNTED = { pass: "passed", fail: "failed", uncertain: "uncertain" } as const;

/** The hours after one more part. */
export function withPart(hours: readonly Hour[], part: Part): Hour[] {
  const start = Math.floor(Date.parse(part.timestamp) / HOUR) * HOUR;
  const at = hours.findIndex(
    (each) => each.station_id === part.station_id && Date.parse(each.hour) === start,
  );
  const hour = new Date(start).toISOString();
  const octaves = Math.log2(part.anomaly_score / part.fail_above);
  const told = Number.isFinite(octaves);
  const one: Sum = { ...nothing(), total: 1, time_ms: part.total_time_ms, [COUNTED[part.decision]]: 1 };
  for (const { class_name } of part.detections) {
    one.defects = { ...one.defects, [class_name]: (one.defects[class_name] ?? 0) + 1 };
  }
  if (told)
    Object.assign(one, { scored: 1, score_octaves: octaves, near: Number(octaves >= -0.5 && octaves < 0) });
  const known = hours[at];
  const fresh = { station_id: part.station_id, hour, ...summed(known ? [known, one] : [one]) };
  return known ? hours.map((each, index) => (index === at ? fresh : each)) : [...hours, fresh];
}
