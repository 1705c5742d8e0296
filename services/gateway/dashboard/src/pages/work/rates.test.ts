import { expect, test } from "vitest";
import { rateOf } from "./rates";

const AT = "2026-11-21T08:00:0";
const now = Date.parse(`${AT}9Z`);

test("a file's growth is bytes a second, and begins anew with a new generation", () => {
  const first = rateOf(undefined, { size: 1000, generation: 1, at: `${AT}0Z` }, now);
  expect([first.rate, first.lag]).toEqual([0, 9]);
  const second = rateOf(first, { size: 3000, generation: 1, at: `${AT}2Z` }, now);
  expect(second.rate).toBe(1000);
  expect(rateOf(second, { size: 3000, generation: 1, at: `${AT}3Z` }, now).rate).toBeCloseTo(600);
  expect(rateOf(second, { size: 9, generation: 2, at: `${AT}3Z` }, now).rate).toBe(0);
});
