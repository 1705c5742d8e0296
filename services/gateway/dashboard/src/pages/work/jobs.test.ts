import { describe, expect, test } from "vitest";
import type { JobChanged, JobProgressed } from "@/live/events";
import { changed, commandLine, type Job, progressed, ranSeconds, withJob } from "./jobs";

const JOB = {
  id: "a",
  version: 3,
  status: "running",
  attempt_no: 2,
  started_at: "2026-11-21T08:00:00Z",
  ended_at: null,
  progress: 0.5,
  metrics: { loss: 1 },
  logs: {},
  progress_message: "half",
} as unknown as Job;
const heard = (change: object) => ({ ...JOB, attempt: 2, at: "2026-11-21T08:01:00Z", ...change }) as unknown;

describe("what is heard of a job", () => {
  test("counts by its version, however late it comes", () => {
    expect(changed(JOB, heard({ version: 3, status: "queued" }) as JobChanged)).toBe(JOB);
    const after = changed(JOB, heard({ version: 4, status: "succeeded", previous: "running" }) as JobChanged);
    expect(after).toMatchObject({ version: 4, status: "succeeded", ended_at: "2026-11-21T08:01:00Z" });
    expect(ranSeconds(after, 0)).toBe(60);
  });
  test("keeps figures that a report leaves out, and knows an older attempt's", () => {
    const report = {
      id: "a",
      attempt: 2,
      progress: 0.7,
      step: 7,
      total_steps: 10,
      message: "",
      metrics: { lr: 2 },
      logs: {},
    };
    const after = progressed(JOB, report as unknown as JobProgressed);
    expect(after).toMatchObject({ progress: 0.7, metrics: { loss: 1, lr: 2 }, progress_message: "half" });
    expect(progressed(JOB, { ...report, attempt: 1 } as unknown as JobProgressed)).toBe(JOB);
  });
  test("changes only lists that have it", () => {
    const data = { pages: [{ jobs: [JOB], total: 1, next_after: null }], pageParams: [""] };
    expect(withJob(data, "b", (job) => job)).toBeUndefined();
    const after = withJob(data, "a", (job) => ({ ...job, name: "other" }));
    expect(after?.pages[0]?.jobs[0]?.name).toBe("other");
  });
});

test("a command is shown as it would be typed", () => {
  expect(commandLine(["python", "my train.py", "it's", "--lr=0.1"])).toBe(
    "python 'my train.py' 'it'\\''s' --lr=0.1",
  );
});
