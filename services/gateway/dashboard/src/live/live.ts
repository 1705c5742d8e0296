// The live layer's front door: hear what happens on the line and in the workshop, from one connection each.

import { useEffect, useRef, useSyncExternalStore } from "react";
import { api, signedFetch } from "@/api/client";
import { ByLock, ByTalk } from "./election";
import type { EventName, Events, WorkEvent } from "./events";
import { type Neighbours, Shared } from "./shared";
import type { Said } from "./sse";
import type { Connection } from "./stream";

type Listener = (said: unknown, name: string) => void;

class Source {
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly gaps = new Set<() => void>();
  private readonly watchers = new Set<() => void>();
  private connection: Connection = "off";
  private user = "";
  private readonly stream: Shared;
  private readonly path: string;
  private readonly onDemand: boolean;

  constructor(path: string, onDemand: boolean) {
    this.onDemand = onDemand;
    this.path = path;
    this.stream = new Shared(
      { open: (lastId, signal) => signedFetch(asked(path, lastId, signal)), now: Date.now },
      {
        event: (said) => this.tell(said),
        gap: () => {
          for (const each of this.gaps) each();
        },
        state: (state) => {
          this.connection = state;
          for (const each of this.watchers) each();
        },
      },
      neighbours(),
    );
  }

  /** Somebody is signed in: hear, at once or when the first wants to. */
  start(user: string): void {
    this.user = user;
    if (!this.onDemand || this.listeners.size) this.begin();
  }

  /** The session ended in mid-work: other tabs' may be good. */
  pause(): void {
    this.user = "";
    this.stream.pause();
  }

  stop(): void {
    this.user = "";
    this.stream.stop();
  }

  nudge(): void {
    this.stream.nudge();
  }

  hear(name: string, listener: Listener): () => void {
    const known = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, known.add(listener));
    if (this.user) this.begin();
    return () => {
      known.delete(listener);
      if (known.size === 0) this.listeners.delete(name);
      if (this.onDemand && this.listeners.size === 0) this.stream.stop();
    };
  }

  onGap(listener: () => void): () => void {
    this.gaps.add(listener);
    return () => this.gaps.delete(listener);
  }

  readonly now = (): Connection => this.connection;

  readonly watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  private begin(): void {
    this.stream.start(`andon ${this.path} ${this.user}`);
  }

  private tell(said: Said): void {
    const listeners = [...(this.listeners.get(said.name) ?? []), ...(this.listeners.get("*") ?? [])];
    if (!listeners.length) return;
    const content: unknown = JSON.parse(said.data);
    for (const listener of listeners) listener(content, said.name);
  }
}

function asked(path: string, lastId: string, signal: AbortSignal): Request {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (lastId) headers["Last-Event-ID"] = lastId;
  return new Request(new URL(path, location.origin), { headers, signal, cache: "no-store" });
}

/** This browser's other tabs; none where they can't be reached. */
function neighbours(): Neighbours | null {
  if (typeof BroadcastChannel === "undefined" || typeof document === "undefined") return null;
  const { locks } = navigator as { locks?: LockManager }; // there over HTTPS and on the own machine alone
  return {
    channel: (name) => new BroadcastChannel(name),
    election: (name, lead) =>
      locks ? new ByLock(locks, name, lead) : new ByTalk(new BroadcastChannel(`${name} lead`), lead),
    watched: () => !document.hidden,
    check: () => void api.GET("/api/v1/auth/me").catch(() => {}),
  };
}

/** Parts, stations, alerts, models, reviews: heard for as long as somebody is signed in. */
export const line = new Source("/api/v1/events", false);
/** Jobs, devices and runs: heard while a page listens. */
export const work = new Source("/api/events/stream", true);

/** Hear an event of the line outside of a component; returns how to stop. */
export const hear = <N extends EventName>(name: N, listener: (said: Events[N]) => void): (() => void) =>
  line.hear(name, listener as Listener);

/** Hear one or more events of the line while the component is shown. */
export function useLive<N extends EventName>(
  names: N | readonly N[],
  listener: (said: Events[N], name: N) => void,
): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  const key = typeof names === "string" ? names : names.join(" ");
  useEffect(() => {
    const tell: Listener = (said, name) => latest.current(said as Events[N], name as N);
    const ends = key.split(" ").map((name) => line.hear(name, tell));
    return () => {
      for (const end of ends) end();
    };
  }, [key]);
}

/** Hear everything the workshop says (jobs, devices, runs) while the component is shown. */
export function useWorkLive(listener: (said: WorkEvent) => void): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  // Its events have no names: the type is inside.
  useEffect(() => work.hear("", (said) => latest.current(said as WorkEvent)), []);
}

export const useConnection = (): Connection => useSyncExternalStore(line.watch, line.now);
