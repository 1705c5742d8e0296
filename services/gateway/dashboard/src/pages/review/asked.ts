// What the page asks, and how it stays true by what is heard.

import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, type Schemas, take } from "@/api/client";
import { Problem } from "@/api/problem";
import { useLive } from "@/live/live";

export type Item = Schemas["ItemView"];
export type Detail = Schemas["ItemDetailView"];
export type Opinion = Schemas["AnnotationView"];
export type Reason = Schemas["Reason"];
export type State = Schemas["ReviewState"];
export type Policy = Schemas["Policy"];

export interface Wanted {
  status: State;
  station: string | null;
  reason: Reason | null;
}

export interface Waiting {
  total: number;
  items: readonly Item[];
}

const MOST = 200;

const filters = ({ station, reason }: Wanted) => ({
  ...(station ? { station_id: station } : {}),
  ...(reason ? { reason } : {}),
});

export const queueQuery = (wanted: Wanted) =>
  queryOptions({
    queryKey: ["review", "queue", wanted],
    queryFn: async ({ signal }): Promise<Waiting> => {
      const query = { ...filters(wanted), status: wanted.status, limit: MOST };
      return take(api.GET("/api/v1/active-learning/queue", { signal, params: { query } }));
    },
  });

export const statsQuery = (station: string | null) =>
  queryOptions({
    queryKey: ["review", "stats", station],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/active-learning/stats", {
          signal,
          params: { query: station ? { station_id: station } : {} },
        }),
      ),
  });

export const adviceQuery = (station: string | null) =>
  queryOptions({
    queryKey: ["review", "advice", station],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/active-learning/check-retrain", {
          signal,
          params: { query: station ? { station_id: station } : {} },
        }),
      ),
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

/** A part that nobody was asked about, as if somebody had been. */
function unasked(part: Schemas["InspectionView"]): Detail {
  const { id, station_id, part_id, decision, confidence, anomaly_score, detections, model_version } = part;
  const { width, height, image_url, annotated_url, thumbnail, captured_at, timestamp } = part;
  return {
    id,
    inspection_id: id,
    station_id,
    part_id,
    decision,
    confidence,
    anomaly_score,
    detections,
    model_version,
    width,
    height,
    image_url,
    annotated_url,
    thumbnail,
    captured_at,
    timestamp,
    reasons: ["manual"],
    similar: 0,
    status: "pending",
    reviewers: 1,
    reviewed_by: [],
    disputed: false,
    verdict: null,
    created_at: timestamp,
    labeled_at: null,
    annotations: [],
  };
}

/** A part with what everybody said of it, asked about or not. */
export const detailQuery = (id: string) =>
  queryOptions({
    queryKey: ["review", "item", id],
    queryFn: async ({ signal }): Promise<Detail> => {
      const params = { path: { id } };
      try {
        return await take(api.GET("/api/v1/active-learning/items/{id}", { signal, params }));
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 404) throw error;
        return unasked(await take(api.GET("/api/v1/inspect/{id}", { signal, params })));
      }
    },
  });

const fits = (item: Item, wanted: Wanted): boolean =>
  item.status === wanted.status &&
  (!wanted.station || item.station_id === wanted.station) &&
  (!wanted.reason || item.reasons.includes(wanted.reason));

/** The queue with an item in its place: the lowest confidence comes first. */
export function withItem(known: Waiting, item: Item): Waiting {
  if (known.items.some((each) => each.id === item.id)) {
    return { ...known, items: known.items.map((each) => (each.id === item.id ? item : each)) };
  }
  const at = known.items.findIndex((each) => each.confidence > item.confidence);
  const items = [...known.items];
  items.splice(at < 0 ? items.length : at, 0, item);
  return { total: known.total + 1, items: items.slice(0, MOST) };
}

export function withoutItem(known: Waiting, id: string): Waiting {
  const items = known.items.filter((each) => each.id !== id);
  return items.length === known.items.length ? known : { total: known.total - 1, items };
}

const SOON = 600;

/** Keeps the queue and its counts as they are said to be. */
export function useReviewHearing(wanted: Wanted): void {
  const queries = useQueryClient();
  const due = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const change = (with_: (known: Waiting) => Waiting) =>
    queries.setQueryData(queueQuery(wanted).queryKey, (known) => known && with_(known));
  const countSoon = () => {
    clearTimeout(due.current);
    due.current = setTimeout(() => {
      void queries.invalidateQueries({ queryKey: ["review", "stats"] });
      void queries.invalidateQueries({ queryKey: ["review", "advice"] });
    }, SOON);
  };
  useEffect(() => () => clearTimeout(due.current), []);
  useLive("review.item.queued.v1", (item) => {
    if (fits(item, wanted)) change((known) => withItem(known, item));
    countSoon();
  });
  useLive("review.annotation.made.v1", (said) => {
    const id = String(said.inspection_id ?? "");
    if (wanted.status === "pending") change((known) => withoutItem(known, id));
    else void queries.invalidateQueries({ queryKey: ["review", "queue"] });
    void queries.invalidateQueries({ queryKey: ["review", "item", id] });
    countSoon();
  });
  useLive("inspection.record.deleted.v1", ({ id }) => {
    change((known) => withoutItem(known, id));
    countSoon();
  });
}
