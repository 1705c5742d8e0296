import { expect, it } from "vitest";
import { clockOffset, heardClock } from "./clock";

const NOON = Date.parse("2026-11-21T12:00:00Z");
const told = (server: number, own: number, took = 20) =>
  heardClock(new Date(server).toUTCString(), own, took);

it("trusts a clock that was set at once, and trembles little", () => {
  told(NOON, NOON);
  expect(Math.abs(clockOffset())).toBeLessThan(1000);
  told(NOON, NOON - 900);
  expect(clockOffset()).toBeLessThan(900);
  told(NOON, NOON - 3_600_000);
  expect(Math.abs(clockOffset() - 3_600_000)).toBeLessThan(1000);
  told(NOON, NOON);
  expect(Math.abs(clockOffset())).toBeLessThan(1000);
  heardClock("nonsense", 0, 0);
  heardClock(null, 0, 0);
  expect(Math.abs(clockOffset())).toBeLessThan(1000);
});
