// Rates with their intervals, and the figures of a trial as its parts come in.

import type { Schemas } from "@/api/client";
import type { Cell } from "@/parts/csv";

type Rollout = Schemas["Rollout"];
type Tally = Required<Omit<Schemas["Tally"], "scores" | "ranks" | "brightness">> & Schemas["Tally"];
type Part = Pick<Schemas["InspectionView"], "decision" | "times" | "trial">;

export interface Rate {
  count: number;
  of: number;
  value: number;
  low: number;
  high: number;
}

const Z = 1.959964;

/** A share with its 95 % interval (Wilson); null of nothing. */
export function rateOf(count: number, of: number): Rate | null {
  if (of <= 0) return null;
  const value = count / of;
  const middle = (value + (Z * Z) / (2 * of)) / (1 + (Z * Z) / of);
  const half = (Z * Math.sqrt((value * (1 - value)) / of + (Z * Z) / (4 * of * of))) / (1 + (Z * Z) / of);
  return { count, of, value, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

export const whole = (tally: Schemas["Tally"] | undefined): Tally => ({
  parts: 0,
  passed: 0,
  failed: 0,
  uncertain: 0,
  errors: 0,
  disagreed: 0,
  time_us: 0,
  time_squares: 0,
  ...tally,
});

const COUNTED = { pass: "passed", fail: "failed", uncertain: "uncertain" } as const;

function withPart(tally: Schemas["Tally"] | undefined, decision: Schemas["Decision"], ms: number): Tally {
  const known = whole(tally);
  const kind = COUNTED[decision];
  return {
    ...known,
    parts: known.parts + 1,
    [kind]: known[kind] + 1,
    time_us: known.time_us + 1000 * ms,
    time_squares: known.time_squares + ms * ms,
  };
}

/** A trial's figures with one part more, as the inspector counts them. */
export function counted(rollout: Rollout, part: Part): Rollout {
  const trial = part.trial;
  if (trial?.rollout_id !== rollout.id) return rollout;
  const mine = (tally: Schemas["Tally"] | undefined) =>
    withPart(tally, part.decision, part.times.inference_ms);
  const failed = trial.error ? { ...whole(rollout.new), errors: whole(rollout.new).errors + 1 } : null;
  if (trial.role !== "shadow") {
    if (trial.by_new) return { ...rollout, new: mine(rollout.new) };
    const old = trial.role === "watch" ? rollout.old : mine(rollout.old);
    return { ...rollout, new: failed ?? rollout.new, old } as Rollout;
  }
  const old = mine(rollout.old);
  if (!trial.decision) return { ...rollout, new: failed ?? whole(rollout.new), old };
  const fresh = withPart(rollout.new, trial.decision, trial.inference_ms ?? 0);
  const differs = trial.decision === part.decision ? 0 : 1;
  return { ...rollout, new: { ...fresh, disagreed: fresh.disagreed + differs }, old };
}

export const passRate = (tally: Schemas["Tally"] | undefined): Rate | null =>
  rateOf(whole(tally).passed, whole(tally).parts);

/** Milliseconds; null without parts. */
export const meanTime = (tally: Schemas["Tally"] | undefined): number | null => {
  const { parts, time_us } = whole(tally);
  return parts ? time_us / parts / 1000 : null;
};

const OVER = new Set<Rollout["state"]>(["promoted", "passed", "aborted", "rolled_back"]);
export const isOver = (rollout: Rollout): boolean => OVER.has(rollout.state);

/** A version's name as people say it: what it is called, else the end of its id. */
export const shortId = (id: string): string => id.replace(/^model-/, "").slice(0, 8);

/** What two versions can be compared by: the same held-out parts, or nothing. */
export const comparable = (
  one: { held_out: string } | null | undefined,
  other: { held_out: string } | null | undefined,
): boolean => Boolean(one?.held_out && one.held_out === other?.held_out);

const PICTURE = /<img alt="" src="(data:image\/jpeg;base64,[A-Za-z0-9+/=]+)"/g;

/** The pictures of a report's gallery, in the order of the evaluation's misses. */
export const picturesIn = (page: string): string[] =>
  [...page.matchAll(PICTURE)].map(([, picture]) => picture as string);

/** Curves as a table: a first row of names, then one for each report. */
export function rowsOf(curves: Readonly<Record<string, readonly number[]>>): Cell[][] {
  const names = Object.keys(curves);
  const long = Math.max(0, ...Object.values(curves).map((values) => values.length));
  const rows = Array.from({ length: long }, (_, at) => [at + 1, ...names.map((name) => curves[name]?.[at])]);
  return [["report", ...names], ...rows];
}
