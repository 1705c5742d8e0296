// The settings that people may change while everything runs, as the form shows them.

import type { Schemas } from "@/api/client";

export type Config = Schemas["andon__gateway__visual_inspection__config__ConfigView"];
export type Body = Schemas["andon__gateway__visual_inspection__config__ConfigBody"];
/** Times are one text, so that it can be told whether they differ. */
export type Value = string | number | boolean;

export interface Setting {
  name: string;
  as: "number" | "share" | "switch" | "text" | "secret" | "backend" | "times";
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
  site: [...one("times", "shift_starts"), ...one("text", "zone")],
} as const satisfies Record<string, readonly Setting[]>;

const COMMA = ",";
export const timesOf = (value: Value): string[] => (value === "" ? [] : String(value).split(COMMA));
export const textOf = (times: readonly string[]): string => times.join(COMMA);
const isTimes = (section: string, name: string): boolean =>
  SETTINGS[section as SectionName].some((setting) => setting.name === name && setting.as === "times");

export type SectionName = keyof typeof SETTINGS;
export type Wish = Readonly<Record<string, Value>>;

/** What the form begins with: "section.name" -> value. */
export function valuesOf(config: Config): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const [section, settings] of Object.entries(SETTINGS)) {
    const known = config[section as SectionName] as unknown as Record<string, Value | readonly string[]>;
    for (const { name } of settings) {
      const value = known[name] ?? "";
      values[`${section}.${name}`] = typeof value === "object" ? textOf(value) : value;
    }
  }
  return values;
}

/** What the person changed, by name. */
export function onlyChanged(config: Config, wish: Wish): Wish {
  const before = valuesOf(config);
  return Object.fromEntries(Object.entries(wish).filter(([name, value]) => value !== before[name]));
}

/** Only what is other than before, with the revision it was changed from. */
export function changesOf(config: Config, wish: Wish): { body: Partial<Body>; count: number } {
  const changed = Object.entries(onlyChanged(config, wish));
  const body: Record<string, Record<string, Value | string[]>> = {};
  for (const [path, value] of changed) {
    const [section = "", name = ""] = path.split(".");
    body[section] = { ...body[section], [name]: isTimes(section, name) ? timesOf(value) : value };
  }
  return { body: { ...body, revision: config.revision } as Partial<Body>, count: changed.length };
}
