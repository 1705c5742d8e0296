// What is drawn and not saved yet, kept in the browser's tab: a reload or an ended session loses nothing of it.

import type { Mark } from "./drawing";

export interface Draft {
  marks: readonly Mark[];
  note: string;
  className: string;
}

const KEY = "andon.review.draft";
const SKIPPED = "andon.review.skipped";
const MOST = 30;

type Kept = Record<string, { at: number; draft: Draft }>;

function all(store: Storage): Kept {
  try {
    const kept: unknown = JSON.parse(store.getItem(KEY) ?? "{}");
    return typeof kept === "object" && kept !== null ? (kept as Kept) : {};
  } catch {
    return {};
  }
}

const keyOf = (username: string, id: string): string => `${username} ${id}`;

export function draftOf(username: string, id: string, store: Storage = sessionStorage): Draft | null {
  const found = all(store)[keyOf(username, id)]?.draft;
  return found && Array.isArray(found.marks) ? found : null;
}

/** Keep it; drafts without marks and note are let go, and of many the oldest. */
export function keepDraft(username: string, id: string, draft: Draft, store: Storage = sessionStorage): void {
  const kept = all(store);
  delete kept[keyOf(username, id)];
  if (draft.marks.length || draft.note) kept[keyOf(username, id)] = { at: Date.now(), draft };
  const newest = Object.entries(kept)
    .sort(([, one], [, other]) => other.at - one.at)
    .slice(0, MOST);
  try {
    store.setItem(KEY, JSON.stringify(Object.fromEntries(newest)));
  } catch {
    // The tab's room is full: what is on the screen is still there.
  }
}

export function dropDraft(username: string, id: string, store: Storage = sessionStorage): void {
  keepDraft(username, id, { marks: [], note: "", className: "" }, store);
}

export function skippedIds(store: Storage = sessionStorage): string[] {
  try {
    const kept: unknown = JSON.parse(store.getItem(SKIPPED) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

export function skip(id: string, store: Storage = sessionStorage): string[] {
  const ids = [...skippedIds(store).filter((each) => each !== id), id].slice(-200);
  store.setItem(SKIPPED, JSON.stringify(ids));
  return ids;
}
