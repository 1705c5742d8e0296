// How a station does, reckoned from its latest parts and open alerts.

import type { Schemas } from "@/api/client";
import type { Verdict } from "@/parts/Decision";
import type { Lamp } from "@/parts/StationState";

type Alert = Pick<Schemas["AlertView"], "severity" | "state">;

export interface Sight {
  mode: Schemas["Mode"];
  alerts: readonly Alert[];
  /** Oldest first. */
  recent: readonly Verdict[];
  lastAt: number | null;
  takt: number | null;
  now: number;
}

const IN_A_ROW = 3;
const LOOKED_AT = 20;
const ENOUGH = 5;
const BAD_SHARE = 0.25;
const LEAST_SILENCE = 60;

export function lampOf({ mode, alerts, recent, lastAt, takt, now }: Sight): Lamp {
  if (mode === "pause") return "paused";
  if (mode === "teach") return "teaching";
  const grave = alerts.some(
    (each) => each.state === "open" && (each.severity === "error" || each.severity === "critical"),
  );
  const row = recent.slice(-IN_A_ROW);
  if (grave || (row.length === IN_A_ROW && row.every((each) => each === "fail"))) return "stopped";
  const looked = recent.slice(-LOOKED_AT);
  const bad = looked.filter((each) => each !== "pass").length;
  const often = looked.length >= ENOUGH && bad / looked.length > BAD_SHARE;
  if (often || alerts.some((each) => each.severity !== "info")) return "attention";
  return isSilent(lastAt, takt, now) ? "silent" : "running";
}

/** Whether no part came for a minute, or for ten takts on a slow line. */
export function isSilent(lastAt: number | null, takt: number | null, now: number): boolean {
  return lastAt === null || (now - lastAt) / 1000 > Math.max(LEAST_SILENCE, 10 * (takt ?? 0));
}

const GRAVITY: readonly Lamp[] = ["stopped", "attention", "running", "teaching", "silent", "paused"];

/** The line's lamp is that of its worst station. */
export const worstOf = (lamps: readonly Lamp[]): Lamp =>
  GRAVITY.find((each) => lamps.includes(each)) ?? "silent";

/** Seconds from part to part over moments in milliseconds, oldest first; null where there are too few. */
export function taktOf(moments: readonly number[]): number | null {
  const [first, last] = [moments[0], moments.at(-1)];
  if (first === undefined || last === undefined || moments.length < 2 || last <= first) return null;
  return (last - first) / (moments.length - 1) / 1000;
}
