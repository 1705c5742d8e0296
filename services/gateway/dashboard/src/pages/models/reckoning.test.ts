import { describe, expect, it } from "vitest";
import type { Schemas } from "@/api/client";
import { comparable, counted, meanTime, passRate, picturesIn, rateOf, rowsOf, whole } from "./reckoning";

const rollout = (role: "shadow" | "canary" | "watch") =>
  ({
    id: "rollout-1",
    station_id: "demo",
    role,
    version_id: "new",
    against: "old",
    state: "running",
    by: "ann",
    started_at: "2026-11-21T10:00:00Z",
  }) as Schemas["Rollout"];

const part = (
  role: "shadow" | "canary" | "watch",
  decision: Schemas["Decision"],
  trial: Partial<Schemas["Trialled"]>,
) =>
  ({
    decision,
    times: { decode_ms: 1, inference_ms: 10, total_ms: 12 },
    trial: { rollout_id: "rollout-1", role, version_id: "new", by_new: false, ...trial },
  }) as unknown as Pick<Schemas["InspectionView"], "decision" | "times" | "trial">;

describe("a share", () => {
  it("has the interval of Wilson", () => {
    const rate = rateOf(0, 50);
    expect(rate?.low).toBe(0);
    expect(rate?.high).toBeCloseTo(0.0714, 3);
    expect(rateOf(9, 10)?.low).toBeCloseTo(0.5958, 3);
    expect(rateOf(0, 0)).toBeNull();
  });
});

describe("a trial's figures", () => {
  it("count a shadow's word beside the one that counts", () => {
    const after = counted(rollout("shadow"), part("shadow", "pass", { decision: "fail", inference_ms: 30 }));
    expect(whole(after.old)).toMatchObject({ parts: 1, passed: 1 });
    expect(whole(after.new)).toMatchObject({ parts: 1, failed: 1, disagreed: 1 });
    expect(meanTime(after.new)).toBe(30);
  });

  it("count a part of a canary for who judged it, and what it did not answer as an error", () => {
    let after = counted(rollout("canary"), part("canary", "pass", { by_new: true }));
    after = counted(after, part("canary", "fail", { error: "no answer" }));
    expect(whole(after.new)).toMatchObject({ parts: 1, passed: 1, errors: 1 });
    expect(whole(after.old)).toMatchObject({ parts: 1, failed: 1 });
    expect(passRate(after.new)?.value).toBe(1);
  });

  it("leave a watch's old version with the hours before, and other trials alone", () => {
    const after = counted(rollout("watch"), part("watch", "pass", { by_new: true }));
    expect(whole(after.old).parts).toBe(0);
    const other = part("watch", "pass", { rollout_id: "rollout-2", by_new: true });
    expect(counted(after, other)).toBe(after);
  });
});

it("only evaluations on the same held-out parts are compared", () => {
  expect(comparable({ held_out: "a" }, { held_out: "a" })).toBe(true);
  expect(comparable({ held_out: "a" }, { held_out: "b" })).toBe(false);
  expect(comparable({ held_out: "" }, { held_out: "" })).toBe(false);
  expect(comparable(null, { held_out: "a" })).toBe(false);
});

it("the pictures of a report are those of its gallery, and nothing else that stands there", () => {
  const page =
    '<p>&lt;img alt="" src="data:image/jpeg;base64,AAAA"</p><figure><img alt="" src="data:image/jpeg;base64,/9j+8A=="></figure>' +
    '<figure><img alt="" src="https://elsewhere/x.jpg"></figure>';
  expect(picturesIn(page)).toEqual(["data:image/jpeg;base64,/9j+8A=="]);
});

it("curves of different length are one table", () => {
  expect(rowsOf({ loss: [3, 2], map50: [0.5] })).toEqual([
    ["report", "loss", "map50"],
    [1, 3, 0.5],
    [2, 2, undefined],
  ]);
});
