// What the page asks, and how it stays true by what is heard.

import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, type Schemas, take } from "@/api/client";
import { Problem } from "@/api/problem";
import { withEntry } from "@/live/feeds";
import { useLive } from "@/live/live";
import { counted } from "./reckoning";

export type Model = Schemas["ModelView"];
export type Run = Schemas["andon__gateway__visual_inspection__training__RunView"];
export type Rollout = Schemas["Rollout"];
export type Evaluation = Schemas["Evaluation"];
export type Dataset = Schemas["DatasetVersion"];
export type Active = Schemas["ActiveModelView"];

const MOST = 200;

export const modelsQuery = queryOptions({
  queryKey: ["models", "versions"],
  queryFn: async ({ signal }) =>
    (await take(api.GET("/api/v1/models", { signal, params: { query: { limit: MOST } } }))).models,
});

export const activeQuery = queryOptions({
  queryKey: ["models", "active"],
  queryFn: async ({ signal }) => (await take(api.GET("/api/v1/models/active", { signal }))).active,
});

export const rolloutsQuery = queryOptions({
  queryKey: ["models", "rollouts"],
  queryFn: async ({ signal }) =>
    (await take(api.GET("/api/v1/rollouts", { signal, params: { query: { limit: 100 } } }))).rollouts,
});

export const historyQuery = (station: string) =>
  queryOptions({
    queryKey: ["models", "history", station],
    queryFn: async ({ signal }) =>
      (await take(api.GET("/api/v1/models/history", { signal, params: { query: { station_id: station } } })))
        .versions,
  });

export const runsQuery = queryOptions({
  queryKey: ["models", "runs"],
  queryFn: async ({ signal }) =>
    (await take(api.GET("/api/v1/training/jobs", { signal, params: { query: { limit: 100 } } }))).jobs,
});

/** How a version did on held-out parts; null where nobody looked. */
export const evaluationQuery = ({ id, metrics }: Pick<Model, "id" | "metrics">) =>
  queryOptions({
    queryKey: ["models", "evaluation", id],
    queryFn: async ({ signal }): Promise<Evaluation | null> => {
      if (!("held_out_parts" in metrics)) return null;
      const params = { path: { version_id: id } };
      try {
        return await take(api.GET("/api/v1/training/evaluations/{version_id}", { signal, params }));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return null;
        throw error;
      }
    },
  });

export const lineageQuery = (version: string) =>
  queryOptions({
    queryKey: ["models", "lineage", version],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/lineage/models/{id}", { signal, params: { path: { id: version } } })),
  });

export const judgedQuery = (version: string) =>
  queryOptions({
    queryKey: ["models", "judged", version],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/lineage/models/{id}/inspections", {
          signal,
          params: { path: { id: version }, query: { limit: 12 } },
        }),
      ),
  });

const LOOK = 5 * 60_000; // the running hour is not heard, only when drift begins or ends

export const driftQuery = (hours: number) =>
  queryOptions({
    queryKey: ["models", "drift", hours],
    refetchInterval: LOOK,
    queryFn: ({ signal }) => take(api.GET("/api/v1/drift", { signal, params: { query: { hours } } })),
  });

export const datasetsQuery = queryOptions({
  queryKey: ["models", "datasets"],
  queryFn: async ({ signal }) =>
    (await take(api.GET("/api/v1/datasets", { signal, params: { query: { limit: MOST } } }))).items,
});

export const samplesQuery = (version: string) =>
  queryOptions({
    queryKey: ["models", "samples", version],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/datasets/{id}/samples", {
          signal,
          params: { path: { id: version }, query: { limit: 24 } },
        }),
      ),
  });

export const diffQuery = (version: string, other: string) =>
  queryOptions({
    queryKey: ["models", "diff", version, other],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/datasets/{id}/diff", {
          signal,
          params: { path: { id: version }, query: { other, limit: 0 } },
        }),
      ),
  });

/** Parts of the last 24 hours at a station. */
export const dayQuery = (station: string) =>
  queryOptions({
    queryKey: ["models", "day", station],
    queryFn: async ({ signal }) =>
      (await take(api.GET("/api/v1/statistics", { signal, params: { query: { station_id: station } } })))
        .total_inspections,
  });

const SOON = 400;

/** Keeps everything above as it is said to be. */
export function useModelsHearing(): void {
  const queries = useQueryClient();
  const due = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(due.current), []);
  const anew = (...kinds: string[]) => {
    clearTimeout(due.current);
    due.current = setTimeout(() => {
      for (const kind of kinds) void queries.invalidateQueries({ queryKey: ["models", kind] });
    }, SOON);
  };
  useLive("learning.run.changed.v1", (run) =>
    queries.setQueryData(runsQuery.queryKey, (known) => known && withEntry(known, run)),
  );
  useLive("training.model.fitted.v1", (model) => {
    queries.setQueryData(modelsQuery.queryKey, (known) => known && withEntry(known, model));
    void queries.invalidateQueries({ queryKey: evaluationQuery(model).queryKey });
  });
  useLive(["dataset.version.built.v1", "dataset.version.approved.v1"], (version) =>
    queries.setQueryData(
      datasetsQuery.queryKey,
      (known) => known && withEntry(known, version as unknown as Dataset),
    ),
  );
  useLive(
    [
      "training.model.deployed.v1",
      "rollout.trial.changed.v1",
      "rollout.version.rolled-back.v1",
      "rollout.version.deleted.v1",
    ],
    () => anew("versions", "active", "rollouts", "history"),
  );
  useLive(["rollout.drift.started.v1", "rollout.drift.ended.v1"], () => {
    void queries.invalidateQueries({ queryKey: ["models", "drift"] });
  });
  useLive("inspection.part.judged.v1", (part) => {
    if (!part.trial) return;
    queries.setQueryData(rolloutsQuery.queryKey, (known) =>
      known?.map((each) => (each.id === part.trial?.rollout_id ? counted(each, part) : each)),
    );
  });
}
