import { expect, test } from "vitest";
import { type Config, changesOf, textOf, timesOf, valuesOf } from "./settings";

const CONFIG = {
  inspection: {
    keep_passed: 1,
    image_retention_days: 90,
    record_retention_days: 365,
    max_gb: 100,
    hold_failed: true,
  },
  alerting: { pass_rate_target: 0.9, window_minutes: 15, minimum_parts: 20 },
  batch: { max_concurrent: 4 },
  query: { enabled: true, backend: "local", model: "", base_url: "", timeout_seconds: 10, api_key_set: true },
  limits: { login_per_minute: 10, others_per_minute: 200 },
  site: { shift_starts: ["06:00", "14:00", "22:00"], zone: "" },
  opcua: { enabled: true },
  revision: 7,
  changed_at: null,
  changed_by: null,
  chosen: [],
} as unknown as Config;

test("only what was changed is sent, with the revision that it was changed from", () => {
  const wish = { ...valuesOf(CONFIG), "batch.max_concurrent": 8, "inspection.hold_failed": false };
  expect(changesOf(CONFIG, wish)).toEqual({
    body: { batch: { max_concurrent: 8 }, inspection: { hold_failed: false }, revision: 7 },
    count: 2,
  });
  expect(changesOf(CONFIG, valuesOf(CONFIG)).count).toBe(0);
});

test("times of day go as a list, also the one that is not filled in", () => {
  const times = textOf(["05:30", "", "21:30"]);
  const { body } = changesOf(CONFIG, { ...valuesOf(CONFIG), "site.shift_starts": times });
  expect(body).toEqual({ site: { shift_starts: ["05:30", "", "21:30"] }, revision: 7 });
  expect(changesOf(CONFIG, { ...valuesOf(CONFIG), "site.shift_starts": "06:00,14:00,22:00" }).count).toBe(0);
  expect(timesOf("")).toEqual([]);
});
