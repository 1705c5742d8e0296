// Reads a job's output to its end, and on as it is heard to grow.

import { useCallback, useEffect, useRef, useState } from "react";
import { api, type Schemas, take } from "@/api/client";
import { useLive } from "@/live/live";
import { isOver, type Job } from "./jobs";
import { type Lines, NONE, withEarlier, withText } from "./lines";

export type Stream = Schemas["Stream"];
const PIECE = 256 * 1024;

export interface Log extends Lines {
  /** Of the first byte that is shown. */
  from: number;
  loading: boolean;
  error: unknown;
  earlier: () => void;
}

async function piece(id: string, stream: Stream, offset: number | null, limit = PIECE) {
  const query = { stream, limit, ...(offset === null ? {} : { offset }) };
  return take(api.GET("/api/v1/jobs/{job_id}/logs", { params: { path: { job_id: id }, query } }));
}

export function useLog(job: Job, stream: Stream): Log {
  const [lines, setLines] = useState<Lines>(NONE);
  const [from, setFrom] = useState(0);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<unknown>(null);
  const place = useRef<{ next: number | null; busy: boolean; again: boolean; from: number; over: boolean }>({
    next: null,
    busy: false,
    again: false,
    from: 0,
    over: false,
  });

  const more = useCallback(async () => {
    const at = place.current;
    if (at.busy) {
      at.again = true;
      return;
    }
    at.busy = true;
    try {
      for (let going = true; going && !at.over; ) {
        at.again = false;
        const first = at.next === null;
        const found = await piece(job.id, stream, at.next);
        if (at.over) return;
        if (first) {
          at.from = found.offset;
          setFrom(found.offset);
        }
        at.next = found.next_offset;
        setLines((before) => withText(before, found.text));
        setLoading(false);
        setError(null);
        going = at.again || (!first && found.text.length > 0);
      }
    } catch (problem) {
      setError(problem);
      setLoading(false);
    } finally {
      at.busy = false;
    }
  }, [job.id, stream]);

  useEffect(() => {
    const at = { next: null, busy: false, again: false, from: 0, over: false };
    place.current = at;
    setLines(NONE);
    setLoading(true);
    void more();
    return () => {
      at.over = true;
    };
  }, [more]);

  const size = job.logs?.[stream]?.size ?? 0;
  const over = isOver(job.status);
  // biome-ignore lint/correctness/useExhaustiveDependencies: that there is more, or an end, is what starts it
  useEffect(() => {
    if (place.current.next !== null && size !== place.current.next) void more();
  }, [size, over, more]);
  useLive("queue.job.progressed.v1", (heard) => {
    if (heard.id === job.id) void more();
  });

  const earlier = useCallback(async () => {
    const at = place.current;
    const start = Math.max(0, at.from - PIECE);
    if (at.from === start) return;
    try {
      const found = await piece(job.id, stream, start, at.from - start);
      at.from = found.offset;
      setFrom(found.offset);
      setLines((before) => withEarlier(before, found.text));
    } catch (problem) {
      setError(problem);
    }
  }, [job.id, stream]);

  return { ...lines, from, loading, error, earlier: () => void earlier() };
}
