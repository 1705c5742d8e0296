// How fast a file grows, out of what was heard of it.

import { serverNow } from "@/api/clock";

export interface Seen {
  size: number;
  generation: number;
  at: number;
  /** Bytes a second, smoothed; 0 until it was heard of twice. */
  rate: number;
  /** Seconds from the bytes being safe to hearing of it. */
  lag: number;
}

const SMOOTH = 0.4;

export function rateOf(
  before: Seen | undefined,
  heard: { size: number; generation: number; at: string },
  now: number = serverNow(),
): Seen {
  const at = Date.parse(heard.at);
  const lag = Math.max(0, (now - at) / 1000);
  const { size, generation } = heard;
  if (!before || before.generation !== generation || at <= before.at || size < before.size) {
    return { size, generation, at, rate: 0, lag };
  }
  const grown = (size - before.size) / ((at - before.at) / 1000);
  return {
    size,
    generation,
    at,
    rate: before.rate ? before.rate + SMOOTH * (grown - before.rate) : grown,
    lag,
  };
}
