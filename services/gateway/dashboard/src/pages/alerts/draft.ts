// A rule as it is written, before the server has it.

import type { Schemas } from "@/api/client";
import { freshCondition } from "./conditions";
import type { Rule } from "./queries";

export type Body = Schemas["RuleBody"];

export function bodyOf(rule: Rule): Body {
  const { id, revision, changed_at, changed_by, builtin, ...body } = rule;
  return body;
}

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
