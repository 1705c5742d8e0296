import { expect, test } from "vitest";
import { freshShift, idOf } from "./draft";

test("a rule's id comes from its title, and is no other rule's", () => {
  expect(idOf("Scratches at station 3", new Set())).toBe("scratches-at-station-3");
  expect(idOf("  Übermäßig <b>! ", new Set())).toBe("uberma-ig-b");
  expect(idOf("好", new Set(["rule"]))).toBe("rule-2");
  expect(idOf("x".repeat(80), new Set())).toHaveLength(56);
});

test("offers the shifts of the place one after the other", () => {
  const starts = ["05:30", "13:30", "21:30"];
  const first = freshShift(starts, []);
  expect([first.begin, first.end]).toEqual(["05:30", "13:30"]);
  const last = freshShift(starts, [first, { ...first, begin: "13:30", end: "21:30" }]);
  expect([last.begin, last.end]).toEqual(["21:30", "05:30"]);
  expect(freshShift(starts, [first, last, { ...first, begin: "13:30" }]).begin).toBe("05:30");
});
