// Marks, suggestions and what others said, drawn over the part in pixels of its image.

import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import styles from "./Canvas.module.css";
import { colourOf } from "./colours";
import type { Mark } from "./drawing";
import { ringOf } from "./drawing";
import { cornersOf, distance, type Point, type View } from "./geometry";

export type Suggestion = Schemas["DetectionView"];

const path = (points: readonly Point[], closed = true): string =>
  points.map(([x, y], at) => `${at ? "L" : "M"}${x} ${y}`).join("") + (closed && points.length ? "Z" : "");

interface NameTag {
  at: Point;
  text: string;
  colour: string;
  view: View;
  quiet?: boolean;
}

/** A name above a mark, the same size at any zoom. */
function Tag({ at: [x, y], text, colour, view, quiet = false }: NameTag) {
  const shown = text.length > 26 ? `${text.slice(0, 25)}…` : text;
  const high = y * view.scale + view.y > 26;
  return (
    <g transform={`translate(${x} ${y}) scale(${1 / view.scale})`} className={styles.tag}>
      <rect
        x={-1}
        y={high ? -23 : 1}
        width={shown.length * 7.3 + 14}
        height={22}
        rx={3}
        fill={quiet ? "#0a0e12" : colour}
        stroke={colour}
      />
      <text x={6} y={high ? -7.5 : 16.5} fill={quiet ? colour : "#0a0e12"}>
        {shown}
      </text>
    </g>
  );
}

interface Marks {
  marks: readonly Mark[];
  selected: string | null;
  classes: readonly string[];
  view: View;
}

export function Marks({ marks, selected, classes, view }: Marks) {
  const { t } = useTranslation("review");
  return marks.map((mark) => {
    const colour = colourOf(mark.className, classes);
    const ring = ringOf(mark);
    const top = ring.reduce((best, point) => (point[1] < best[1] ? point : best), ring[0] as Point);
    return (
      <g key={mark.id} data-mark={mark.className || "?"} data-selected={mark.id === selected || undefined}>
        <path d={path(ring)} className={styles.halo} />
        <path d={path(ring)} className={styles.mark} stroke={colour} fill={colour} />
        <Tag
          at={mark.outline.length ? top : [mark.box[0], mark.box[1]]}
          text={mark.className || t("mark.unnamed")}
          colour={colour}
          view={view}
        />
      </g>
    );
  });
}

/** What the model found: dashed, to be accepted. */
export function Suggestions({
  found,
  classes,
  view,
}: {
  found: readonly Suggestion[];
  classes: readonly string[];
  view: View;
}) {
  return found.map((each) => {
    const ring = cornersOf(each.bbox as [number, number, number, number]);
    const colour = colourOf(each.class_name, classes);
    const [x1, y1] = each.bbox as [number, number, number, number];
    return (
      <g key={each.bbox.join(" ")} data-suggestion={each.class_name}>
        <path d={path(ring)} className={styles.halo} />
        <path d={path(ring)} className={styles.suggestion} stroke={colour} />
        <Tag
          at={[x1, y1]}
          text={`${each.class_name} ${Math.round(100 * each.confidence)} %`}
          colour={colour}
          view={view}
          quiet
        />
      </g>
    );
  });
}

export interface Others {
  by: string;
  shapes: readonly Schemas["Shape"][];
}

/** What somebody else marked: dotted, with the name of who did. */
export function OthersMarks({ others, view }: { others: readonly Others[]; view: View }) {
  return others.flatMap(({ by, shapes }) =>
    shapes.map((shape) => {
      const box = shape.bbox as [number, number, number, number];
      const outline = (shape.polygon ?? []) as [number, number][];
      const ring = outline.length ? outline : cornersOf(box);
      return (
        <g key={`${by} ${shape.class_name} ${box.join(" ")}`} data-other={by}>
          <path d={path(ring)} className={styles.halo} />
          <path d={path(ring)} className={styles.other} />
          <Tag at={[box[0], box[3]]} text={`${by}: ${shape.class_name}`} colour="#ffffff" view={view} quiet />
        </g>
      );
    }),
  );
}

const APART = 16; // pixels of the screen; closer points can't be told apart by a finger

/** The points by which the chosen mark is pulled into shape. */
export function Handles({ mark, view, colour }: { mark: Mark; view: View; colour: string }) {
  let last: Point | null = null;
  const shown = ringOf(mark).filter((point) => {
    if (last && distance(last, point) * view.scale < APART) return false;
    last = point;
    return true;
  });
  return shown.map((point) => (
    <circle
      key={point.join(" ")}
      cx={point[0]}
      cy={point[1]}
      r={5.5 / view.scale}
      className={styles.handle}
      stroke={colour}
    />
  ));
}

export interface Sketch {
  kind: "box" | "outline" | "brush" | "erase";
  points: readonly Point[];
  /** Where the pointer is. */
  tip: Point | null;
  /** Of a brush, in pixels of the image. */
  radius: number;
}

/** What is being drawn right now. */
export function SketchShape({ sketch, view, colour }: { sketch: Sketch; view: View; colour: string }) {
  const { kind, points, tip, radius } = sketch;
  const first = points[0];
  if (kind === "box") {
    if (!first || !tip) return null;
    const box = [
      Math.min(first[0], tip[0]),
      Math.min(first[1], tip[1]),
      Math.max(first[0], tip[0]),
      Math.max(first[1], tip[1]),
    ] as const;
    return <path d={path(cornersOf(box))} className={styles.mark} stroke={colour} fill={colour} />;
  }
  if (kind === "outline") {
    return (
      <>
        <path d={path(tip ? [...points, tip] : points, false)} className={styles.halo} />
        <path d={path(tip ? [...points, tip] : points, false)} className={styles.line} stroke={colour} />
        {points.map(([x, y], at) => (
          <circle
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            key={at}
            cx={x}
            cy={y}
            r={(at ? 5 : 9) / view.scale}
            className={styles.handle}
            stroke={colour}
          />
        ))}
      </>
    );
  }
  const stroke = kind === "erase" ? "#0a0e12" : colour;
  return (
    <>
      {points.length > 0 && (
        <path
          d={points.length === 1 ? `${path(points, false)}h0.01` : path(points, false)}
          className={styles.brush}
          stroke={stroke}
          strokeWidth={2 * radius}
        />
      )}
      {tip && <circle cx={tip[0]} cy={tip[1]} r={radius} className={styles.ring} />}
    </>
  );
}
