// What the gateway refused, field by field.

import { Problem } from "@/api/problem";

const NAMED = /^([A-Za-z_][\w.[\]]*): (.+)$/s;

/** "a.b: why; c: why" -> { "a.b": "why", c: "why" }; what names no field stands under "". */
export function fieldsOf(error: unknown): Readonly<Record<string, string>> {
  if (error === null || error === undefined) return {};
  if (!(error instanceof Problem) || error.passing) return { "": messageOf(error) };
  const fields: Record<string, string> = {};
  for (const piece of error.message.split(/; (?=[A-Za-z_][\w.[\]]*: )/)) {
    const [, name = "", why = piece] = NAMED.exec(piece) ?? [];
    fields[name] ??= why;
  }
  return fields;
}

/** What is wrong with one of these fields, or with something inside of it. */
export const wrongWith = (fields: Readonly<Record<string, string>>, ...names: string[]): string | undefined =>
  names.map((name) => fields[name]).find(Boolean);

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
