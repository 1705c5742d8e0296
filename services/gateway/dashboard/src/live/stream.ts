// One connection to a stream of events that comes back by itself and goes on after the last event it saw.

import { Problem } from "@/api/problem";
import { Parser, type Said } from "./sse";

export type Connection = "off" | "connecting" | "live" | "reconnecting" | "offline";

export interface Hearing {
  /** Each event, in order. */
  event(said: Said): void;
  /** Events were missed, or may have been: what is shown must be asked anew. */
  gap(): void;
  state(state: Connection): void;
  /** Something came, be it only a sign of life. */
  alive?(): void;
}

export interface Doors {
  open(lastId: string, signal: AbortSignal): Promise<Response>;
  now(): number;
}

const SILENCE = 40_000; // the gateway says something every 15 to 30 seconds
const LONGEST_REPLAY = 2 * 60_000; // after more than that, asking anew is quicker than hearing all of it
const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 5_000;

export class Stream {
  private lastId = "";
  private heardAt = 0;
  private failures = 0;
  private running: AbortController | null = null;
  private wake: () => void = () => {};
  private readonly doors: Doors;
  private readonly hearing: Hearing;

  constructor(doors: Doors, hearing: Hearing) {
    this.doors = doors;
    this.hearing = hearing;
  }

  start(): void {
    if (this.running) return;
    this.running = new AbortController();
    this.hearing.state("connecting");
    void this.run(this.running.signal);
  }

  stop(): void {
    this.pause();
    this.lastId = "";
    this.hearing.state("off");
  }

  /** End the connection, and remember how far it was. */
  pause(): void {
    this.running?.abort();
    this.running = null;
    this.failures = 0;
  }

  /** The last event that was seen, by whatever way. */
  get place(): string {
    return this.lastId;
  }

  /** Go on from this event, which was heard now by another way. */
  at(place: string): void {
    this.lastId = place;
    this.heardAt = this.doors.now();
  }

  /** The network is said to be back: try at once. */
  nudge(): void {
    this.wake();
  }

  private async run(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const once = new AbortController();
      const end = () => once.abort();
      over.addEventListener("abort", end);
      try {
        await this.hear(once);
      } catch {
        // Whatever ended it, the answer is to come back.
      }
      over.removeEventListener("abort", end);
      once.abort();
      if (over.aborted) return;
      this.failures += 1;
      this.hearing.state(this.failures > 2 ? "offline" : "reconnecting");
      await this.rest(over);
    }
  }

  private async hear(once: AbortController): Promise<void> {
    const away = this.doors.now() - this.heardAt;
    const fresh = this.lastId === "";
    const skip = !fresh && away > LONGEST_REPLAY;
    const dog = this.watchdog(once);
    try {
      const answer = await this.doors.open(skip ? "" : this.lastId, once.signal);
      once.signal.throwIfAborted();
      if (!answer.ok || !answer.body) throw new Problem(answer.status, "no stream");
      this.failures = 0;
      this.heardAt = this.doors.now();
      this.hearing.state("live");
      if (skip) this.hearing.gap();
      const parser = new Parser((said) => this.said(said));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        dog.calm();
        this.heardAt = this.doors.now();
        parser.push(piece.value);
        this.hearing.alive?.();
      }
    } finally {
      dog.off();
    }
  }

  private said(said: Said): void {
    // A place before ours: the server's feed began anew, and what we hold may be of the old one.
    if (said.id && this.lastId && Number(said.id) < Number(this.lastId)) this.hearing.gap();
    if (said.id) this.lastId = said.id;
    if (said.data) this.hearing.event(said);
  }

  private watchdog(once: AbortController): { calm: () => void; off: () => void } {
    let timer = setTimeout(() => once.abort(), SILENCE);
    return {
      calm: () => {
        clearTimeout(timer);
        timer = setTimeout(() => once.abort(), SILENCE);
      },
      off: () => clearTimeout(timer),
    };
  }

  private rest(over: AbortSignal): Promise<void> {
    const long =
      Math.min(FIRST_PAUSE * 2 ** (this.failures - 1), LONGEST_PAUSE) * (0.7 + 0.6 * Math.random());
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, long);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
      over.addEventListener("abort", this.wake, { once: true });
    });
  }
}
