import { describe, expect, it } from "vitest";
import type { Part } from "@/parts/PartImage";
import { USUAL } from "@/parts/shifts";
import { control, type Group, quantile } from "./control";
import {
  byShift,
  byStation,
  bySteps,
  type Hour,
  nothing,
  pareto,
  summed,
  typical,
  withPart,
} from "./figures";
import { askedOf, HOUR, searchOf, spanOf, stepOf, steps } from "./span";

const hour = (at: string, changes: Partial<Hour> = {}): Hour => ({
  ...nothing(),
  station_id: "a",
  hour: at,
  ...changes,
});

describe("the time looked at", () => {
  const now = Date.parse("2026-11-21T14:25:00Z");

  it("stands in the address", () => {
    expect(askedOf({})).toEqual({ range: "24h", since: "", until: "", station: "" });
    const own = { range: "" as const, since: "2026-11-20T06:00", until: "2026-11-21T06:00", station: "a" };
    expect(askedOf(searchOf(own))).toEqual(own);
    expect(
      askedOf({ range: "constructor", since: "2026-11-21T06:00", until: "2026-11-20T06:00" }).range,
    ).toBe("24h");
  });

  it("is of whole hours, and not longer than the figures go", () => {
    const span = spanOf(askedOf({ range: "8h" }), now);
    expect(new Date(span.until).toISOString()).toBe("2026-11-21T15:00:00.000Z");
    expect(span.until - span.since).toBe(8 * HOUR);
    const years = spanOf(askedOf({ since: "2020-01-01T00:00", until: "2026-01-01T00:00" }), now);
    expect(years.until - years.since).toBe(31 * 24 * HOUR);
  });

  it("is cut into some dozens of steps", () => {
    for (const range of ["8h", "24h", "3d", "7d", "30d"]) {
      const span = spanOf(askedOf({ range }), now);
      const cut = steps(span, stepOf(span));
      expect(cut.length).toBeGreaterThan(7);
      expect(cut.length).toBeLessThan(50);
      expect(new Set(cut).size).toBe(cut.length);
    }
  });
});

describe("sums", () => {
  const hours = [
    hour("2026-11-21T08:00:00Z", { total: 10, passed: 8, failed: 2, defects: { dent: 1, scratch: 2 } }),
    hour("2026-11-21T08:00:00Z", { station_id: "b", total: 4, passed: 1, failed: 3, defects: { dent: 3 } }),
    hour("2026-11-21T10:00:00Z", { total: 5, passed: 5, scored: 4, score_octaves: -4 }),
  ];

  it("lose no part however they are grouped", () => {
    const span = { since: Date.parse("2026-11-21T06:00:00Z"), until: Date.parse("2026-11-21T12:00:00Z") };
    expect(bySteps(hours, span, 1).map((step) => step.total)).toEqual([0, 0, 14, 0, 5, 0]);
    expect(byShift(hours, USUAL).reduce((all, shift) => all + shift.total, 0)).toBe(19);
    expect(byStation(hours).map((sum) => [sum.station, sum.total])).toEqual([
      ["b", 4],
      ["a", 15],
    ]);
    expect(summed(hours).defects).toEqual({ dent: 4, scratch: 2 });
  });

  it("put the causes that matter first", () => {
    expect(pareto({ scratch: 2, dent: 6, constructor: 2 })).toEqual([
      { name: "dent", count: 6, upTo: 0.6 },
      { name: "constructor", count: 2, upTo: 0.8 },
      { name: "scratch", count: 2, upTo: 1 },
    ]);
    expect(pareto({})).toEqual([]);
  });

  it("go by the shifts and the clock of the place", () => {
    const site = { shift_starts: ["05:30", "17:30"], zone: "Europe/Berlin" }; // an hour ahead of UTC
    const totals = byShift(
      [5, 4, 16, 17, 23].map((at) => hour(`2026-11-21T${String(at).padStart(2, "0")}:00:00Z`, { total: at })),
      site,
    ).map((sum) => sum.total);
    expect(totals).toEqual([5 + 16, 4 + 17 + 23]);
  });

  it("tell the typical score as a share of the limit", () => {
    expect(typical({ scored: 4, score_octaves: -4 })).toBe(0.5);
    expect(typical(nothing())).toBeNull();
  });

  it("take a part that is heard into its hour", () => {
    const part = {
      station_id: "a",
      timestamp: "2026-11-21T10:59:59Z",
      decision: "fail",
      detections: [{ class_name: "dent" }, { class_name: "dent" }],
      anomaly_score: 2,
      fail_above: 1,
      total_time_ms: 20,
    } as unknown as Part;
    const after = withPart(hours, part);
    expect(after).toHaveLength(3);
    expect(after[2]).toMatchObject({
      total: 6,
      failed: 1,
      defects: { dent: 2 },
      scored: 5,
      score_octaves: -3,
    });
    expect(withPart([], part)[0]).toMatchObject({ total: 1, hour: "2026-11-21T10:00:00.000Z" });
  });
});

describe("the control chart", () => {
  const groups = (...failed: number[]): Group[] => failed.map((each) => ({ total: 100, failed: each }));

  it("has the limits of the binomial distribution", () => {
    // scipy.stats.binom.ppf
    expect(quantile(100, 0.05, 0.99865)).toBe(13);
    expect(quantile(100, 0.05, 0.00135)).toBe(0);
    expect(quantile(1000, 0.1, 0.99865)).toBe(129);
    expect(quantile(1000, 0.1, 0.00135)).toBe(73);
    expect(Math.abs(quantile(1_000_000, 0.1, 0.99865) - 100_901)).toBeLessThan(3);
    expect(quantile(50, 0, 0.99865)).toBe(0);
    expect(quantile(50, 1, 0.5)).toBe(50);
  });

  it("is calm where there is nothing but chance", () => {
    const calm = control(groups(5, 4, 6, 5, 7, 3, 5, 6, 4));
    expect(calm.centre).toBe(0.05);
    expect(calm.groups.flatMap((group) => group.broken)).toEqual([]);
    expect(control([]).centre).toBe(0);
  });

  it("marks what lies beyond the limits, and nothing without parts", () => {
    const chart = control([...groups(4, 5, 4, 5, 4, 5, 4, 5, 4), { total: 0, failed: 0 }, ...groups(25)]);
    expect(chart.groups[9]).toEqual({ share: null, upper: null, lower: null, broken: [] });
    expect(chart.groups[10]?.broken).toContain("beyond");
    expect(chart.groups.slice(0, 9).flatMap((group) => group.broken)).not.toContain("beyond");
  });

  it("marks runs, trends and two of three near a limit", () => {
    const run = control(groups(8, 8, 9, 8, 3, 3, 4, 3, 4, 3, 3, 4, 3));
    expect(run.groups[12]?.broken).toContain("run");
    expect(run.groups[11]?.broken).not.toContain("run");
    const rising = control(groups(2, 3, 4, 5, 6, 7, 6));
    expect(rising.groups[5]?.broken).toContain("trend");
    expect(rising.groups[6]?.broken).toEqual([]);
    const near = control(groups(5, 5, 5, 5, 5, 13, 5, 13));
    expect(near.groups[7]?.broken).toContain("near");
    expect(near.groups[5]?.broken).not.toContain("near");
  });
});
