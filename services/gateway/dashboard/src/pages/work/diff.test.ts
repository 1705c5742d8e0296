import { describe, expect, test } from "vitest";
import { countOf, rowsOf } from "./diff";

const DIFF = [
  "--- a",
  "+++ b",
  "@@ -3,3 +3,3 @@ def build",
  " one",
  "-two",
  "+zwei",
  " three",
  "\\ No newline",
].join("\n");

describe("a unified diff", () => {
  test("has line numbers on both sides", () => {
    const rows = rowsOf(DIFF);
    expect(rows.map(({ kind, before, after }) => [kind, before, after])).toEqual([
      ["hunk", null, null],
      ["same", 3, 3],
      ["del", 4, null],
      ["add", null, 4],
      ["same", 5, 5],
    ]);
    expect(countOf(rows, "add")).toBe(1);
  });
  test("lines that look like its head are lines", () => {
    expect(rowsOf("@@ -1 +1 @@\n--- a\n+++ b").map((row) => row.text)).toEqual([
      "@@ -1 +1 @@",
      "-- a",
      "++ b",
    ]);
  });
  test("of the same content is empty", () => {
    expect(rowsOf("")).toEqual([]);
  });
});
