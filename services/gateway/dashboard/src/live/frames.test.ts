import { expect, it } from "vitest";
import { Frames } from "./frames";

it("hands on once per frame what came meanwhile, and of too much the newest", () => {
  const flushed: number[][] = [];
  const due: (() => void)[] = [];
  const frames = new Frames<number>(
    (held) => flushed.push(held),
    3,
    (run) => due.push(run),
  );
  for (let each = 0; each < 20; each += 1) frames.push(each);
  expect(due).toHaveLength(1);
  due.shift()?.();
  expect(flushed).toEqual([[17, 18, 19]]);
  frames.push(20);
  due.shift()?.();
  expect(flushed[1]).toEqual([20]);
});
