import { expect, it } from "vitest";
import { shiftAt, shiftName, timeOfDay, USUAL } from "./shifts";

it("knows shifts, also the one over midnight", () => {
  const starts = USUAL.shift_starts;
  const times = ["05:59", "06:00", "13:59", "14:00", "21:59", "22:00", "00:00"];
  expect(times.map((time) => shiftAt(time, starts))).toEqual([2, 0, 0, 1, 1, 2, 2]);
  expect([0, 1, 2].map((shift) => shiftName(shift, starts))).toEqual(["06–14", "14–22", "22–06"]);
  expect(shiftName(1, ["05:30", "17:30"])).toBe("17:30–05:30");
});

it("reads the clock of a place, through the change to summer time", () => {
  const at = (text: string) => timeOfDay(Date.parse(text), "Europe/Berlin");
  expect(at("2026-03-29T00:30:00Z")).toBe("01:30");
  expect(at("2026-03-29T01:30:00Z")).toBe("03:30");
  expect(timeOfDay(Date.parse("2026-01-01T00:00:00Z"), "Asia/Kolkata")).toBe("05:30");
  expect(timeOfDay(0, "Nowhere/AtAll")).toMatch(/^\d\d:\d\d$/);
});
