// A brush's strokes as outlines: painted into a grid, united or taken away there, and traced.

import { area2, around, type Box, type Point, type Size, simplified } from "./geometry";

export interface Stroke {
  points: readonly Point[];
  /** Pixels of the image. */
  radius: number;
}

const CELLS = 400;
const FINEST = 4; // cells a pixel
const LEAST_AREA = 12; // cells; less is a slip of the hand
const MOST_POINTS = 1500;

interface Grid {
  x: number;
  y: number;
  wide: number;
  tall: number;
  /** Cells a pixel. */
  scale: number;
  cells: Uint8Array;
}

function gridOver([x1, y1, x2, y2]: Box, image: Size): Grid {
  const left = Math.max(0, Math.floor(x1));
  const top = Math.max(0, Math.floor(y1));
  const wide = Math.max(1, Math.min(image.width, Math.ceil(x2)) - left);
  const tall = Math.max(1, Math.min(image.height, Math.ceil(y2)) - top);
  const scale = Math.min(FINEST, CELLS / Math.max(wide, tall));
  const [across, down] = [Math.ceil(wide * scale), Math.ceil(tall * scale)];
  return { x: left, y: top, wide: across, tall: down, scale, cells: new Uint8Array(across * down) };
}

const inCells = (grid: Grid, [x, y]: Point): Point => [(x - grid.x) * grid.scale, (y - grid.y) * grid.scale];

function fill(grid: Grid, outline: readonly Point[]): void {
  const ring = outline.map((point) => inCells(grid, point));
  for (let row = 0; row < grid.tall; row += 1) {
    const y = row + 0.5;
    const cuts: number[] = [];
    ring.forEach(([x1, y1], at) => {
      const [x2, y2] = ring[(at + 1) % ring.length] as Point;
      if (y1 > y !== y2 > y) cuts.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
    });
    cuts.sort((one, other) => one - other);
    for (let pair = 0; pair + 1 < cuts.length; pair += 2) {
      const from = Math.max(0, Math.ceil((cuts[pair] as number) - 0.5));
      const to = Math.min(grid.wide - 1, Math.floor((cuts[pair + 1] as number) - 0.5));
      if (to >= from) grid.cells.fill(1, row * grid.wide + from, row * grid.wide + to + 1);
    }
  }
}

/** Sets all cells whose middles lie within `radius` of the line from one point to another. */
function pill(grid: Grid, [x1, y1]: Point, [x2, y2]: Point, radius: number, value: 0 | 1): void {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const long = dx * dx + dy * dy;
  const left = Math.max(0, Math.floor(Math.min(x1, x2) - radius));
  const right = Math.min(grid.wide - 1, Math.ceil(Math.max(x1, x2) + radius));
  const bottom = Math.min(grid.tall - 1, Math.ceil(Math.max(y1, y2) + radius));
  for (let row = Math.max(0, Math.floor(Math.min(y1, y2) - radius)); row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) {
      const [x, y] = [column + 0.5 - x1, row + 0.5 - y1];
      const along = long ? Math.min(1, Math.max(0, (x * dx + y * dy) / long)) : 0;
      const off = (x - along * dx) ** 2 + (y - along * dy) ** 2;
      if (off <= radius * radius) grid.cells[row * grid.wide + column] = value;
    }
  }
}

function paint(grid: Grid, { points, radius }: Stroke, value: 0 | 1): void {
  const size = Math.max(0.75, radius * grid.scale);
  points.forEach((point, at) => {
    pill(grid, inCells(grid, points[at - 1] ?? point), inCells(grid, point), size, value);
  });
}

