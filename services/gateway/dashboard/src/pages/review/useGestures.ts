// Fingers, pen and mouse on the part: one draws, two move and zoom, a wheel zooms.

import { type PointerEvent, type RefObject, useEffect, useRef, useState } from "react";
import { distance, kept, type Point, type Size, toImage, type View, zoomed } from "./geometry";

export interface Drags {
  /** Whether a drag began that belongs to the tool; false leaves it to moving the image. */
  begin(at: Point, near: number): boolean;
  move(at: Point): void;
  end(at: Point, far: boolean): void;
  /** A second finger came: what one had begun was not meant. */
  cancel(): void;
  hover(at: Point | null): void;
}

interface Wanted {
  stage: RefObject<HTMLDivElement | null>;
  image: Size;
  room: Size;
  view: View;
  setView: (change: (view: View) => View) => void;
  /** Each drag moves the image. */
  pans: boolean;
  drags: Drags;
}

const FINGER = 24;
const MOUSE = 9;
const STILL = 5;

interface Going {
  kind: "tool" | "pan" | "pinch" | "none";
  from: Point;
  far: boolean;
}

export function useGestures({ stage, image, room, view, setView, pans, drags }: Wanted) {
  const down = useRef(new Map<number, Point>());
  const going = useRef<Going>({ kind: "none", from: [0, 0], far: false });
  const [busy, setBusy] = useState(false);
  const latest = useRef({ image, room, setView });
  useEffect(() => {
    latest.current = { image, room, setView };
  });

  const here = (event: { clientX: number; clientY: number }): Point => {
    const box = stage.current?.getBoundingClientRect();
    return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
  };

  useEffect(() => {
    const place = stage.current;
    if (!place) return;
    // React's own listeners of wheels are passive: the page would scroll as well.
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const box = place.getBoundingClientRect();
      const at: Point = [event.clientX - box.left, event.clientY - box.top];
      const { image: size, room: within, setView: set } = latest.current;
      set((before) => zoomed(before, Math.exp(-event.deltaY / 500), at, size, within));
    };
    place.addEventListener("wheel", turn, { passive: false });
    return () => place.removeEventListener("wheel", turn);
  }, [stage]);

  function onPointerDown(event: PointerEvent): void {
    const at = here(event);
    stage.current?.focus({ preventScroll: true });
    stage.current?.setPointerCapture(event.pointerId);
    down.current.set(event.pointerId, at);
    if (down.current.size === 2) {
      if (going.current.kind === "tool") drags.cancel();
      going.current = { kind: "pinch", from: at, far: true };
      return;
    }
    if (down.current.size > 2) return;
    const near = (event.pointerType === "mouse" ? MOUSE : FINGER) / view.scale;
    const moves = pans || event.button === 1 || !drags.begin(toImage(view, at), near);
    going.current = { kind: moves ? "pan" : "tool", from: at, far: false };
    setBusy(moves);
  }

  function onPointerMove(event: PointerEvent): void {
    const at = here(event);
    const before = down.current.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") drags.hover(toImage(view, at));
      return;
    }
    const { kind, from } = going.current;
    if (distance(from, at) > STILL) going.current.far = true;
    if (kind === "pinch") pinch(event.pointerId, at);
    else if (kind === "pan") {
      setView((old) =>
        kept({ ...old, x: old.x + at[0] - before[0], y: old.y + at[1] - before[1] }, image, room),
      );
    } else if (kind === "tool") {
      for (const each of event.nativeEvent.getCoalescedEvents?.() ?? [])
        drags.move(toImage(view, here(each)));
      drags.move(toImage(view, at));
    }
    down.current.set(event.pointerId, at);
  }

  function pinch(id: number, at: Point): void {
    const other = [...down.current].find(([each]) => each !== id)?.[1];
    const before = down.current.get(id);
    if (!other || !before) return;
    const factor = distance(at, other) / Math.max(1, distance(before, other));
    const middle: Point = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
    const was: Point = [(before[0] + other[0]) / 2, (before[1] + other[1]) / 2];
    setView((old) =>
      zoomed(
        { ...old, x: old.x + middle[0] - was[0], y: old.y + middle[1] - was[1] },
        factor,
        middle,
        image,
        room,
      ),
    );
  }

  function onPointerUp(event: PointerEvent): void {
    const { kind, far } = going.current;
    if (!down.current.delete(event.pointerId)) return;
    if (kind === "tool" && down.current.size === 0) drags.end(toImage(view, here(event)), far);
    if (down.current.size === 0) {
      going.current = { kind: "none", from: [0, 0], far: false };
      setBusy(false);
    }
  }

  function onPointerCancel(event: PointerEvent): void {
    down.current.delete(event.pointerId);
    if (going.current.kind === "tool") drags.cancel();
    if (down.current.size === 0) going.current = { kind: "none", from: [0, 0], far: false };
    setBusy(false);
  }

  return {
    busy,
    listeners: {
      onPointerDown,
      onPointerMove,
      onPointerUp,
      onPointerCancel,
      onPointerLeave: () => drags.hover(null),
    },
  };
}
