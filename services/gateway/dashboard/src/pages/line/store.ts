// What the wall shows of each station: bounded, counted at once, drawn once per frame.

import { useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";
import { Frames } from "@/live/frames";
import { hear } from "@/live/live";
import type { Verdict } from "@/parts/Decision";
import type { Part } from "@/parts/PartImage";

type Statistics = Schemas["Statistics"];

export interface Tick {
  id: string;
  decision: Verdict;
  /** Milliseconds. */
  at: number;
}

export interface Counts {
  total: number;
  passed: number;
  failed: number;
  uncertain: number;
  /** Milliseconds that all of them took together. */
  spent: number;
}

export interface StationSight {
  /** The part whose picture is shown: the latest, but a bad one is not covered up at once. */
  shown: Part | null;
  shownAt: number;
  latest: Part | null;
  lastGood: Part | null;
  /** Oldest first. */
  ticks: readonly Tick[];
  /** Of the last 24 hours. */
  counts: Counts | null;
}

export const TICKS = 60;
const CALM = 400;
const NOTHING: StationSight = {
  shown: null,
  shownAt: 0,
  latest: null,
  lastGood: null,
  ticks: [],
  counts: null,
};

const tickOf = (part: Part): Tick => ({
  id: part.id,
  decision: part.decision,
  at: Date.parse(part.timestamp),
});

const COUNTED = { pass: "passed", fail: "failed", uncertain: "uncertain" } as const;

function counted(counts: Counts, part: Part): Counts {
  const kind = COUNTED[part.decision];
  return {
    ...counts,
    total: counts.total + 1,
    [kind]: counts[kind] + 1,
    spent: counts.spent + part.total_time_ms,
  };
}

export const countsOf = (told: Statistics): Counts => ({
  total: told.total_inspections,
  passed: told.passed,
  failed: told.failed,
  uncertain: told.uncertain,
  spent: told.avg_inspection_time_ms * told.total_inspections,
});

/** A station's sight after more parts, oldest first. `now` is in milliseconds. */
export function seen(sight: StationSight, parts: readonly Part[], now: number): StationSight {
  const known = new Set(sight.ticks.map((tick) => tick.id));
  const fresh = parts.filter((part) => !known.has(part.id));
  const latest = fresh.at(-1);
  if (!latest) return sight;
  const changed = now - sight.shownAt >= CALM || !sight.shown;
  const bad = fresh.findLast((part) => part.decision !== "pass");
  return {
    shown: changed ? (bad ?? latest) : sight.shown,
    shownAt: changed ? now : sight.shownAt,
    latest,
    lastGood: fresh.findLast((part) => part.decision === "pass" && part.image_url !== null) ?? sight.lastGood,
    ticks: [...sight.ticks, ...fresh.map(tickOf)].slice(-TICKS),
    counts: sight.counts && fresh.reduce(counted, sight.counts),
  };
}

/** A station's sight when its newest parts and counts were asked for; parts are newest first. */
export function begun(parts: readonly Part[], statistics: Statistics, now: number): StationSight {
  const inOrder = [...parts].reverse().slice(-TICKS);
  return { ...seen(NOTHING, inOrder, now), shown: parts[0] ?? null, counts: countsOf(statistics) };
}

export class LineStore {
  private sights = new Map<string, StationSight>();
  private readonly watchers = new Set<() => void>();
  private version = 0;
  private readonly frames: Frames<Part>;
  private settling: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.frames = new Frames<Part>((parts) => this.take(parts));
  }

  begin(id: string, parts: readonly Part[], statistics: Statistics): void {
    this.sights.set(id, begun(parts, statistics, Date.now()));
    this.tell();
  }

  hear(part: Part): void {
    this.frames.push(part);
  }

  forget(partId: string): void {
    for (const [id, sight] of this.sights) {
      if (!sight.ticks.some((tick) => tick.id === partId)) continue;
      const without = (part: Part | null) => (part?.id === partId ? null : part);
      this.sights.set(id, {
        ...sight,
        shown: without(sight.shown),
        latest: without(sight.latest),
        lastGood: without(sight.lastGood),
        ticks: sight.ticks.filter((tick) => tick.id !== partId),
      });
    }
    this.tell();
  }

  readonly of = (id: string): StationSight => this.sights.get(id) ?? NOTHING;
  readonly ids = (): string[] => [...this.sights.keys()];
  readonly now = (): number => this.version;
  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  private take(parts: readonly Part[]): void {
    const byStation = new Map<string, Part[]>();
    for (const part of parts) {
      const own = byStation.get(part.station_id);
      if (own) own.push(part);
      else byStation.set(part.station_id, [part]);
    }
    for (const [id, own] of byStation) this.sights.set(id, seen(this.of(id), own, Date.now()));
    this.tell();
    this.settle();
  }

  /** When nothing comes any more, the picture shown is the latest. */
  private settle(): void {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      for (const [id, sight] of this.sights) {
        if (sight.latest && sight.shown !== sight.latest)
          this.sights.set(id, { ...sight, shown: sight.latest });
      }
      this.tell();
    }, 1500);
  }

  private tell(): void {
    this.version += 1;
    for (const each of this.watchers) each();
  }
}

/** One for the application: the wall is whole at once when somebody comes back to it. */
export const store = new LineStore();
hear("inspection.part.judged.v1", (part) => store.hear(part));
hear("inspection.record.deleted.v1", ({ id }) => store.forget(id));

export const useSight = (id: string): StationSight => useSyncExternalStore(store.watch, () => store.of(id));

/** All counts together; new with each frame that brought parts. */
export function useTotals(ids: readonly string[]): Counts {
  useSyncExternalStore(store.watch, store.now);
  const all = ids.map((id) => store.of(id).counts).filter((counts) => counts !== null);
  return all.reduce(
    (sum, each) => ({
      total: sum.total + each.total,
      passed: sum.passed + each.passed,
      failed: sum.failed + each.failed,
      uncertain: sum.uncertain + each.uncertain,
      spent: sum.spent + each.spent,
    }),
    { total: 0, passed: 0, failed: 0, uncertain: 0, spent: 0 },
  );
}
