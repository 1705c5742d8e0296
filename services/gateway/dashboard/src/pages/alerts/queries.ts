// What the page asks of alerting.

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, take } from "@/api/client";
import type { Filters } from "@/parts/useFilters";

export type Alert = Schemas["AlertView"];
export type Rule = Schemas["AlertRule"];
export type Channel = Schemas["Channel"];
export type Silence = Schemas["Silence"];
export type Severity = Schemas["Severity"];

export const SEVERITIES: readonly Severity[] = ["critical", "error", "warning", "info"];

// The page hears what changes of these; whoever opens their list after a while elsewhere asks anew.

export const rulesQuery = queryOptions({
  queryKey: ["alert-rules"],
  staleTime: 0,
  queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/alert-rules", { signal }))).rules],
});

export const channelsQuery = queryOptions({
  queryKey: ["alert-channels"],
  staleTime: 0,
  queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/alert-channels", { signal }))).channels],
});

export const deadQuery = queryOptions({
  queryKey: ["alert-notices", "dead"],
  staleTime: 0,
  queryFn: async ({ signal }) => {
    const query = { state: "dead", limit: 500 } as const;
    const found = await take(api.GET("/api/v1/alert-notices", { signal, params: { query } }));
    return { dead: found.dead, notices: [...found.notices] };
  },
});

export const silencesQuery = queryOptions({
  queryKey: ["alert-silences"],
  staleTime: 0,
  queryFn: async ({ signal }) => {
    const query = { ended: true };
    return [...(await take(api.GET("/api/v1/alert-silences", { signal, params: { query } }))).silences];
  },
});

/** Alerts by what stands in the address. */
export const alertsQuery = (filters: Filters) => {
  const where = {
    ...(filters.state === "current" || !filters.state
      ? {}
      : { state: filters.state as Schemas["AlertState"] }),
    ...(filters.severity ? { severity: filters.severity as Severity } : {}),
    ...(filters.station ? { station_id: filters.station } : {}),
    ...(filters.rule ? { rule: filters.rule } : {}),
  };
  return infiniteQueryOptions({
    queryKey: ["alerts", "list", where],
    queryFn: async ({ signal, pageParam }) => {
      const query = { ...where, limit: 100, ...(pageParam ? { before: pageParam } : {}) };
      return [...(await take(api.GET("/api/v1/alerts", { signal, params: { query } }))).alerts];
    },
    initialPageParam: "",
    getNextPageParam: (last) => (last.length < 100 ? undefined : last.at(-1)?.timestamp),
  });
};

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ["alerts", "one", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/alerts/{id}", { signal, params: { path: { id } } })),
  });
