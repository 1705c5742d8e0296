import { afterEach, expect, it, vi } from "vitest";
import { ByLock, ByTalk } from "./election";
import { type Neighbours, Shared } from "./shared";

/** The server's side of one connection: what it says, and how many are open. */
class Feed {
  asked: string[] = [];
  open = 0;
  private readonly writers = new Set<ReadableStreamDefaultController<Uint8Array>>();

  connect(lastId: string, signal: AbortSignal): Promise<Response> {
    this.asked.push(lastId);
    this.open += 1;
    const body = new ReadableStream<Uint8Array>({
      start: (writer) => {
        this.writers.add(writer);
        if (!lastId) writer.enqueue(new TextEncoder().encode("id: 10\n\n"));
        signal.addEventListener("abort", () => {
          this.open -= 1;
          this.writers.delete(writer);
          writer.error(new Error("gone"));
        });
      },
    });
    return Promise.resolve(new Response(body));
  }

  say(id: number): void {
    for (const each of this.writers) {
      each.enqueue(new TextEncoder().encode(`id: ${id}\nevent: e\ndata: ${id}\n\n`));
    }
  }
}

/** As the browser's, of one name: the first who asks holds it, the next follows. */
class Locks {
  private readonly queue: (() => void)[] = [];
  private held: { break: (why: Error) => void } | null = null;

  request(_name: string, how: LockOptions, grant: () => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        this.held = { break: reject };
        const mine = this.held;
        void Promise.resolve(grant()).then(() => {
          if (this.held !== mine) return;
          this.held = null;
          resolve();
          this.queue.shift()?.();
        });
      };
      how.signal?.addEventListener("abort", () => {
        const at = this.queue.indexOf(begin);
        if (at >= 0) this.queue.splice(at, 1);
        if (at >= 0) reject(new Error("called off"));
      });
      if (how.steal) this.held?.break(new Error("stolen"));
      if (how.steal || !this.held) begin();
      else this.queue.push(begin);
    });
  }
}

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

function tab(feed: Feed, near: (name: string) => Pick<Neighbours, "election">, name = "olga") {
  const heard: string[] = [];
  const states: string[] = [];
  let gaps = 0;
  const shared = new Shared(
    { open: (lastId, signal) => feed.connect(lastId, signal), now: Date.now },
    {
      event: (said) => heard.push(said.data),
      gap: () => {
        gaps += 1;
      },
      state: (state) => states.push(state),
    },
    {
      ...near(name),
      channel: (channel) => new BroadcastChannel(channel),
      watched: () => true,
      check: () => {},
    },
  );
  shared.start(name);
  ended.push(() => shared.stop());
  return { shared, heard, states, gaps: () => gaps, live: () => states.at(-1) === "live" };
}

const ways: [string, () => (name: string) => Pick<Neighbours, "election">][] = [
  [
    "locks",
    () => {
      const locks = new Locks() as unknown as LockManager;
      return () => ({ election: (name, lead) => new ByLock(locks, name, lead) });
    },
  ],
  [
    "talk",
    () => () => ({
      election: (name, lead) => new ByTalk(new BroadcastChannel(`${name} lead`), lead),
    }),
  ],
];

const soon = (look: () => void) => vi.waitFor(look, { timeout: 5000, interval: 10 });

for (const [way, made] of ways) {
  it(`holds one connection for all tabs, by ${way}, and hands it over without loss`, async () => {
    const [feed, near] = [new Feed(), made()];
    const tabs = [1, 2, 3, 4].map(() => tab(feed, near, `all ${way}`));
    await soon(() => expect(tabs.every((each) => each.live())).toBe(true));
    expect(feed.open).toBe(1);
    feed.say(11);
    await soon(() => expect(tabs.map((each) => each.heard)).toEqual(Array(4).fill(["11"])));
    for (let left = 3; left > 0; left -= 1) {
      // Whoever leads goes.
      const before = feed.asked.length;
      const leader = tabs.findIndex((each) => {
        each.shared.stop();
        return feed.open === 0;
      });
      expect(leader).toBeGreaterThanOrEqual(0);
      tabs.splice(0, leader + 1);
      if (!tabs.length) break;
      await soon(() => expect(feed.asked.length).toBe(before + 1));
      expect(feed.asked.at(-1)).not.toBe("");
      const said = 20 - left;
      feed.say(said);
      await soon(() => expect(tabs.every((each) => each.heard.at(-1) === String(said))).toBe(true));
    }
    expect(tabs.every((each) => each.gaps() === 0)).toBe(true);
  }, 15_000);

  it(`leads where the leader is not heard any more, by ${way}`, async () => {
    const [feed, near] = [new Feed(), made()];
    const [first, second] = [tab(feed, near, `stuck ${way}`), tab(feed, near, `stuck ${way}`)];
    await soon(() => expect(first.live() && second.live()).toBe(true));
    const follows = (first.shared as unknown as { leads: boolean }).leads ? second : first;
    const inner = follows.shared as unknown as { heardAt: number; watch: () => void; leads: boolean };
    inner.heardAt = Date.now() - 60_000;
    inner.watch();
    await soon(() => expect(inner.leads).toBe(true));
    await soon(() => expect(feed.open).toBe(1));
    feed.say(11);
    await soon(() => expect([first.heard, second.heard]).toEqual([["11"], ["11"]]));
  }, 15_000);

  it(`keeps people apart, by ${way}, and asks anew who was away meanwhile`, async () => {
    const [feed, near] = [new Feed(), made()];
    const olga = tab(feed, near, `olga ${way}`);
    const also = tab(feed, near, `olga ${way}`);
    const erik = tab(feed, made(), `erik ${way}`);
    await soon(() => expect([olga, also, erik].every((each) => each.live())).toBe(true));
    expect(feed.open).toBe(2);
    also.shared.pause();
    await soon(() => expect(feed.open).toBe(2));
    feed.say(12);
    await soon(() => expect(olga.heard).toEqual(["12"]));
    expect(also.heard).toEqual([]);
    also.shared.start(`olga ${way}`);
    await soon(() => expect(also.gaps()).toBe(1));
    feed.say(13);
    await soon(() => expect(also.heard).toEqual(["13"]));
  }, 15_000);
}
