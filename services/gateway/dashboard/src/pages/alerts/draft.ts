// A rule as it is written, before the server has it.

import type { Schemas } from "@/api/client";
import { freshCondition } from "./conditions";
import type { Rule } from "./queries";

export type Body = Schemas["RuleBody"];
type Shift = Schemas["Shift"];

export function bodyOf(rule: Rule): Body {
  const { id, revision, changed_at, changed_by, builtin, ...body } = rule;
  return body;
}

export const sameBody = (one: Body, other: Body): boolean => JSON.stringify(one) === JSON.stringify(other);

export const freshBody = (): Body => ({
  title: "",
  description: "",
  enabled: true,
  severity: "warning",
  condition: freshCondition("threshold"),
  scope: { per: "station", stations: [], lines: [], models: [] },
  schedule: null,
  unless: [],
  channels: [],
  escalation: [],
});

/** The first shift of the place that the schedule does not have yet, on working days. */
export function freshShift(starts: readonly string[], known: readonly Shift[]): Shift {
  const free = starts.findIndex((start) => !known.some((shift) => shift.begin === start));
  const at = Math.max(0, free);
  const [begin = "06:00", end = "14:00"] = [starts[at], starts[(at + 1) % starts.length]];
  return { days: ["mon", "tue", "wed", "thu", "fri"], begin, end };
}

/** "Scratches at station 3" -> "scratches-at-station-3"; another one where that is taken. */
export function idOf(title: string, taken: ReadonlySet<string>): string {
  const plain = title
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 56)
    .replace(/-+$/, "");
  const wish = plain || "rule";
  for (let count = 1; ; count += 1) {
    const id = count === 1 ? wish : `${wish}-${count}`;
    if (!taken.has(id)) return id;
  }
}
