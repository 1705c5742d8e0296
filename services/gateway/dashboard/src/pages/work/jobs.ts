// Jobs as the gateway tells of them, and how what is heard changes what is known.

import {
  type Icon,
  IconAlertOctagon,
  IconBan,
  IconCheck,
  IconClockHour4,
  IconHourglassEmpty,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlugConnectedX,
} from "@tabler/icons-react";
import { type InfiniteData, infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, take } from "@/api/client";
import type { JobChanged, JobProgressed } from "@/live/events";
import type { Tone } from "@/parts/Tag";
import type { Filters } from "@/parts/useFilters";

export type Job = Schemas["Job"];
export type Status = Schemas["JobStatus"];
export type History = Schemas["JobHistory"];
type Page = Schemas["Jobs"];

export const LIVE: readonly Status[] = ["leased", "preparing", "running", "collecting", "lost"];
export const WAITING: readonly Status[] = ["draft", "queued", "paused"];
export const OVER: readonly Status[] = [
  "succeeded",
  "failed",
  "stopped",
  "cancelled",
  "expired",
  "publishing",
  "published",
  "closed",
];
const GROUPS: Readonly<Record<string, readonly Status[]>> = {
  waiting: WAITING,
  live: LIVE,
  failed: ["failed", "expired"],
  over: OVER,
};

export const isOver = (status: Status): boolean => OVER.includes(status);

export const LOOK: Readonly<Record<Status, { tone: Tone; icon: Icon }>> = {
  draft: { tone: "idle", icon: IconHourglassEmpty },
  queued: { tone: "idle", icon: IconClockHour4 },
  leased: { tone: "info", icon: IconPlayerPlay },
  preparing: { tone: "info", icon: IconPlayerPlay },
  running: { tone: "info", icon: IconPlayerPlay },
  collecting: { tone: "info", icon: IconPlayerPlay },
  paused: { tone: "warn", icon: IconPlayerPause },
  lost: { tone: "warn", icon: IconPlugConnectedX },
  succeeded: { tone: "good", icon: IconCheck },
  published: { tone: "good", icon: IconCheck },
  publishing: { tone: "good", icon: IconCheck },
  closed: { tone: "idle", icon: IconCheck },
  failed: { tone: "bad", icon: IconAlertOctagon },
  expired: { tone: "bad", icon: IconAlertOctagon },
  stopped: { tone: "idle", icon: IconBan },
  cancelled: { tone: "idle", icon: IconBan },
};

/** The statuses that a filter's word stands for; none is all. */
export const statusesOf = (group: string | undefined): readonly Status[] => GROUPS[group ?? ""] ?? [];

export const jobsQuery = (filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ["jobs", "list", wanted(filters)],
    queryFn: ({ signal, pageParam }) => {
      const query = { ...wanted(filters), limit: 100, ...(pageParam ? { after: pageParam } : {}) };
      return take(api.GET("/api/v1/jobs", { signal, params: { query } }));
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next_after ?? undefined,
  });

function wanted(filters: Filters) {
  const words = (["project", "queue", "user", "kind", "device", "name"] as const).filter(
    (name) => filters[name],
  );
  const status = [...statusesOf(filters.state)];
  return {
    ...Object.fromEntries(words.map((name) => [name, filters[name]])),
    ...(status.length ? { status } : {}),
  };
}

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ["jobs", "one", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/jobs/{job_id}", { signal, params: { path: { job_id: id } } })),
  });

/** The job after a change; what was heard late changes nothing. */
export function changed(job: Job, heard: JobChanged): Job {
  if (heard.version <= job.version) return job;
  const { previous, attempt, reason, message, at, ...same } = heard;
  const begun = same.status === "running" && previous !== "paused" && previous !== "running";
  return {
    ...job,
    ...same,
    attempt_no: attempt,
    status_reason: reason,
    status_message: message,
    changed_at: at,
    started_at: begun ? at : job.started_at,
    ended_at: isOver(same.status) ? (job.ended_at ?? at) : null,
  };
}

export function progressed(job: Job, heard: JobProgressed): Job {
  if (job.attempt_no > heard.attempt) return job;
  return {
    ...job,
    progress: heard.progress,
    step: heard.step,
    total_steps: heard.total_steps,
    progress_message: heard.message || job.progress_message,
    metrics: { ...job.metrics, ...heard.metrics },
    logs: { ...job.logs, ...heard.logs },
  };
}

/** All pages with one job replaced; undefined where none has it. */
export function withJob(
  data: InfiniteData<Page, string>,
  id: string,
  change: (job: Job) => Job,
): InfiniteData<Page, string> | undefined {
  if (!data.pages.some((page) => page.jobs.some((job) => job.id === id))) return undefined;
  const pages = data.pages.map((page) => ({
    ...page,
    jobs: page.jobs.map((job) => (job.id === id ? change(job) : job)),
  }));
  return { ...data, pages };
}

/** Seconds from its start to its end, or to now; null before it began. */
export function ranSeconds(job: Pick<Job, "started_at" | "ended_at">, now: number): number | null {
  if (!job.started_at) return null;
  const end = job.ended_at ? Date.parse(job.ended_at) : now;
  return Math.max(0, (end - Date.parse(job.started_at)) / 1000);
}

/** The command as a person would type it. */
export const commandLine = (words: readonly string[]): string =>
  words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