/** Rings along the edges of cells that are set; the outer ones run clockwise, those around holes the other way. */
function rings({ wide, tall, cells }: Grid): Point[][] {
  const set = (x: number, y: number) => x >= 0 && y >= 0 && x < wide && y < tall && cells[y * wide + x] === 1;
  const corners = wide + 1;
  const next = new Map<number, number[]>();
  const edge = (x1: number, y1: number, x2: number, y2: number) => {
    const from = y1 * corners + x1;
    const known = next.get(from);
    if (known) known.push(y2 * corners + x2);
    else next.set(from, [y2 * corners + x2]);
  };
  for (let y = 0; y < tall; y += 1) {
    for (let x = 0; x < wide; x += 1) {
      if (!set(x, y)) continue;
      if (!set(x, y - 1)) edge(x, y, x + 1, y);
      if (!set(x + 1, y)) edge(x + 1, y, x + 1, y + 1);
      if (!set(x, y + 1)) edge(x + 1, y + 1, x, y + 1);
      if (!set(x - 1, y)) edge(x, y + 1, x, y);
    }
  }
  const found: Point[][] = [];
  for (const start of next.keys()) {
    while (next.get(start)?.length) found.push(walk(next, start, corners));
  }
  return found;
}

function walk(next: Map<number, number[]>, start: number, corners: number): Point[] {
  const ring: Point[] = [];
  let at = start;
  let came = 0;
  do {
    ring.push([at % corners, Math.floor(at / corners)]);
    const ways = next.get(at) ?? [];
    // Where two cells touch by a corner alone, the way that turns right keeps them apart.
    const best = ways.length > 1 ? ways.findIndex((to) => to - at === turnedRight(came, corners)) : 0;
    const [to] = ways.splice(Math.max(0, best), 1);
    if (to === undefined) break;
    came = to - at;
    at = to;
  } while (at !== start);
  return ring;
}

function turnedRight(step: number, corners: number): number {
  if (step === 1) return corners;
  if (step === corners) return -1;
  return step === -1 ? -corners : 1;
}

/** The middles of a ring's edges: half the height of the stairs. */
const between = (ring: readonly Point[]): Point[] =>
  ring.map(([x, y], at) => {
    const [nextX, nextY] = ring[(at + 1) % ring.length] as Point;
    return [(x + nextX) / 2, (y + nextY) / 2];
  });

function traced(grid: Grid): Point[][] {
  const outer = rings(grid).filter((ring) => area2(ring) / 2 >= LEAST_AREA);
  return outer.map((stairs) => {
    const ring = between(stairs);
    let off = 0.7;
    let outline = simplified(ring, off);
    while (outline.length > MOST_POINTS) {
      off *= 1.6;
      outline = simplified(ring, off);
    }
    return outline.map(
      ([x, y]): Point => [
        Math.round((grid.x + x / grid.scale) * 100) / 100,
        Math.round((grid.y + y / grid.scale) * 100) / 100,
      ],
    );
  });
}

const covered = ({ points, radius }: Stroke): Box => {
  const [x1, y1, x2, y2] = around(points);
  return [x1 - radius - 1, y1 - radius - 1, x2 + radius + 1, y2 + radius + 1];
};

const joined = ([a1, b1, a2, b2]: Box, [c1, d1, c2, d2]: Box): Box => [
  Math.min(a1, c1),
  Math.min(b1, d1),
  Math.max(a2, c2),
  Math.max(b2, d2),
];

/** Outlines of what a stroke covers, together with an outline it may go on from; holes are closed. */
export function painted(stroke: Stroke, image: Size, onto: readonly Point[] = []): Point[][] {
  const room = covered(stroke);
  const grid = gridOver(onto.length ? joined(room, around(onto)) : room, image);
  if (onto.length) fill(grid, onto);
  paint(grid, stroke, 1);
  return clipped(traced(grid), image);
}

/** What is left of an outline after a stroke went over it: none, one, or several outlines. */
export function erased(stroke: Stroke, image: Size, from: readonly Point[]): Point[][] {
  const grid = gridOver(around(from), image);
  fill(grid, from);
  paint(grid, stroke, 0);
  return clipped(traced(grid), image);
}

const clipped = (outlines: Point[][], image: Size): Point[][] =>
  outlines.map((ring) => ring.map(([x, y]) => [Math.min(x, image.width), Math.min(y, image.height)]));

/** Whether a stroke comes over an outline at all. */
export function touches(stroke: Stroke, outline: readonly Point[], image: Size): boolean {
  const before = gridOver(joined(covered(stroke), around(outline)), image);
  fill(before, outline);
  const whole = before.cells.reduce((sum, cell) => sum + cell, 0);
  paint(before, stroke, 0);
  return before.cells.reduce((sum, cell) => sum + cell, 0) < whole;
}
