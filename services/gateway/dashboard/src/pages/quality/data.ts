// What was asked of the figures, kept true by what is heard.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { queries } from "@/api/queries";
import { Frames } from "@/live/frames";
import { hear } from "@/live/live";
import type { Part } from "@/parts/PartImage";
import { type Hour, withPart } from "./figures";
import type { Span } from "./span";

const iso = (moment: number): string => new Date(moment).toISOString();

export const hoursQuery = (span: Span) =>
  queryOptions({
    queryKey: ["quality", "hours", span],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<readonly Hour[]> => {
      const query = { since: iso(span.since), until: iso(span.until) };
      return (await take(api.GET("/api/v1/figures/hours", { signal, params: { query } }))).hours;
    },
  });

/** Where findings lie on a station's parts, and a picture of one to lay it over. */
export const placesQuery = (span: Span, station: string, class_name: string) =>
  queryOptions({
    queryKey: ["quality", "places", span, station, class_name],
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const query = { station_id: station, since: iso(span.since), until: iso(span.until), columns: 40 };
      const [places, shown] = await Promise.all([
        take(
          api.GET("/api/v1/figures/places", {
            signal,
            params: { query: { ...query, ...(class_name && { class_name }) } },
          }),
        ),
        take(
          api.GET("/api/v1/inspections", { signal, params: { query: { station_id: station, limit: 50 } } }),
        ),
      ]);
      const picture = shown.items.find((part) => part.decision === "pass" && part.image_url);
      return { places, picture: picture ?? shown.items.find((part) => part.image_url) ?? null };
    },
  });

/** Once a second is often enough for charts. */
const frames = new Frames<Part>(
  (heard) => {
    for (const query of queries.getQueryCache().findAll({ queryKey: ["quality", "hours"] })) {
      const span = query.queryKey[2] as Span;
      const within = heard.filter(({ timestamp }) => {
        const at = Date.parse(timestamp);
        return at >= span.since && at < span.until;
      });
      queries.setQueryData<readonly Hour[]>(
        query.queryKey,
        (known) => known && within.reduce(withPart, known as Hour[]),
      );
    }
  },
  4000,
  (run) => setTimeout(run, 1000),
);

hear("inspection.part.judged.v1", (part) => frames.push(part));
hear("inspection.record.deleted.v1", () => void queries.invalidateQueries({ queryKey: ["quality"] }));
