// Where a viewer looks at a picture: the same for pictures of any size, so that two can move together.

export interface View {
  /** 1 shows the whole picture. */
  zoom: number;
  /** What is in the middle, as shares of width and height. */
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Placed {
  /** Screen pixels per picture pixel. */
  scale: number;
  left: number;
  top: number;
}

export const WHOLE: View = { zoom: 1, x: 0.5, y: 0.5 };
const MOST = 40;

/** Where the picture lies in its pane. */
export function placed(view: View, picture: Size, pane: Size): Placed {
  const fit = Math.min(pane.width / picture.width, pane.height / picture.height);
  const scale = fit * view.zoom;
  return {
    scale,
    left: pane.width / 2 - view.x * picture.width * scale,
    top: pane.height / 2 - view.y * picture.height * scale,
  };
}

/** Never beyond the picture's edges, and in its middle where all of it is seen. */
export function kept(view: View, picture: Size, pane: Size): View {
  const zoom = Math.min(Math.max(view.zoom, 1), MOST);
  const { scale } = placed({ ...view, zoom }, picture, pane);
  const within = (place: number, seen: number) =>
    seen >= 1 ? 0.5 : Math.min(Math.max(place, seen / 2), 1 - seen / 2);
  return {
    zoom,
    x: within(view.x, pane.width / (picture.width * scale)),
    y: within(view.y, pane.height / (picture.height * scale)),
  };
}

/** Zoomed by a factor so that the point under the pointer stays where it is. `at` is in the pane's pixels. */
export function zoomed(
  view: View,
  factor: number,
  at: { x: number; y: number },
  picture: Size,
  pane: Size,
): View {
  const zoom = Math.min(Math.max(view.zoom * factor, 1), MOST);
  const before = placed(view, picture, pane);
  const [u, v] = pointAt(before, at, picture);
  const { scale } = placed({ ...view, zoom }, picture, pane);
  const x = u - (at.x - pane.width / 2) / (picture.width * scale);
  const y = v - (at.y - pane.height / 2) / (picture.height * scale);
  return kept({ zoom, x, y }, picture, pane);
}

/** Moved by so many of the pane's pixels. */
export function panned(view: View, dx: number, dy: number, picture: Size, pane: Size): View {
  const { scale } = placed(view, picture, pane);
  const moved = {
    ...view,
    x: view.x - dx / (picture.width * scale),
    y: view.y - dy / (picture.height * scale),
  };
  return kept(moved, picture, pane);
}

/** What lies under a point of the pane, as shares of the picture. */
export function pointAt(where: Placed, at: { x: number; y: number }, picture: Size): [number, number] {
  return [
    (at.x - where.left) / (picture.width * where.scale),
    (at.y - where.top) / (picture.height * where.scale),
  ];
}

/** Two corners, as shares, become a box in whole pixels inside of the picture; null where it is a mere dot. */
export function boxOf(
  one: readonly [number, number],
  other: readonly [number, number],
  picture: Size,
): [number, number, number, number] | null {
  const inside = (share: number, size: number) => Math.min(Math.max(share, 0), 1) * size;
  const left = Math.floor(inside(Math.min(one[0], other[0]), picture.width));
  const top = Math.floor(inside(Math.min(one[1], other[1]), picture.height));
  const right = Math.ceil(inside(Math.max(one[0], other[0]), picture.width));
  const bottom = Math.ceil(inside(Math.max(one[1], other[1]), picture.height));
  return right - left < 3 || bottom - top < 3 ? null : [left, top, right, bottom];
}
