// Points, boxes and outlines in pixels of the image, and how the image lies on the screen.

export type Point = readonly [number, number];
/** x1, y1, x2, y2. */
export type Box = readonly [number, number, number, number];

export interface Size {
  width: number;
  height: number;
}

/** A point of the image lies on the screen at point * scale + (x, y). */
export interface View {
  x: number;
  y: number;
  scale: number;
}

const MOST_ZOOM = 40;
const AIR = 24;

export const toImage = (view: View, [x, y]: Point): Point => [
  (x - view.x) / view.scale,
  (y - view.y) / view.scale,
];

/** The whole image in the middle of the stage, with a little air around. */
export function fitted(image: Size, stage: Size): View {
  const air = Math.min(AIR, stage.width / 20, stage.height / 20);
  const scale = Math.min((stage.width - 2 * air) / image.width, (stage.height - 2 * air) / image.height);
  const whole = Number.isFinite(scale) && scale > 0 ? scale : 1;
  return {
    scale: whole,
    x: (stage.width - image.width * whole) / 2,
    y: (stage.height - image.height * whole) / 2,
  };
}

/** Moved so that some of the image stays in sight. */
export function kept(view: View, image: Size, stage: Size): View {
  const sight = 60;
  const within = (value: number, long: number, room: number) =>
    Math.min(room - sight, Math.max(sight - long * view.scale, value));
  return {
    ...view,
    x: within(view.x, image.width, stage.width),
    y: within(view.y, image.height, stage.height),
  };
}

/** Zoomed by a factor, with the screen's point `at` staying where it is. */
export function zoomed(view: View, factor: number, at: Point, image: Size, stage: Size): View {
  const least = fitted(image, stage).scale / 2;
  const scale = Math.min(MOST_ZOOM, Math.max(least, view.scale * factor));
  const [x, y] = toImage(view, at);
  return kept({ scale, x: at[0] - x * scale, y: at[1] - y * scale }, image, stage);
}

/** With a box of the image in the middle, and room around it. */
export function closeUp([x1, y1, x2, y2]: Box, image: Size, stage: Size): View {
  const wide = Math.max(x2 - x1, image.width / 20);
  const tall = Math.max(y2 - y1, image.height / 20);
  const scale = Math.min(MOST_ZOOM, stage.width / wide / 3, stage.height / tall / 3);
  const x = stage.width / 2 - ((x1 + x2) / 2) * scale;
  const y = stage.height / 2 - ((y1 + y2) / 2) * scale;
  return kept({ scale, x, y }, image, stage);
}

const clamp = (value: number, most: number) => Math.min(most, Math.max(0, value));

export const inside = ([x, y]: Point, image: Size): Point => [clamp(x, image.width), clamp(y, image.height)];

export function boxOf(one: Point, other: Point, image: Size): Box {
  const [x1, y1] = inside([Math.min(one[0], other[0]), Math.min(one[1], other[1])], image);
  const [x2, y2] = inside([Math.max(one[0], other[0]), Math.max(one[1], other[1])], image);
  return [Math.floor(x1), Math.floor(y1), Math.ceil(x2), Math.ceil(y2)];
}

export function around(points: readonly Point[]): Box {
  const wide = points.map(([x]) => x);
  const tall = points.map(([, y]) => y);
  return [Math.min(...wide), Math.min(...tall), Math.max(...wide), Math.max(...tall)];
}

export const cornersOf = ([x1, y1, x2, y2]: Box): Point[] => [
  [x1, y1],
  [x2, y1],
  [x2, y2],
  [x1, y2],
];

export const distance = ([x1, y1]: Point, [x2, y2]: Point): number => Math.hypot(x2 - x1, y2 - y1);

/** Whether a point lies in an outline, by the crossings of a ray. */
export function within([x, y]: Point, outline: readonly Point[]): boolean {
  let odd = false;
  for (let at = 0, before = outline.length - 1; at < outline.length; before = at, at += 1) {
    const [x1, y1] = outline[at] as Point;
    const [x2, y2] = outline[before] as Point;
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  }
  return odd;
}

/** Twice the area of an outline; positive where it runs clockwise on the screen. */
export const area2 = (outline: readonly Point[]): number =>
  outline.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = outline[(at + 1) % outline.length] as Point;
    return sum + x * nextY - nextX * y;
  }, 0);

function offLine([x, y]: Point, [x1, y1]: Point, [x2, y2]: Point): number {
  const long = Math.hypot(x2 - x1, y2 - y1);
  if (long === 0) return Math.hypot(x - x1, y - y1);
  return Math.abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / long;
}

/** A line with fewer points, nowhere further than `off` from the first (Douglas and Peucker). */
function thinned(line: readonly Point[], off: number): Point[] {
  const keep = new Set([0, line.length - 1]);
  const parts: [number, number][] = [[0, line.length - 1]];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const [from, to] = part;
    let worst = 0;
    let at = -1;
    for (let between = from + 1; between < to; between += 1) {
      const far = offLine(line[between] as Point, line[from] as Point, line[to] as Point);
      if (far > worst) [worst, at] = [far, between];
    }
    if (worst <= off) continue;
    keep.add(at);
    parts.push([from, at], [at, to]);
  }
  return line.filter((_, at) => keep.has(at));
}

/** An outline with fewer points. */
export function simplified(outline: readonly Point[], off: number): Point[] {
  const first = outline[0];
  if (!first || outline.length < 4) return [...outline];
  // The point farthest from the first one splits the ring into two lines.
  let far = 0;
  outline.forEach((point, at) => {
    if (distance(first, point) > distance(first, outline[far] as Point)) far = at;
  });
  const there = thinned(outline.slice(0, far + 1), off);
  const back = thinned([...outline.slice(far), first], off);
  const ring = [...there, ...back.slice(1, -1)];
  return ring.length >= 3 ? ring : [...outline];
}
