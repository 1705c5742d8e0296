// The cache of what was asked, shared by all pages, and questions that several pages ask.

import { QueryClient, queryOptions } from "@tanstack/react-query";
import { api, take } from "./client";
import { Problem } from "./problem";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What changes is heard and put into the cache; after a gap in the hearing everything is asked anew.
      staleTime: 5 * 60_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: true,
      // A browser's word on whether there is a network is not one on whether the gateway is there.
      networkMode: "always",
      retry: (count, error) => count < 3 && (!(error instanceof Problem) || error.passing),
      retryDelay: (count) => Math.min(500 * 2 ** count, 8000),
    },
    // What can't be done now is refused now: a station that pauses an hour later, by itself, was not meant.
    mutations: { retry: false, networkMode: "always" },
  },
});

export const stationsQuery = queryOptions({
  queryKey: ["stations"],
  queryFn: async ({ signal }) => (await take(api.GET("/api/v1/stations", { signal }))).stations,
});

/** Alerts that are not over, newest first. */
export const openAlertsQuery = queryOptions({
  queryKey: ["alerts", "unresolved"],
  queryFn: async ({ signal }) => {
    const read = (state: "open" | "acknowledged") =>
      take(api.GET("/api/v1/alerts", { signal, params: { query: { state, limit: 100 } } }));
    const [open, acknowledged] = await Promise.all([read("open"), read("acknowledged")]);
    return [...open.alerts, ...acknowledged.alerts];
  },
});
