// Jobs that are shown stay as they are: each change is heard and written into what was asked.

import type { InfiniteData } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Schemas } from "@/api/client";
import { queries } from "@/api/queries";
import { useLive } from "@/live/live";
import { changed, type History, type Job, progressed, withJob } from "./jobs";

type Pages = InfiniteData<Schemas["Jobs"], string>;
const REST = 700;

/** Ask anew, at most once in a while, however much is heard. */
export function useLater(run: () => void, rest = REST): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return useRef(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, rest);
  }).current;
}

export function useJobsLive(): void {
  const lists = useLater(() => void queries.invalidateQueries({ queryKey: ["jobs", "list"] }));
  const queues = useLater(() => void queries.invalidateQueries({ queryKey: ["queues"] }));

  /** Whether some list has it. */
  function into(id: string, change: (job: Job) => Job): boolean {
    let known = false;
    for (const [key, data] of queries.getQueriesData<Pages>({ queryKey: ["jobs", "list"] })) {
      const after = data && withJob(data, id, change);
      if (!after) continue;
      known = true;
      queries.setQueryData(key, after);
    }
    queries.setQueryData<History>(["jobs", "one", id], (one) => one && { ...one, job: change(one.job) });
    return known;
  }

  useLive("queue.job.changed.v1", (heard) => {
    const known = into(heard.id, (job) => changed(job, heard));
    // Which list it belongs to now, only the server knows.
    if (!known || heard.previous !== heard.status) lists();
    if (heard.previous !== heard.status) queues();
    void queries.invalidateQueries({ queryKey: ["jobs", "one", heard.id] });
  });
  useLive("queue.job.progressed.v1", (heard) => void into(heard.id, (job) => progressed(job, heard)));
  useLive("queue.job.deleted.v1", () => {
    lists();
    queues();
  });
}
