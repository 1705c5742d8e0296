// What somebody has marked on a part, with every step to go back to.

import { around, type Box, boxOf, cornersOf, inside, type Point, type Size, within } from "./geometry";

export interface Mark {
  id: string;
  /** Empty until somebody named it. */
  className: string;
  box: Box;
  /** Empty where there is the box alone. */
  outline: readonly Point[];
}

export interface Drawing {
  marks: readonly Mark[];
  selected: string | null;
}

export interface Story {
  past: readonly Drawing[];
  now: Drawing;
  future: readonly Drawing[];
}

export type Act =
  | { do: "begin"; marks: readonly Mark[] }
  | { do: "change"; marks: readonly Mark[]; selected: string | null }
  | { do: "select"; id: string | null }
  | { do: "undo" }
  | { do: "redo" };

const STEPS = 200;

export const begun = (marks: readonly Mark[] = []): Story => ({
  past: [],
  now: { marks, selected: null },
  future: [],
});

export function told(story: Story, act: Act): Story {
  const { past, now, future } = story;
  if (act.do === "begin") return begun(act.marks);
  if (act.do === "select") return { ...story, now: { ...now, selected: act.id } };
  if (act.do === "undo") {
    const before = past.at(-1);
    return before ? { past: past.slice(0, -1), now: before, future: [now, ...future] } : story;
  }
  if (act.do === "redo") {
    const [after, ...rest] = future;
    return after ? { past: [...past, now], now: after, future: rest } : story;
  }
  return {
    past: [...past, now].slice(-STEPS),
    now: { marks: act.marks, selected: act.selected },
    future: [],
  };
}

let made = 0;
export const newId = (): string => `m${Date.now().toString(36)}${(made++).toString(36)}`;

export const boxed = (className: string, box: Box): Mark => ({ id: newId(), className, box, outline: [] });

export function outlined(className: string, outline: readonly Point[], id = newId()): Mark {
  const [x1, y1, x2, y2] = around(outline);
  return {
    id,
    className,
    outline,
    box: [Math.floor(x1), Math.floor(y1), Math.ceil(x2), Math.ceil(y2)],
  };
}

export const ringOf = (mark: Mark): readonly Point[] =>
  mark.outline.length ? mark.outline : cornersOf(mark.box);

const sizeOf = ({ box: [x1, y1, x2, y2] }: Mark): number => (x2 - x1) * (y2 - y1);

/** The smallest mark that lies under a point. */
export function markAt(marks: readonly Mark[], point: Point): Mark | null {
  const under = marks.filter((mark) => within(point, ringOf(mark)));
  return under.sort((one, other) => sizeOf(one) - sizeOf(other))[0] ?? null;
}

/** A mark pushed by some pixels, as far as the image goes. */
export function moved(mark: Mark, right: number, down: number, image: Size): Mark {
  const [x1, y1, x2, y2] = mark.box;
  const dx = Math.min(image.width - x2, Math.max(-x1, right));
  const dy = Math.min(image.height - y2, Math.max(-y1, down));
  const box: Box = [Math.round(x1 + dx), Math.round(y1 + dy), Math.round(x2 + dx), Math.round(y2 + dy)];
  if (!mark.outline.length) return { ...mark, box };
  const outline = mark.outline.map(([x, y]) => inside([x + dx, y + dy], image));
  return outlined(mark.className, outline, mark.id);
}

/** A mark with one of its corners or points elsewhere. */
export function reshaped(mark: Mark, at: number, point: Point, image: Size): Mark {
  if (mark.outline.length) {
    const outline = mark.outline.map((each, index) => (index === at ? inside(point, image) : each));
    return outlined(mark.className, outline, mark.id);
  }
  const across = cornersOf(mark.box)[(at + 2) % 4] as Point;
  const box = boxOf(across, point, image);
  return box[2] - box[0] < 1 || box[3] - box[1] < 1 ? mark : { ...mark, box };
}

export const withMark = (marks: readonly Mark[], changed: Mark): Mark[] =>
  marks.map((each) => (each.id === changed.id ? changed : each));

/** What is wrong with a class's name, by the rule of the API; null where nothing is. */
export function wrongName(name: string): "empty" | "long" | "letters" | null {
  if (!name) return "empty";
  if (name.length > 64) return "long";
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name) ? null : "letters";
}

/** As the API takes it. */
export const asSent = (mark: Mark): { class_name: string; bbox: number[]; polygon: [number, number][] } => ({
  class_name: mark.className,
  bbox: [...mark.box],
  polygon: mark.outline.map(([x, y]) => [x, y]),
});
