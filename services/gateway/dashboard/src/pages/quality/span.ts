// Which time is looked at, and in what steps: by the address, in the reader's own time zone.

export const HOUR = 3_600_000;
export const RANGES = { "8h": 8, "24h": 24, "3d": 72, "7d": 168, "30d": 720 } as const;
export type Range = keyof typeof RANGES;
const LONGEST = 31 * 24 * HOUR;
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/;

export interface Asked {
  range: Range | "";
  /** As an <input type="datetime-local"> writes it. */
  since: string;
  until: string;
  station: string;
}

export interface Span {
  /** Milliseconds, whole hours. */
  since: number;
  until: number;
}

const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value).slice(0, 128) : "";

/** What the address says; a day where it says nothing that makes sense. */
export function askedOf(search: Record<string, unknown>): Asked {
  const range = text(search.range);
  const [since, until] = [text(search.since), text(search.until)];
  const own = LOCAL.test(since) && LOCAL.test(until) && new Date(since) < new Date(until);
  return {
    range: Object.hasOwn(RANGES, range) ? (range as Range) : own ? "" : "24h",
    since: own && !Object.hasOwn(RANGES, range) ? since : "",
    until: own && !Object.hasOwn(RANGES, range) ? until : "",
    station: text(search.station),
  };
}

export const searchOf = (asked: Asked): Record<string, string> =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ""));

/** Whole hours, at most 31 days. `now` is the server's. */
export function spanOf(asked: Asked, now: number): Span {
  const up = (moment: number) => Math.ceil(moment / HOUR) * HOUR;
  const until = asked.range ? up(now + 1) : up(new Date(asked.until).getTime());
  const since = asked.range
    ? until - RANGES[asked.range] * HOUR
    : Math.floor(new Date(asked.since).getTime() / HOUR) * HOUR;
  return { since: Math.max(since, until - LONGEST), until };
}

/** Hours of a step: so that a chart has some dozens of them. */
export const stepOf = ({ since, until }: Span): 1 | 4 | 24 => {
  const hours = (until - since) / HOUR;
  return hours <= 48 ? 1 : hours <= 192 ? 4 : 24;
};

/** Where the step begins that a moment lies in, by the local clock: shifts and days begin by it. */
export function stepStart(moment: number, step: number): number {
  const at = new Date(moment);
  at.setHours(Math.floor(at.getHours() / step) * step, 0, 0, 0);
  return at.getTime();
}

/** Beginnings of all steps of a span. */
export function steps(span: Span, step: number): number[] {
  const found: number[] = [];
  for (let at = span.since; at < span.until; at += HOUR) {
    const start = stepStart(at, step);
    if (start !== found.at(-1)) found.push(start);
  }
  return found;
}
