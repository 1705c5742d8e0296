// The keyboard, while nobody types into a field.

import { useEffect, useRef } from "react";

type Act = (event: KeyboardEvent) => void;

const TYPED = new Set(["INPUT", "TEXTAREA", "SELECT"]);

/** Keys by their `event.key` in small letters; "ctrl+" before those that want it. */
export function useKeys(keys: Readonly<Record<string, Act>>, on = true): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement | null;
      if (event.defaultPrevented || document.querySelector("[role=dialog]")) return;
      if (target && (TYPED.has(target.tagName) || target.isContentEditable)) return;
      // A button has its own Enter, and a tab of choices its own arrows.
      if (event.key === "Enter" && target?.closest("button, a")) return;
      if (event.key.startsWith("Arrow") && target?.closest("[role=radiogroup], [role=slider]")) return;
      const name = event.key.toLowerCase();
      const act = latest.current[(event.ctrlKey || event.metaKey ? "ctrl+" : "") + name];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [on]);
}
