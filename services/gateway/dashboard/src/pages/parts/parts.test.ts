import { describe, expect, it } from "vitest";
import type { Part } from "@/parts/PartImage";
import { ALL, countable, filtersOf, fits, period, questionOf, searchOf } from "./filters";
import { flat, MOST_HEARD, type Pages, withHeard, without } from "./list";
import { boxOf, kept, panned, placed, pointAt, WHOLE, zoomed } from "./zoom";

const part = (id: string, changes: Partial<Part> = {}): Part =>
  ({
    id,
    station_id: "a",
    part_id: `P-${id}`,
    decision: "pass",
    anomaly_score: 0.5,
    detections: [],
    timestamp: "2026-11-21T12:00:00Z",
    ...changes,
  }) as unknown as Part;

describe("filters", () => {
  it("stand in the address and come back from it", () => {
    const filters = {
      ...ALL,
      station: "a",
      decision: "fail" as const,
      part: "1e5",
      from: 0.25,
      range: "8h" as const,
    };
    expect(filtersOf(searchOf(filters))).toEqual(filters);
    expect(searchOf(ALL)).toEqual({});
  });

  it("take nothing that makes no sense", () => {
    const odd = {
      decision: "$ne",
      range: "toString",
      since: "yesterday",
      from: "x",
      below: "",
      station: { a: 1 },
    };
    expect(filtersOf(odd)).toEqual(ALL);
    expect(filtersOf({ part: 1234, below: "1.5" })).toMatchObject({ part: "1234", below: 1.5 });
  });

  it("become the server's question", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    expect(questionOf({ ...ALL, range: "8h", class: "dent", from: 0 }, now)).toEqual({
      class_name: "dent",
      score_from: 0,
      since: "2026-11-21T04:00:00.000Z",
    });
    expect(countable({ ...ALL, station: "a" })).toBe(true);
    expect(countable({ ...ALL, from: 0 })).toBe(false);
    const own = period({ ...ALL, since: "2026-11-21T06:00" }, now);
    expect(own).toEqual({ since: new Date("2026-11-21T06:00").getTime(), until: null });
  });

  it("let in what fits, and nothing else", () => {
    const scratched = part("1", {
      decision: "fail",
      anomaly_score: 1.5,
      detections: [{ class_name: "scratch" }] as Part["detections"],
    });
    expect(fits(scratched, ALL)).toBe(true);
    expect(fits(scratched, { ...ALL, class: "scratch", decision: "fail", from: 1.5 })).toBe(true);
    expect(fits(scratched, { ...ALL, below: 1.5 })).toBe(false);
    expect(fits(scratched, { ...ALL, class: "dent" })).toBe(false);
    expect(fits(scratched, { ...ALL, station: "b" })).toBe(false);
    expect(fits(scratched, { ...ALL, range: "1h" })).toBe(true);
    expect(fits(scratched, { ...ALL, until: "2020-01-01T00:00" })).toBe(false);
  });
});

describe("lists", () => {
  const list = (...ids: string[]): Pages => ({
    pages: [
      { items: ids.map((id) => part(id)), next: "1:x", more: 0 },
      { items: [part("old")], next: null, more: 0 },
    ],
    pageParams: [null, "1:x"],
  });

  it("take what is heard to the front, each once", () => {
    const heard = withHeard(list("1"), [part("1"), part("2"), part("3"), part("b", { station_id: "b" })], {
      ...ALL,
      station: "a",
    });
    expect(flat(heard.pages).map((each) => each.id)).toEqual(["3", "2", "1", "old"]);
    const same = list("1");
    expect(withHeard(same, [part("1")], ALL)).toBe(same);
  });

  it("hold so many and count the others", () => {
    const many = Array.from({ length: MOST_HEARD }, (_, number) => part(`n${number}`));
    const full = withHeard(
      withHeard(list("1"), many, ALL),
      many.map((each) => part(`m${each.id}`)),
      ALL,
    );
    expect(full.pages[0]?.items.length).toBe(MOST_HEARD + 1);
    expect(full.pages[0]?.more).toBe(MOST_HEARD);
  });

  it("lose what is deleted", () => {
    expect(flat(without(list("1", "2"), "1").pages).map((each) => each.id)).toEqual(["2", "old"]);
  });
});

describe("the viewer", () => {
  const picture = { width: 1000, height: 500 };
  const pane = { width: 400, height: 400 };

  it("shows the whole picture in the middle", () => {
    expect(placed(WHOLE, picture, pane)).toEqual({ scale: 0.4, left: 0, top: 100 });
  });

  it("keeps what is under the pointer there", () => {
    const at = { x: 300, y: 220 };
    const before = pointAt(placed(WHOLE, picture, pane), at, picture);
    const after = pointAt(placed(zoomed(WHOLE, 5, at, picture, pane), picture, pane), at, picture);
    expect(after[0]).toBeCloseTo(before[0]);
    expect(after[1]).toBeCloseTo(before[1]);
  });

  it("never shows what lies beyond the picture", () => {
    const near = { zoom: 4, x: 0.5, y: 0.5 };
    expect(panned(near, 10_000, -10_000, picture, pane)).toEqual({ zoom: 4, x: 0.125, y: 0.75 });
    expect(kept({ zoom: 0.2, x: 3, y: -1 }, picture, pane)).toEqual(WHOLE);
    expect(kept({ zoom: 1e9, x: 0.5, y: 0.5 }, picture, pane).zoom).toBe(40);
  });

  it("makes boxes in whole pixels inside of the picture", () => {
    expect(boxOf([0.9, 0.8], [0.1, -0.5], picture)).toEqual([100, 0, 900, 400]);
    expect(boxOf([0.5, 0.5], [0.501, 0.501], picture)).toBeNull();
  });
});
