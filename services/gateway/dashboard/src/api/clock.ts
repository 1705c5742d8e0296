// The server's clock as seen from here: a tablet's own may be minutes off.

const STEADY = 0.2;
const JUMP = 5000;
let ahead: number | null = null;

/** Tell what the server's clock said in an answer that took `took` milliseconds. */
export function heardClock(dateHeader: string | null, now: number, took: number): void {
  const server = dateHeader ? Date.parse(dateHeader) : Number.NaN;
  if (!Number.isFinite(server)) return;
  // The header has whole seconds, and was written somewhere on the way.
  const offset = server + 500 + took / 2 - now;
  // A clock that was set, or slept through an hour, is believed at once; what is less is the way's own trembling.
  const jumped = ahead === null || Math.abs(offset - ahead) > JUMP + took;
  ahead = jumped ? offset : (ahead ?? 0) + STEADY * (offset - (ahead ?? 0));
}

/** Milliseconds since 1970 by the server's clock; by our own until it was heard, and where both nearly agree. */
export function serverNow(): number {
  return Date.now() + (ahead !== null && Math.abs(ahead) > 1500 ? ahead : 0);
}

/** Milliseconds that our clock is behind the server's. */
export const clockOffset = (): number => ahead ?? 0;
