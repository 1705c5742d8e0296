import { describe, expect, it } from "vitest";
import { draftOf, dropDraft, keepDraft, skip, skippedIds } from "./draft";
import { begun, boxed, markAt, moved, outlined, reshaped, told, wrongName } from "./drawing";
import { area2, closeUp, fitted, type Point, simplified, toImage, within, zoomed } from "./geometry";
import { erased, painted, touches } from "./mask";

const image = { width: 640, height: 480 };
const stage = { width: 1000, height: 700 };

function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  } as Storage;
}

describe("a view of the image", () => {
  it("shows all of it in the middle at first", () => {
    const view = fitted(image, stage);
    expect(toImage(view, [500, 350])).toEqual([320, 240]);
    expect(640 * view.scale).toBeLessThanOrEqual(1000);
    expect(480 * view.scale).toBeLessThanOrEqual(700);
  });

  it("zooms around the finger", () => {
    const view = fitted(image, stage);
    const before = toImage(view, [300, 200]);
    const [x, y] = toImage(zoomed(view, 3, [300, 200], image, stage), [300, 200]);
    expect(x).toBeCloseTo(before[0]);
    expect(y).toBeCloseTo(before[1]);
  });

  it("never loses the image, and goes close to a box", () => {
    let view = fitted(image, stage);
    for (let turn = 0; turn < 50; turn += 1) view = zoomed(view, 0.5, [0, 0], image, stage);
    expect(view.x + 640 * view.scale).toBeGreaterThan(0);
    expect(view.scale).toBeGreaterThan(0);
    const close = closeUp([600, 440, 640, 480], image, stage);
    expect(toImage(close, [500, 350])[0]).toBeCloseTo(620);
  });
});

describe("a brush", () => {
  it("leaves an outline of the area it covered", () => {
    const [outline, ...rest] = painted(
      {
        points: [
          [100, 100],
          [200, 100],
        ],
        radius: 10,
      },
      image,
    );
    expect(rest).toEqual([]);
    const area = area2(outline ?? []) / 2;
    const wanted = 100 * 20 + Math.PI * 100;
    expect(Math.abs(area - wanted) / wanted).toBeLessThan(0.03);
    expect(outline?.length).toBeLessThan(60);
  });

  it("goes on from an outline, and closes what it goes around", () => {
    const square: Point[] = [
      [100, 100],
      [150, 100],
      [150, 150],
      [100, 150],
    ];
    const onto = painted(
      {
        points: [
          [145, 125],
          [200, 125],
        ],
        radius: 5,
      },
      image,
      square,
    );
    expect(onto).toHaveLength(1);
    expect(area2(onto[0] ?? []) / 2).toBeGreaterThan(2500 + 400);
    const ring = Array.from(
      { length: 41 },
      (_, at): Point => [300 + 50 * Math.cos((at / 20) * Math.PI), 300 + 50 * Math.sin((at / 20) * Math.PI)],
    );
    const [whole, ...others] = painted({ points: ring, radius: 6 }, image);
    expect(others).toEqual([]);
    expect(area2(whole ?? []) / 2).toBeGreaterThan(Math.PI * 54 * 54);
  });

  it("stays inside of the image", () => {
    const [outline] = painted(
      {
        points: [
          [-20, -20],
          [20, 20],
          [700, 500],
        ],
        radius: 30,
      },
      image,
    );
    for (const [x, y] of outline ?? []) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(640);
      expect(y).toBeLessThanOrEqual(480);
    }
  });

  it("erases into two, and into nothing", () => {
    const bar: Point[] = [
      [100, 100],
      [200, 100],
      [200, 120],
      [100, 120],
    ];
    expect(
      erased(
        {
          points: [
            [150, 80],
            [150, 140],
          ],
          radius: 8,
        },
        image,
        bar,
      ),
    ).toHaveLength(2);
    expect(
      erased(
        {
          points: [
            [90, 110],
            [210, 110],
          ],
          radius: 20,
        },
        image,
        bar,
      ),
    ).toEqual([]);
    expect(touches({ points: [[150, 90]], radius: 15 }, bar, image)).toBe(true);
    expect(touches({ points: [[150, 60]], radius: 15 }, bar, image)).toBe(false);
  });

  it("says so with fewer points", () => {
    const line = Array.from({ length: 100 }, (_, at): Point => [at, 0]);
    expect(simplified([...line, [99, 50], [0, 50]], 0.5)).toHaveLength(4);
  });
});

describe("a drawing", () => {
  it("goes back and forth step by step, and a new step ends what was ahead", () => {
    const first = boxed("dent", [0, 0, 10, 10]);
    const second = boxed("dent", [20, 20, 30, 30]);
    let story = begun();
    story = told(story, { do: "change", marks: [first], selected: first.id });
    story = told(story, { do: "change", marks: [first, second], selected: second.id });
    story = told(story, { do: "undo" });
    expect(story.now.marks).toEqual([first]);
    expect(told(story, { do: "redo" }).now.marks).toEqual([first, second]);
    story = told(story, { do: "change", marks: [], selected: null });
    expect(told(story, { do: "redo" })).toBe(story);
    expect(told(told(begun(), { do: "undo" }), { do: "redo" }).now.marks).toEqual([]);
  });

  it("finds the smallest mark, and keeps all of a mark on the image", () => {
    const big = boxed("dent", [0, 0, 100, 100]);
    const small = outlined("scratch", [
      [10, 10],
      [30, 10],
      [20, 30],
    ]);
    expect(markAt([big, small], [20, 15])).toBe(small);
    expect(markAt([big, small], [90, 90])).toBe(big);
    expect(markAt([big, small], [200, 200])).toBeNull();
    expect(moved(big, -50, 1000, image).box).toEqual([0, 380, 100, 480]);
    expect(within([20, 15], small.outline)).toBe(true);
  });

  it("drags a corner past the opposite one, and no box to nothing", () => {
    const box = boxed("dent", [10, 10, 50, 50]);
    expect(reshaped(box, 0, [70, 80], image).box).toEqual([50, 50, 70, 80]);
    expect(reshaped(box, 2, [10, 10], image)).toBe(box);
    expect(
      reshaped(
        outlined("dent", [
          [1, 1],
          [9, 1],
          [5, 9],
        ]),
        2,
        [5, 20],
        image,
      ).box,
    ).toEqual([1, 1, 9, 20]);
  });

  it("knows the names that the line takes", () => {
    expect(wrongName("scratch-2.a_b")).toBeNull();
    expect(wrongName("")).toBe("empty");
    expect(wrongName("deep scratch")).toBe("letters");
    expect(wrongName("<img src=x>")).toBe("letters");
    expect(wrongName("x".repeat(65))).toBe("long");
  });
});

describe("a draft", () => {
  const draft = { marks: [boxed("dent", [0, 0, 5, 5])], note: "", className: "dent" };

  it("is its person's and its part's, and goes when it is empty", () => {
    const store = memory();
    keepDraft("ann", "part-1", draft, store);
    expect(draftOf("ann", "part-1", store)).toEqual(draft);
    expect(draftOf("ben", "part-1", store)).toBeNull();
    dropDraft("ann", "part-1", store);
    expect(draftOf("ann", "part-1", store)).toBeNull();
  });

  it("survives what is broken in the store", () => {
    const store = memory();
    store.setItem("andon.review.draft", "{");
    store.setItem("andon.review.skipped", "7");
    expect(draftOf("ann", "part-1", store)).toBeNull();
    expect(skippedIds(store)).toEqual([]);
    expect(skip("a", store)).toEqual(["a"]);
  });
});
