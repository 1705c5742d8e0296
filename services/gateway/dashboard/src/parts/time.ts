// Moments as people read them, by the server's clock where ours is off.

import i18next from "i18next";
import { useSyncExternalStore } from "react";
import { serverNow } from "@/api/clock";

const locale = (): string => (i18next.resolvedLanguage === "de" ? "de-DE" : "en-GB");

const made = new Map<string, Intl.DateTimeFormat>();
function format(kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${kind}`;
  const known = made.get(key) ?? new Intl.DateTimeFormat(locale(), options);
  made.set(key, known);
  return known;
}

type Moment = string | number | Date;

/** 14:03:59 */
export const clock = (moment: Moment): string =>
  format("clock", { timeStyle: "medium" }).format(new Date(moment));

/** 21 Nov 2026, 14:03:59 */
export const dateTime = (moment: Moment): string =>
  format("dateTime", { dateStyle: "medium", timeStyle: "medium" }).format(new Date(moment));

/** 21 Nov 2026 */
export const day = (moment: Moment): string =>
  format("day", { dateStyle: "medium" }).format(new Date(moment));

const STEPS: readonly [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [Number.POSITIVE_INFINITY, "day"],
];

/** "3 minutes ago"; what the server's clock has not reached yet was now. */
export function ago(moment: Moment, now: number = serverNow()): string {
  let span = Math.max(0, (now - new Date(moment).getTime()) / 1000);
  for (const [length, unit] of STEPS) {
    if (span < length) {
      return new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "short" }).format(
        -Math.floor(span),
        unit,
      );
    }
    span /= length;
  }
  return "";
}

/** 95 -> "1:35 min", 7500 -> "2:05 h" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}

const tellers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let second = serverNow();

function eachSecond(tell: () => void): () => void {
  tellers.add(tell);
  timer ??= setInterval(() => {
    second = serverNow();
    for (const each of tellers) each();
  }, 1000);
  return () => {
    tellers.delete(tell);
    if (tellers.size) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The server's time, new each second; the component is drawn again with it. */
export const useNow = (): number => useSyncExternalStore(eachSecond, () => second);
