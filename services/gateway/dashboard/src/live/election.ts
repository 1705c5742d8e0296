// Which of several tabs holds the connection: one leads, another follows on once it is gone.

/** Called when this tab leads; the signal ends when it does so no more. */
export type Lead = (term: AbortSignal) => void;

export interface Election {
  /** Lead as soon as nobody else does. */
  stand(): void;
  /** Lead now: who leads is not heard any more. */
  take(): void;
  /** Give up, for good. */
  leave(): void;
}

/** By the browser's own locks: a tab that crashes is followed at once. They need HTTPS, or the own machine. */
export class ByLock implements Election {
  private asking = new AbortController();
  private done: () => void = () => {};
  private left = false;
  private readonly locks: LockManager;
  private readonly name: string;
  private readonly lead: Lead;

  constructor(locks: LockManager, name: string, lead: Lead) {
    this.locks = locks;
    this.name = name;
    this.lead = lead;
  }

  stand(): void {
    this.asking = new AbortController();
    void this.ask({ signal: this.asking.signal });
  }

  take(): void {
    this.asking.abort();
    void this.ask({ steal: true });
  }

  leave(): void {
    this.left = true;
    this.asking.abort();
    this.done();
  }

  private async ask(how: LockOptions): Promise<void> {
    const term = new AbortController();
    let held = false;
    try {
      await this.locks.request(this.name, how, () => {
        if (this.left) return;
        held = true;
        this.lead(term.signal);
        return new Promise<void>((done) => {
          this.done = done;
        });
      });
    } catch {
      // Called off, or taken by another tab that did not hear us.
    }
    term.abort();
    if (held && !this.left) this.stand();
  }
}

type Word = { word: "claim" | "force" | "mine" | "bye"; from: string };

const OBJECTION = 250;

/** By asking around, where there are no locks: a plain http address in the plant. */
export class ByTalk implements Election {
  private readonly me = Math.random().toString(36).slice(2);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private term: AbortController | null = null;
  private readonly channel: BroadcastChannel;
  private readonly lead: Lead;

  constructor(channel: BroadcastChannel, lead: Lead) {
    this.channel = channel;
    this.lead = lead;
    channel.onmessage = (event: MessageEvent<Word>) => this.heard(event.data);
  }

  stand(): void {
    this.claim("claim", 0);
  }

  take(): void {
    this.claim("force", 0);
  }

  leave(): void {
    clearTimeout(this.timer);
    if (this.term) this.say("bye");
    this.channel.close();
    this.end();
  }

  private claim(word: "claim" | "force", wait: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.say(word);
      this.timer = setTimeout(() => this.begin(), OBJECTION);
    }, wait);
  }

  private heard({ word, from }: Word): void {
    if (word === "bye") {
      if (!this.term) this.claim("claim", Math.random() * OBJECTION);
    } else if (word === "force") {
      clearTimeout(this.timer);
      this.end();
    } else if (this.term && (word === "claim" || this.me < from)) {
      this.say("mine");
    } else if (this.term) {
      this.end(); // two led: who comes first in the alphabet goes on
    } else if (word === "mine" || from < this.me) {
      clearTimeout(this.timer);
    }
  }

  private begin(): void {
    if (this.term) return;
    this.term = new AbortController();
    this.say("mine");
    this.lead(this.term.signal);
  }

  private end(): void {
    this.term?.abort();
    this.term = null;
  }

  private say(word: Word["word"]): void {
    this.channel.postMessage({ word, from: this.me } satisfies Word);
  }
}
