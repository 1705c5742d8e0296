// A page's filters live in its address: a link shows the same, and the back button goes back.

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export type Filters = Readonly<Record<string, string>>;

/** What stands in the address, as text; and how to change some of it. "" takes a filter away. */
export function useFilters(): [Filters, (changes: Filters, keep?: "push" | "replace") => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const change = useCallback(
    (changes: Filters, keep: "push" | "replace" = "replace") => {
      const next = (before: Record<string, unknown>) =>
        Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== ""));
      void navigate({ to: ".", search: next as never, replace: keep === "replace" });
    },
    [navigate],
  );
  const filters = Object.fromEntries(
    Object.entries(search).flatMap(([name, value]) =>
      typeof value === "object" || value === undefined ? [] : [[name, String(value)]],
    ),
  );
  return [filters, change];
}
