// What is looked at, in the page's address.

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Reason, State, Wanted } from "./asked";

export const REASONS: readonly Reason[] = [
  "uncertain",
  "borderline",
  "doubtful",
  "novel",
  "disagreement",
  "drift",
  "audit",
  "manual",
];
export const STATES: readonly State[] = ["pending", "labeled", "trained"];

interface Address {
  status?: State | undefined;
  station?: string | undefined;
  reason?: Reason | undefined;
  /** The part on the table. */
  part?: string | undefined;
}

const oneOf = <T extends string>(known: readonly T[], value: unknown): T | undefined =>
  known.find((each) => each === value);

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value ? value : typeof value === "number" ? String(value) : undefined;

export function useAddress(): {
  wanted: Wanted;
  part: string | null;
  go: (change: Address, replace?: boolean) => void;
} {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const go = useCallback(
    (change: Address, replace = false) =>
      void navigate({
        to: ".",
        replace,
        search: (before: Record<string, unknown>) => ({ ...before, ...change }),
      }),
    [navigate],
  );
  return {
    wanted: {
      status: oneOf(STATES, search.status) ?? "pending",
      station: text(search.station) ?? null,
      reason: oneOf(REASONS, search.reason) ?? null,
    },
    part: text(search.part) ?? null,
    go,
  };
}
