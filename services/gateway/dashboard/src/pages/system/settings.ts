// The settings that people may change while everything runs, as the form shows them.

import type { Schemas } from "@/api/client";

export type Config = Schemas["andon__gateway__visual_inspection__config__ConfigView"];
export type Body = Schemas["andon__gateway__visual_inspection__config__ConfigBody"];
type Value = string | number | boolean;

export interface Setting {
  name: string;
  as: "number" | "share" | "switch" | "text" | "secret" | "backend";
}

const one = (as: Setting["as"], ...names: string[]): Setting[] => names.map((name) => ({ name, as }));

export const SETTINGS = {
  inspection: [
    ...one("share", "keep_passed"),
    ...one("number", "image_retention_days", "record_retention_days", "max_gb"),
    ...one("switch", "hold_failed"),
  ],
  alerting: [...one("share", "pass_rate_target"), ...one("number", "window_minutes", "minimum_parts")],
  batch: one("number", "max_concurrent"),
  query: [
    ...one("switch", "enabled"),
    ...one("backend", "backend"),
    ...one("text", "model", "base_url"),
    ...one("secret", "api_key"),
    ...one("number", "timeout_seconds"),
  ],
  limits: one("number", "login_per_minute", "others_per_minute"),
} as const satisfies Record<string, readonly Setting[]>;

export type SectionName = keyof typeof SETTINGS;
export type Wish = Readonly<Record<string, Value>>;

/** What the form begins with: "section.name" -> value. */
export function valuesOf(config: Config): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const [section, settings] of Object.entries(SETTINGS)) {
    const known = config[section as SectionName] as unknown as Record<string, Value>;
    for (const { name } of settings) values[`${section}.${name}`] = known[name] ?? "";
  }
  return values;
}

/** Only what is other than before, with the revision it was changed from. */
export function changesOf(config: Config, wish: Wish): { body: Partial<Body>; count: number } {
  const before = valuesOf(config);
  const changed = Object.entries(wish).filter(([name, value]) => value !== before[name]);
  const body: Record<string, Record<string, Value>> = {};
  for (const [path, value] of changed) {
    const [section = "", name = ""] = path.split(".");
    body[section] = { ...body[section], [name]: value };
  }
  return { body: { ...body, revision: config.revision } as Partial<Body>, count: changed.length };
}
