// What each tool makes of a drag: boxes, outlines, areas under a brush, marks moved and pulled.

import { useEffect, useRef, useState } from "react";
import {
  boxed,
  type Drawing,
  type Mark,
  markAt,
  moved,
  outlined,
  reshaped,
  ringOf,
  withMark,
} from "./drawing";
import { boxOf, distance, inside, type Point, type Size } from "./geometry";
import { erased, painted, type Stroke, touches } from "./mask";
import type { Sketch, Suggestion } from "./Shapes";
import type { Tool } from "./tools";
import type { Drags } from "./useGestures";

export interface Pen {
  tool: Tool;
  image: Size;
  drawing: Drawing;
  className: string;
  /** Of the brush, in pixels of the image. */
  radius: number;
  suggestions: readonly Suggestion[];
  change: (marks: readonly Mark[], selected: string | null) => void;
  select: (id: string | null) => void;
  accept: (suggestion: Suggestion) => void;
}

const LEAST = 2; // pixels of the image; less is a slip

type Held = { mark: Mark; at: number | null; from: Point; now: Mark } | null;

export function usePen(pen: Pen): {
  drags: Drags;
  sketch: Sketch | null;
  held: Mark | null;
  finish: () => void;
  drop: () => void;
} {
  const { tool, image, drawing, className, radius } = pen;
  const [sketch, setSketch] = useState<Sketch | null>(null);
  const [held, setHeld] = useState<Held>(null);
  const going = useRef<Sketch | null>(null);
  const holding = useRef<Held>(null);
  const near = useRef(0);
  const show = (next: Sketch | null) => {
    going.current = next;
    setSketch(next);
  };
  const hold = (next: Held) => {
    holding.current = next;
    setHeld(next);
  };
  const drop = () => {
    show(null);
    hold(null);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tool, another beginning
  useEffect(drop, [tool]);

  const add = (marks: readonly Mark[]) =>
    pen.change([...drawing.marks, ...marks], marks.at(-1)?.id ?? drawing.selected);

  function finish(): void {
    const points = going.current?.kind === "outline" ? going.current.points : [];
    drop();
    if (points.length >= 3) add([outlined(className, points)]);
  }

  function begin(at: Point, close: number): boolean {
    near.current = close;
    const point = inside(at, image);
    if (tool === "select") return grab(at);
    if (tool === "outline") return true;
    if (tool === "pan") return false;
    show({ kind: tool, points: [point], tip: point, radius });
    return true;
  }

  function grab(at: Point): boolean {
    const chosen = drawing.marks.find((each) => each.id === drawing.selected);
    const corner = chosen ? ringOf(chosen).findIndex((each) => distance(each, at) <= near.current) : -1;
    const mark = corner >= 0 && chosen ? chosen : markAt(drawing.marks, at);
    if (!mark) return pen.suggestions.some((each) => over(each, at));
    pen.select(mark.id);
    hold({ mark, at: corner >= 0 ? corner : null, from: at, now: mark });
    return true;
  }

  function move(at: Point): void {
    const grabbed = holding.current;
    if (grabbed) {
      const { mark, from } = grabbed;
      const now =
        grabbed.at === null
          ? moved(mark, at[0] - from[0], at[1] - from[1], image)
          : reshaped(mark, grabbed.at, at, image);
      hold({ ...grabbed, now });
      return;
    }
    const drawn = going.current;
    if (!drawn) return;
    const point = inside(at, image);
    const brush = drawn.kind === "brush" || drawn.kind === "erase";
    const last = drawn.points.at(-1);
    const far = !last || distance(last, point) > Math.max(0.5, drawn.radius / 6);
    show({ ...drawn, points: brush && far ? [...drawn.points, point] : drawn.points, tip: point });
  }

  function end(at: Point, far: boolean): void {
    const grabbed = holding.current;
    hold(null);
    if (grabbed) {
      if (far) pen.change(withMark(drawing.marks, grabbed.now), grabbed.now.id);
      return;
    }
    if (tool === "outline") {
      corner(inside(at, image));
      return;
    }
    const drawn = going.current;
    show(null);
    if (tool === "box" && drawn?.points[0] && far) {
      const box = boxOf(drawn.points[0], inside(at, image), image);
      if (box[2] - box[0] >= LEAST && box[3] - box[1] >= LEAST) add([boxed(className, box)]);
    } else if (drawn?.kind === "brush") brushed({ points: drawn.points, radius });
    else if (drawn?.kind === "erase") rubbed({ points: drawn.points, radius });
    else if (!far) tapped(at);
  }

  function corner(point: Point): void {
    const points = going.current?.kind === "outline" ? going.current.points : [];
    const [first, last] = [points[0], points.at(-1)];
    if (first && points.length >= 3 && distance(first, point) <= near.current) finish();
    else if (!last || distance(last, point) >= 1)
      show({ kind: "outline", points: [...points, point], tip: point, radius });
  }

  function tapped(at: Point): void {
    const mark = markAt(drawing.marks, at);
    const suggestion = mark ? undefined : pen.suggestions.find((each) => over(each, at));
    if (suggestion) pen.accept(suggestion);
    else pen.select(mark?.id ?? null);
  }

  function brushed(stroke: Stroke): void {
    const chosen = drawing.marks.find((each) => each.id === drawing.selected);
    const goesOn = chosen && touches(stroke, ringOf(chosen), image) ? chosen : null;
    const [outline, ...more] = painted(stroke, image, goesOn ? ringOf(goesOn) : []);
    if (!outline) return;
    if (!goesOn) {
      add([outline, ...more].map((each) => outlined(className, each)));
      return;
    }
    const grown = outlined(goesOn.className, outline, goesOn.id);
    const others = more.map((each) => outlined(goesOn.className, each));
    pen.change([...withMark(drawing.marks, grown), ...others], grown.id);
  }

  function rubbed(stroke: Stroke): void {
    const hit = drawing.marks.filter((each) => touches(stroke, ringOf(each), image));
    if (!hit.length) return;
    const marks = drawing.marks.flatMap((mark) => {
      if (!hit.includes(mark)) return [mark];
      const [outline, ...more] = erased(stroke, image, ringOf(mark));
      if (!outline) return [];
      return [
        outlined(mark.className, outline, mark.id),
        ...more.map((each) => outlined(mark.className, each)),
      ];
    });
    pen.change(marks, marks.some((each) => each.id === drawing.selected) ? drawing.selected : null);
  }

  function hover(at: Point | null): void {
    const drawn = going.current;
    if (tool === "brush" || tool === "erase") {
      if (!drawn?.points.length) show(at && { kind: tool, points: [], tip: at, radius });
    } else if (drawn?.kind === "outline" && at) show({ ...drawn, tip: inside(at, image) });
  }

  const cancel = () => {
    hold(null);
    if (going.current?.kind !== "outline") show(null);
  };
  return { drags: { begin, move, end, cancel, hover }, sketch, held: held?.now ?? null, finish, drop };
}

const over = ({ bbox: [x1 = 0, y1 = 0, x2 = 0, y2 = 0] }: Suggestion, [x, y]: Point): boolean =>
  x >= x1 && x <= x2 && y >= y1 && y <= y2;
