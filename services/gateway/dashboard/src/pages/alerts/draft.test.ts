import { expect, test } from "vitest";
import { idOf } from "./draft";

test("a rule's id comes from its title, and is no other rule's", () => {
  expect(idOf("Scratches at station 3", new Set())).toBe("scratches-at-station-3");
  expect(idOf("  Übermäßig <b>! ", new Set())).toBe("uberma-ig-b");
  expect(idOf("好", new Set(["rule"]))).toBe("rule-2");
  expect(idOf("x".repeat(80), new Set())).toHaveLength(56);
});
