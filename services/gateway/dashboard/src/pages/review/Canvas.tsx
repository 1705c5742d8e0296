// The part on the table: its picture, what is marked on it, and the hand that marks.

import { IconPhotoOff } from "@tabler/icons-react";
import { type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./Canvas.module.css";
import { colourOf } from "./colours";
import { withMark } from "./drawing";
import { type Box, closeUp, fitted, type Size, type View, zoomed } from "./geometry";
import { Handles, Marks, type Others, OthersMarks, SketchShape, Suggestions } from "./Shapes";
import { useGestures } from "./useGestures";
import { type Pen, usePen } from "./usePen";

export interface CanvasHandle {
  zoom(factor: number): void;
  fit(): void;
  show(box: Box): void;
  finish(): void;
  /** Give up what is being drawn; whether there was something. */
  drop(): boolean;
}

interface Props {
  pen: Pen;
  source: string | null;
  label: string;
  classes: readonly string[];
  others: readonly Others[];
  /** The address was good once and is not any more. */
  onBroken: () => void;
  /** Whether an outline has been begun. */
  onSketch: (points: number) => void;
  handle: Ref<CanvasHandle>;
}

function useRoom() {
  const stage = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    if (!stage.current) return;
    const seen = new ResizeObserver(([entry]) => {
      if (entry) setRoom({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    seen.observe(stage.current);
    return () => seen.disconnect();
  }, []);
  return { stage, room };
}

export function Canvas({ pen, source, label, classes, others, onBroken, onSketch, handle }: Props) {
  const { t } = useTranslation("review");
  const { image, drawing, tool } = pen;
  const { stage, room } = useRoom();
  const [view, setView] = useState<View | null>(null);
  const shown = view ?? fitted(image, room);
  const { drags, sketch, held, finish, drop } = usePen(pen);
  const change = (make: (view: View) => View) => setView((old) => make(old ?? fitted(image, room)));
  const { busy, listeners } = useGestures({
    stage,
    image,
    room,
    view: shown,
    setView: change,
    pans: tool === "pan",
    drags,
  });
  const corners = sketch?.kind === "outline" ? sketch.points.length : 0;
  useEffect(() => onSketch(corners), [corners, onSketch]);
  useImperativeHandle(handle, () => ({
    zoom: (factor) => change((old) => zoomed(old, factor, [room.width / 2, room.height / 2], image, room)),
    fit: () => setView(null),
    show: (box) => setView(closeUp(box, image, room)),
    finish,
    drop: () => {
      const was = sketch !== null && sketch.points.length > 0;
      drop();
      return was;
    },
  }));
  const marks = held ? withMark(drawing.marks, held) : drawing.marks;
  const chosen = marks.find((each) => each.id === drawing.selected);
  const place = `translate(${shown.x} ${shown.y}) scale(${shown.scale})`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: no element of HTML is a drawing board
    <div
      ref={stage}
      className={styles.stage}
      role="group"
      aria-label={label}
      aria-describedby="canvas-help"
      data-tool={tool}
      data-busy={busy || undefined}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is drawn on, and its marks are moved by arrow keys
      tabIndex={0}
      {...listeners}
    >
      <span id="canvas-help" className="visually-hidden">
        {t("canvas.help")}
      </span>
      {source ? (
        <img
          src={source}
          alt=""
          draggable={false}
          className={styles.image}
          data-close={shown.scale > 6 || undefined}
          style={{
            width: image.width,
            height: image.height,
            transform: `translate(${shown.x}px, ${shown.y}px) scale(${shown.scale})`,
          }}
          onError={onBroken}
        />
      ) : (
        <div className={styles.gone}>
          <IconPhotoOff size={36} stroke={1.4} aria-hidden="true" />
          {t("canvas.gone")}
        </div>
      )}
      <svg className={styles.over} aria-hidden="true">
        <g transform={place}>
          <Suggestions found={pen.suggestions} classes={classes} view={shown} />
          <OthersMarks others={others} view={shown} />
          <Marks marks={marks} selected={drawing.selected} classes={classes} view={shown} />
          {chosen && tool === "select" && (
            <Handles mark={chosen} view={shown} colour={colourOf(chosen.className, classes)} />
          )}
          {sketch && <SketchShape sketch={sketch} view={shown} colour={colourOf(pen.className, classes)} />}
        </g>
      </svg>
    </div>
  );
}
