// Keys that work wherever the reader is, except where text is typed or a question is open.

import { useEffect, useRef } from "react";

/** By `event.key`, letters small. */
export type Keys = Record<string, () => void>;

const TYPES = "input, textarea, select, [contenteditable=true]";

/** Whether a key pressed there means the page, and not a field or a dialog. */
export function meant(event: Pick<KeyboardEvent, "ctrlKey" | "metaKey" | "altKey" | "target">): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const target = event.target as Element | null;
  const typing = target?.closest?.(TYPES) && !target.matches("input[type=checkbox]");
  return !typing && document.querySelector('[role="dialog"]') === null;
}

export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const act = latest.current[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act || !meant(event)) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}
