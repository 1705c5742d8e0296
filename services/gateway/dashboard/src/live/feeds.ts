// What is heard goes into the cache of what was asked, so that pages show it without asking again.

import { openAlertsQuery, queries, stationsQuery } from "@/api/queries";
import type { EventName, Events } from "./events";
import { hear, line, work } from "./live";

const ALERTS = [
  "alerting.alert.opened.v1",
  "alerting.alert.acknowledged.v1",
  "alerting.alert.resolved.v1",
  "alerting.alert.changed.v1",
] as const satisfies readonly EventName[];

/** The list with one entry replaced, or put in front. */
export function withEntry<T extends { id: string }>(list: readonly T[], entry: T): T[] {
  return list.some((each) => each.id === entry.id)
    ? list.map((each) => (each.id === entry.id ? entry : each))
    : [entry, ...list];
}

export function alertHeard(
  known: readonly Events["alerting.alert.opened.v1"][],
  alert: Events["alerting.alert.opened.v1"],
): Events["alerting.alert.opened.v1"][] {
  if (alert.state === "resolved") return known.filter((each) => each.id !== alert.id);
  return withEntry(known, alert);
}

/** Begin to feed the cache; once, at the start of the application. */
export function feedCaches(): void {
  for (const name of ALERTS) {
    hear(name, (alert) => {
      queries.setQueryData(openAlertsQuery.queryKey, (known) => known && alertHeard(known, alert));
    });
  }
  hear("station.definition.changed.v1", (station) => {
    queries.setQueryData(stationsQuery.queryKey, (known) =>
      known?.some((each) => each.id === station.id)
        ? withEntry(known, station)
        : known && [...known, station],
    );
  });
  for (const source of [line, work]) source.onGap(() => void queries.invalidateQueries());
}
