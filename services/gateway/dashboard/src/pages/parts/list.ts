// The lists of parts that were asked for, kept true by what is heard, also while nobody looks at them.

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, take } from "@/api/client";
import { serverNow } from "@/api/clock";
import { Problem } from "@/api/problem";
import { queries } from "@/api/queries";
import { Frames } from "@/live/frames";
import { hear } from "@/live/live";
import type { Part } from "@/parts/PartImage";
import { type Filters, fits, questionOf } from "./filters";

const PAGE = 100;
/** Parts that come while somebody reads; of more, only how many there were. */
export const MOST_HEARD = 2000;

export interface Page {
  items: readonly Part[];
  next: string | null;
  /** Heard, and not held. */
  more: number;
}

export interface Pages {
  pages: Page[];
  pageParams: (string | null)[];
}

export const listQuery = (filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ["parts", "list", filters],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      const query = {
        ...questionOf(filters, serverNow()),
        limit: PAGE,
        ...(pageParam && { after: pageParam }),
      };
      const found = await take(api.GET("/api/v1/inspections/search", { signal, params: { query } }));
      return { items: found.items, next: found.next, more: 0 };
    },
    getNextPageParam: (last) => last.next,
  });

/** How many there are in all. */
export const totalQuery = (filters: Filters) =>
  queryOptions({
    queryKey: ["parts", "total", filters],
    queryFn: async ({ signal }) => {
      const query = { ...questionOf(filters, serverNow()), limit: 1 };
      return (await take(api.GET("/api/v1/inspections", { signal, params: { query } }))).total;
    },
  });

/** One part, or null where there is none. */
export const partQuery = (id: string) =>
  queryOptions({
    queryKey: ["parts", "one", id],
    queryFn: ({ signal }) =>
      orNull(take(api.GET("/api/v1/inspect/{id}", { signal, params: { path: { id } } }))),
  });

/** What people said of a part; null where nobody was asked and nobody said. */
export const reviewQuery = (id: string) =>
  queryOptions({
    queryKey: ["parts", "review", id],
    queryFn: ({ signal }) =>
      orNull(take(api.GET("/api/v1/active-learning/items/{id}", { signal, params: { path: { id } } }))),
  });

export const policyQuery = (station: string) =>
  queryOptions({
    queryKey: ["review", "policy", station],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/active-learning/policies/{station_id}", {
          signal,
          params: { path: { station_id: station } },
        }),
      ),
  });

/** Classes that were found lately, those found most first. */
export const classesQuery = (station: string) =>
  queryOptions({
    queryKey: ["parts", "classes", station],
    queryFn: async ({ signal }) => {
      const query = { hours: 168, ...(station && { station_id: station }) };
      const told = await take(api.GET("/api/v1/statistics", { signal, params: { query } }));
      return Object.entries(told.defect_breakdown)
        .sort(([, one], [, other]) => other - one)
        .map(([name]) => name);
    },
  });

/** A good part of the same station, the last one judged before this one if there is one. */
export const goodQuery = (part: Part) =>
  queryOptions({
    queryKey: ["parts", "good", part.station_id, part.id],
    queryFn: async ({ signal }) => {
      const ask = async (until?: string) => {
        const query = {
          station_id: part.station_id,
          decision: "pass",
          limit: 20,
          ...(until && { until }),
        } as const;
        const { items } = await take(api.GET("/api/v1/inspections/search", { signal, params: { query } }));
        return items.find((each) => each.id !== part.id && each.image_url !== null) ?? null;
      };
      return (await ask(part.timestamp)) ?? (await ask());
    },
  });

async function orNull<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/** A list after more parts, oldest first; those that fit not, or are there, change nothing. */
export function withHeard(known: Pages, heard: readonly Part[], filters: Filters): Pages {
  const [first, ...rest] = known.pages;
  if (!first) return known;
  const there = new Set(first.items.slice(0, 200 + heard.length).map((part) => part.id));
  const fresh = heard.filter((part) => fits(part, filters) && !there.has(part.id));
  if (!fresh.length) return known;
  if (first.more || first.items.length + fresh.length > MOST_HEARD + PAGE) {
    return { ...known, pages: [{ ...first, more: first.more + fresh.length }, ...rest] };
  }
  return { ...known, pages: [{ ...first, items: [...fresh.reverse(), ...first.items] }, ...rest] };
}

export function without(known: Pages, id: string): Pages {
  if (!known.pages.some((page) => page.items.some((part) => part.id === id))) return known;
  const pages = known.pages.map((page) => ({ ...page, items: page.items.filter((part) => part.id !== id) }));
  return { ...known, pages };
}

/** All of a list's parts, each once. */
export function flat(pages: readonly Page[]): Part[] {
  const seen = new Set<string>();
  return pages.flatMap((page) => page.items).filter((part) => !seen.has(part.id) && seen.add(part.id));
}

const each = (kind: "list" | "total", change: (filters: Filters, key: readonly unknown[]) => void) => {
  for (const query of queries.getQueryCache().findAll({ queryKey: ["parts", kind] })) {
    change(query.queryKey[2] as Filters, query.queryKey);
  }
};

const frames = new Frames<Part>((heard) => {
  each("list", (filters, key) =>
    queries.setQueryData<Pages>(key, (known) => known && withHeard(known, heard, filters)),
  );
  each("total", (filters, key) => {
    const more = heard.filter((part) => fits(part, filters)).length;
    queries.setQueryData<number>(key, (known) => (known === undefined ? known : known + more));
  });
});

hear("inspection.part.judged.v1", (part) => frames.push(part));
hear("inspection.record.deleted.v1", ({ id }) => {
  each("list", (_, key) => queries.setQueryData<Pages>(key, (known) => known && without(known, id)));
  queries.setQueryData(partQuery(id).queryKey, null);
  void queries.invalidateQueries({ queryKey: ["parts", "total"] });
});
hear("review.annotation.made.v1", (said) => {
  const { inspection_id: id } = said as { inspection_id?: string };
  if (id) void queries.invalidateQueries({ queryKey: reviewQuery(id).queryKey });
});

export type Review = Schemas["ItemDetailView"];
