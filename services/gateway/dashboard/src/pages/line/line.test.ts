import { describe, expect, it } from "vitest";
import type { Verdict } from "@/parts/Decision";
import type { Part } from "@/parts/PartImage";
import { byNeed } from "./AlertList";
import { lampOf, type Sight, taktOf, worstOf } from "./reckoning";
import { bars } from "./Strip";
import { begun, seen, TICKS } from "./store";

const NOW = 1_000_000;
const running: Sight = { mode: "judge", alerts: [], recent: ["pass"], lastAt: NOW, takt: 1, now: NOW };
const times = <T>(count: number, thing: T): T[] => Array.from({ length: count }, () => thing);

describe("the lamp", () => {
  const cases: [string, Partial<Sight>, string][] = [
    ["runs", {}, "running"],
    ["is silent without parts", { lastAt: null }, "silent"],
    ["is silent after a minute", { lastAt: NOW - 61_000 }, "silent"],
    ["waits longer on a slow line", { lastAt: NOW - 61_000, takt: 30 }, "running"],
    [
      "pauses, whatever else there is",
      { mode: "pause", alerts: [{ severity: "critical", state: "open" }] },
      "paused",
    ],
    ["teaches", { mode: "teach" }, "teaching"],
    ["stops for a grave alert", { alerts: [{ severity: "error", state: "open" }] }, "stopped"],
    ["is calmer once it was seen", { alerts: [{ severity: "error", state: "acknowledged" }] }, "attention"],
    ["warns", { alerts: [{ severity: "warning", state: "open" }] }, "attention"],
    ["does not warn for a hint", { alerts: [{ severity: "info", state: "open" }] }, "running"],
    ["stops at three failures in a row", { recent: ["pass", "fail", "fail", "fail"] }, "stopped"],
    ["warns where many are bad", { recent: ["pass", "fail", "pass", "uncertain", "pass"] }, "attention"],
    ["bears a bad one among many", { recent: [...times<Verdict>(9, "pass"), "fail"] }, "running"],
  ];
  it.each(cases)("%s", (_, change, lamp) => {
    expect(lampOf({ ...running, ...change })).toBe(lamp);
  });

  it("of the line is the worst one's", () => {
    expect(worstOf(["running", "stopped", "paused"])).toBe("stopped");
    expect(worstOf([])).toBe("silent");
  });
});

it("reckons the takt from part to part", () => {
  expect(taktOf([0, 500, 1000])).toBe(0.5);
  expect(taktOf([7])).toBeNull();
  expect(taktOf([7, 7])).toBeNull();
});

const part = (id: number, decision: Verdict = "pass"): Part =>
  ({
    id: `p${id}`,
    decision,
    timestamp: new Date(id).toISOString(),
    total_time_ms: 10,
    image_url: "/static/images/x.jpg",
  }) as Part;
const STATISTICS = { total_inspections: 10, passed: 9, failed: 1, uncertain: 0, avg_inspection_time_ms: 20 };
const start = () => begun([part(2), part(1)], STATISTICS as Parameters<typeof begun>[1], NOW);

describe("a station's sight", () => {
  it("counts on from what was asked", () => {
    const sight = seen(start(), [part(3, "fail"), part(4)], NOW + 1000);
    expect(sight.counts).toEqual({ total: 12, passed: 10, failed: 2, uncertain: 0, spent: 220 });
    expect(sight.lastGood?.id).toBe("p4");
  });

  it("counts nothing twice", () => {
    const sight = start();
    expect(seen(sight, [part(1), part(2)], NOW + 1)).toBe(sight);
  });

  it("shows the bad one of those that came together, and holds it for a moment", () => {
    const first = seen(start(), [part(3), part(4, "fail"), part(5)], NOW + 1000);
    expect(first.shown?.id).toBe("p4");
    expect(seen(first, [part(6)], NOW + 1030).shown?.id).toBe("p4");
    expect(seen(first, [part(6)], NOW + 1500).shown?.id).toBe("p6");
  });

  it("keeps no more than it shows", () => {
    const many = Array.from({ length: 5000 }, (_, id) => part(id + 10));
    expect(seen(start(), many, NOW).ticks).toHaveLength(TICKS);
  });
});

it("draws a bad part taller than a good one, the newest at the right", () => {
  const ticks = [{ decision: "pass" as const }, { decision: "fail" as const }];
  expect(bars(ticks, "fail")).toBe(`M${(TICKS - 1) * 6} 0h4v32h-4z`);
  expect(bars(ticks, "pass")).toContain("v10");
});

it("puts the alert first that needs somebody most", () => {
  const alert = (id: string, severity: string, state: string, timestamp: string) =>
    ({ id, severity, state, timestamp }) as Parameters<typeof byNeed>[0];
  const alerts = [
    alert("seen", "critical", "acknowledged", "4"),
    alert("old", "warning", "open", "1"),
    alert("new", "warning", "open", "2"),
    alert("grave", "critical", "open", "0"),
  ];
  expect(alerts.sort(byNeed).map((each) => each.id)).toEqual(["grave", "new", "old", "seen"]);
});
