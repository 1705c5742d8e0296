// One stream for all tabs of a person: the one that leads holds the connection and hands on what it hears.

import type { Election, Lead } from "./election";
import type { Said } from "./sse";
import { type Connection, type Doors, type Hearing, Stream } from "./stream";

/** What tabs tell each other. */
type Word =
  | { word: "hello" }
  | { word: "here"; state: Connection; place: string }
  | { word: "event"; said: Said }
  | { word: "gap" }
  | { word: "state"; state: Connection }
  | { word: "beat"; place: string };

/** How a tab finds the others; without it, it is alone and holds a connection of its own. */
export interface Neighbours {
  channel(name: string): BroadcastChannel;
  election(name: string, lead: Lead): Election;
  /** Whether somebody looks at this tab: only then it takes over from one that is not heard any more. */
  watched(): boolean;
  /** Finds out that the session is over: who holds no connection is not cut off. */
  check(): void;
}

const BEAT = 5_000;
const LOOK = 10_000;
const LOOKS_A_CHECK = 6;
const UNHEARD = 50_000; // who leads hears something every 15 to 30 seconds, and a dead connection is noticed after 40

export class Shared {
  private readonly stream: Stream;
  private readonly doors: Doors;
  private readonly hearing: Hearing;
  private readonly near: Neighbours | null;
  private name = "";
  private channel: BroadcastChannel | null = null;
  private election: Election | null = null;
  private leads = false;
  private state: Connection = "off";
  private toldAt = 0;
  private toldPlace = "";
  private looks = 0;
  private heardAt = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(doors: Doors, hearing: Hearing, near: Neighbours | null) {
    this.doors = doors;
    this.hearing = hearing;
    this.near = near;
    this.stream = new Stream(doors, {
      event: (said) => this.both({ word: "event", said }),
      gap: () => this.both({ word: "gap" }),
      state: (state) => this.both({ word: "state", state }),
      alive: () => {
        const { place } = this.stream;
        if (place !== this.toldPlace || this.doors.now() - this.toldAt > BEAT) {
          this.post({ word: "beat", place });
        }
      },
    });
  }

  /** Hear what all tabs under this name hear. */
  start(name: string): void {
    if (this.name === name) return;
    if (this.name) this.pause();
    this.name = name;
    if (!this.near) {
      this.stream.start();
      return;
    }
    this.shown("connecting");
    this.heardAt = this.doors.now();
    this.channel = this.near.channel(name);
    this.channel.onmessage = (event: MessageEvent<Word>) => this.told(event.data);
    this.election = this.near.election(name, (term) => this.lead(term));
    this.election.stand();
    this.post({ word: "hello" });
    this.timer = setInterval(() => this.watch(), LOOK);
  }

  /** Hear nothing more, and remember how far it was. */
  pause(): void {
    if (!this.name) return;
    this.name = "";
    clearInterval(this.timer);
    this.stream.pause();
    this.election?.leave();
    this.channel?.close();
    this.election = this.channel = null;
    this.leads = false;
    this.shown("reconnecting");
  }

  stop(): void {
    this.pause();
    this.stream.at("");
    this.shown("off");
  }

  nudge(): void {
    this.stream.nudge();
  }

  private lead(term: AbortSignal): void {
    const mine = this.election;
    this.leads = true;
    this.stream.start();
    term.addEventListener("abort", () => {
      if (this.election !== mine) return; // it was left, and another one may be led already
      this.leads = false;
      this.stream.pause();
    });
  }

  private watch(): void {
    this.looks += 1;
    if (!this.leads && this.looks % LOOKS_A_CHECK === 0) this.near?.check();
    const unheard = this.doors.now() - this.heardAt > UNHEARD;
    if (!this.leads && unheard && this.near?.watched()) {
      this.heardAt = this.doors.now();
      this.election?.take();
    }
  }

  /** Something this tab heard on its own connection. */
  private both(word: Word): void {
    this.post(word);
    this.take(word);
  }

  /** Something another tab says. */
  private told(word: Word): void {
    if (word.word === "hello") {
      if (this.leads) this.post({ word: "here", state: this.state, place: this.stream.place });
      return;
    }
    this.heardAt = this.doors.now();
    if (this.leads) return; // what its predecessor still had under way, and has been asked for again
    if (word.word === "here") this.join(word.state, word.place);
    else if (word.word !== "event" || this.news(word.said)) this.take(word);
  }

  private join(state: Connection, place: string): void {
    // Others went on while this one was away: what it shows may be old.
    if (this.stream.place && Number(place) > Number(this.stream.place)) this.hearing.gap();
    if (place) this.stream.at(place);
    this.shown(state);
  }

  private news(said: Said): boolean {
    if (!said.id) return true;
    if (this.stream.place && Number(said.id) <= Number(this.stream.place)) return false;
    this.stream.at(said.id);
    return true;
  }

  private take(word: Word): void {
    if (word.word === "event") {
      if (word.said.data) this.hearing.event(word.said);
    } else if (word.word === "gap") {
      if (!this.leads) this.stream.at("");
      this.hearing.gap();
    } else if (word.word === "state") {
      // Another tab takes over: nothing to tell as long as that works.
      if (word.state !== "connecting" || this.state !== "live") this.shown(word.state);
    } else if (word.word === "beat") {
      this.stream.at(word.place);
    }
  }

  private shown(state: Connection): void {
    if (state === this.state) return;
    this.state = state;
    this.hearing.state(state);
  }

  private post(word: Word): void {
    this.toldAt = this.doors.now();
    this.toldPlace = this.stream.place;
    this.channel?.postMessage(word);
  }
}
