// Gathers what comes faster than a screen shows, and hands it on once per frame.

type Later = (run: () => void) => void;

const HIDDEN_PAUSE = 1000;

/** A frame, or a second where nobody looks: browsers draw no frames of a hidden tab. */
const nextFrame: Later = (run) => {
  if (document.hidden) setTimeout(run, HIDDEN_PAUSE);
  else requestAnimationFrame(run);
};

/** Holds `most` things at once; of more, the oldest are let go. */
export class Frames<T> {
  private held: T[] = [];
  private due = false;
  private readonly flush: (held: T[]) => void;
  private readonly most: number;
  private readonly later: Later;

  constructor(flush: (held: T[]) => void, most = 2000, later: Later = nextFrame) {
    this.flush = flush;
    this.most = most;
    this.later = later;
  }

  push(thing: T): void {
    this.held.push(thing);
    if (this.held.length > 2 * this.most) this.held.splice(0, this.held.length - this.most);
    if (this.due) return;
    this.due = true;
    this.later(() => {
      this.due = false;
      const held = this.held.slice(-this.most);
      this.held = [];
      if (held.length) this.flush(held);
    });
  }
}
