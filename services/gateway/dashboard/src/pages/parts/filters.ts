// Which parts are listed: what the address says, what the server is asked, and whether a part that comes fits.

import type { Verdict } from "@/parts/Decision";
import type { Part } from "@/parts/PartImage";

export const RANGES = { "1h": 1, "8h": 8, "24h": 24, "7d": 168 } as const;
export type Range = keyof typeof RANGES;

export interface Filters {
  station: string;
  decision: Verdict | "";
  class: string;
  part: string;
  range: Range | "";
  /** As an <input type="datetime-local"> writes it, in the reader's own time. */
  since: string;
  until: string;
  from: number | null;
  below: number | null;
}

export const ALL: Filters = {
  station: "",
  decision: "",
  class: "",
  part: "",
  range: "",
  since: "",
  until: "",
  from: null,
  below: null,
};

const HOUR = 3_600_000;
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/;

const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value).slice(0, 128) : "";
const moment = (value: unknown): string => (LOCAL.test(text(value)) ? text(value) : "");
const decimal = (value: unknown): number | null => {
  const found = text(value).trim() === "" ? Number.NaN : Number(value);
  return Number.isFinite(found) ? found : null;
};

/** What the address says; whatever makes no sense there is left out. */
export function filtersOf(search: Record<string, unknown>): Filters {
  const { decision, range } = search;
  const known = typeof range === "string" && Object.hasOwn(RANGES, range);
  return {
    station: text(search.station),
    decision: decision === "pass" || decision === "fail" || decision === "uncertain" ? decision : "",
    class: text(search.class),
    part: text(search.part),
    range: known ? (range as Range) : "",
    since: known ? "" : moment(search.since),
    until: known ? "" : moment(search.until),
    from: decimal(search.from),
    below: decimal(search.below),
  };
}

/** For the address: without what filters nothing. */
export const searchOf = (filters: Filters): Record<string, string | number> =>
  Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== "" && value !== null));

/** Whether the server's counts can say how many there are. */
export const countable = (filters: Filters): boolean =>
  filters.class === "" && filters.from === null && filters.below === null;

/** Milliseconds; null is open. `now` is the server's. */
export function period(filters: Filters, now: number): { since: number | null; until: number | null } {
  if (filters.range) return { since: now - RANGES[filters.range] * HOUR, until: null };
  const at = (written: string) => (written ? new Date(written).getTime() : null);
  return { since: at(filters.since), until: at(filters.until) };
}

/** As the gateway's query parameters. */
export function questionOf(filters: Filters, now: number) {
  const { since, until } = period(filters, now);
  return {
    ...(filters.station && { station_id: filters.station }),
    ...(filters.decision && { decision: filters.decision }),
    ...(filters.class && { class_name: filters.class }),
    ...(filters.part && { part_id: filters.part }),
    ...(filters.from !== null && { score_from: filters.from }),
    ...(filters.below !== null && { score_below: filters.below }),
    ...(since !== null && { since: new Date(since).toISOString() }),
    ...(until !== null && { until: new Date(until).toISOString() }),
  };
}

type Judged = Pick<
  Part,
  "station_id" | "decision" | "part_id" | "detections" | "anomaly_score" | "timestamp"
>;

/** Whether a part that was just heard belongs into the list. */
export function fits(part: Judged, filters: Filters): boolean {
  const { since, until } = period({ ...filters, range: "" }, 0);
  const at = Date.parse(part.timestamp);
  return (
    (!filters.station || part.station_id === filters.station) &&
    (!filters.decision || part.decision === filters.decision) &&
    (!filters.part || part.part_id === filters.part) &&
    (!filters.class || part.detections.some((each) => each.class_name === filters.class)) &&
    (filters.from === null || part.anomaly_score >= filters.from) &&
    (filters.below === null || part.anomaly_score < filters.below) &&
    (since === null || at >= since) &&
    (until === null || at < until)
  );
}
