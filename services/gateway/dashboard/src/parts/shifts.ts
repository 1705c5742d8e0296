// The shifts of the place: when they begin, by whose clock, and which one a moment lies in.

import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, take } from "@/api/client";

export type Site = Schemas["SiteSection"];

export const configQuery = queryOptions({
  queryKey: ["config"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/config", { signal })),
});

/** As long as it is not known otherwise. */
export const USUAL: Site = { shift_starts: ["06:00", "14:00", "22:00"], zone: "" };

const clocks = new Map<string, Intl.DateTimeFormat>();

/** "13:05" by the clock of a zone; by the reader's own where there is none. */
export function timeOfDay(moment: number, zone: string): string {
  let clock = clocks.get(zone);
  if (!clock) {
    const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    try {
      clock = new Intl.DateTimeFormat("en-GB", { ...options, ...(zone && { timeZone: zone }) });
    } catch {
      clock = new Intl.DateTimeFormat("en-GB", options); // a zone that this browser does not know
    }
    clocks.set(zone, clock);
  }
  return clock.format(moment);
}

/** Which shift a time of day belongs to; the last one goes over midnight. */
export function shiftAt(time: string, starts: readonly string[]): number {
  const at = starts.findLastIndex((start) => time >= start);
  return at < 0 ? starts.length - 1 : at;
}

/** "06:00–14:00", or "06–14" where all are whole hours. */
export function shiftName(shift: number, starts: readonly string[]): string {
  const whole = starts.every((start) => start.endsWith(":00"));
  const shown = (start = "") => (whole ? start.slice(0, 2) : start);
  return `${shown(starts[shift])}–${shown(starts[(shift + 1) % starts.length])}`;
}
