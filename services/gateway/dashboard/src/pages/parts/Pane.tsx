// One picture of a viewer: zoomed, with its layers on top, and with boxes that can be drawn.

import { IconPhotoOff } from "@tabler/icons-react";
import { type PointerEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { percent } from "@/parts/numbers";
import { type Part, partName } from "@/parts/PartImage";
import styles from "./Viewer.module.css";
import { boxOf, kept, panned, placed, pointAt, type Size, type View, zoomed } from "./zoom";

export interface Mark {
  class_name: string;
  bbox: [number, number, number, number];
}

export interface Layers {
  heat: boolean;
  boxes: boolean;
  /** 0 to 1. */
  opacity: number;
}

interface Props {
  part: Part;
  view: View;
  onView: (change: (view: View) => View) => void;
  layers: Layers;
  /** What a person marked; null where nothing is being marked. */
  marks?: readonly Mark[] | null;
  onMark?: (bbox: Mark["bbox"]) => void;
  onBroken?: () => void;
}

type Corner = [number, number];

/** Addresses come from the server, but only ours are ever loaded. */
const ours = (address: string | null): string | null =>
  address?.startsWith("/static/images/") ? address : null;

export function Pane({ part, view, onView, layers, marks = null, onMark, onBroken }: Props) {
  const { t: shared } = useTranslation("shared");
  const pane = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [broken, setBroken] = useState("");
  const picture = { width: Math.max(1, part.width), height: Math.max(1, part.height) };
  useLayoutEffect(() => {
    const place = pane.current;
    if (!place) return;
    const measure = () => setSize({ width: place.clientWidth, height: place.clientHeight });
    measure();
    const watched = new ResizeObserver(measure);
    watched.observe(place);
    return () => watched.disconnect();
  }, []);
  const gestures = useGestures({ pane, size, picture, view, onView, onMark: marks ? onMark : undefined });
  const plain = ours(part.image_url) ?? ours(part.thumbnail);
  const heat = part.annotated_url === part.image_url ? null : ours(part.annotated_url);
  const where = size.width ? placed(kept(view, picture, size), picture, size) : null;
  const fault = () => {
    setBroken(plain ?? "");
    onBroken?.();
  };
  const gone = plain === null || broken === plain;
  return (
    <div ref={pane} className={styles.pane} data-marking={marks ? true : undefined} {...gestures.handlers}>
      {gone ? (
        <div className={styles.gone}>
          <IconPhotoOff size={36} stroke={1.4} aria-hidden="true" />
          {shared(plain === null ? "image.none" : "image.gone")}
        </div>
      ) : (
        where && (
          <div
            className={styles.world}
            style={{
              width: picture.width,
              height: picture.height,
              transform: `translate(${where.left}px, ${where.top}px) scale(${where.scale})`,
            }}
            data-close={where.scale > 3 || undefined}
          >
            <img
              src={plain}
              alt={shared("image.alt", {
                part: partName(part),
                station: part.station_id,
                decision: shared(`decision.${part.decision}`),
                count: part.objects_found,
              })}
              draggable={false}
              decoding="async"
              onError={fault}
            />
            {heat && layers.heat && (
              <img src={heat} alt="" draggable={false} decoding="async" style={{ opacity: layers.opacity }} />
            )}
            <Boxes part={part} layers={layers} marks={marks} scale={where.scale} drawn={gestures.drawn} />
          </div>
        )
      )}
    </div>
  );
}

interface BoxesProps {
  part: Part;
  layers: Layers;
  marks: readonly Mark[] | null;
  drawn: Mark["bbox"] | null;
  scale: number;
}

function Boxes({ part, layers, marks, drawn, scale }: BoxesProps) {
  const size = 13 / scale;
  return (
    <svg viewBox={`0 0 ${part.width} ${part.height}`} className={styles.boxes} aria-hidden="true">
      {layers.boxes && !marks && (
        <g opacity={layers.opacity}>
          {part.detections.map((found, index) => {
            const [left = 0, top = 0, right = 0, bottom = 0] = found.bbox;
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: findings have no other name
              <g key={index} data-decision={part.decision}>
                <rect x={left} y={top} width={right - left} height={bottom - top} strokeWidth={2.2 / scale} />
                <text x={left} y={Math.max(size, top - size / 3)} fontSize={size} strokeWidth={size / 4}>
                  {`${found.class_name} ${percent(found.confidence, 0)}`}
                </text>
              </g>
            );
          })}
        </g>
      )}
      {[...(marks ?? []), ...(drawn ? [{ class_name: "", bbox: drawn }] : [])].map((mark, index) => {
        const [left, top, right, bottom] = mark.bbox;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <g key={index} data-mark>
            <rect x={left} y={top} width={right - left} height={bottom - top} strokeWidth={2.2 / scale} />
            <text x={left} y={Math.max(size, top - size / 3)} fontSize={size} strokeWidth={size / 4}>
              {`${index + 1} ${mark.class_name}`}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

interface Gestures {
  pane: React.RefObject<HTMLDivElement | null>;
  size: Size;
  picture: Size;
  view: View;
  onView: Props["onView"];
  onMark: Props["onMark"] | undefined;
}

/** Wheel and pinch zoom, drags pan, or draw a box where something is being marked. */
function useGestures({ pane, size, picture, view, onView, onMark }: Gestures) {
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const [corners, setCorners] = useState<[Corner, Corner] | null>(null);
  const place = (event: { clientX: number; clientY: number }) => {
    const box = pane.current?.getBoundingClientRect();
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
  };
  const share = (at: { x: number; y: number }): Corner =>
    pointAt(placed(kept(view, picture, size), picture, size), at, picture);

  const wheel = useRef<(event: WheelEvent) => void>(() => {});
  useEffect(() => {
    wheel.current = (event) => {
      event.preventDefault();
      const at = place(event);
      const factor = Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0016));
      onView((now) => zoomed(kept(now, picture, size), factor, at, picture, size));
    };
  });
  useEffect(() => {
    // React listens passively: the page would scroll along.
    const listen = (event: WheelEvent) => wheel.current(event);
    const element = pane.current;
    element?.addEventListener("wheel", listen, { passive: false });
    return () => element?.removeEventListener("wheel", listen);
  }, [pane]);

  function onPointerDown(event: PointerEvent<HTMLDivElement>) {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const at = place(event);
    pointers.current.set(event.pointerId, at);
    if (onMark && pointers.current.size === 1) setCorners([share(at), share(at)]);
    else setCorners(null);
  }

  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const at = place(event);
    pointers.current.set(event.pointerId, at);
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (one: { x: number; y: number }) =>
        Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
      const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
      const factor = apart(at) / apart(before);
      onView((now) => zoomed(kept(now, picture, size), factor, middle, picture, size));
    } else if (corners) {
      setCorners([corners[0], share(at)]);
    } else if (!onMark) {
      onView((now) => panned(kept(now, picture, size), at.x - before.x, at.y - before.y, picture, size));
    }
  }

  function onPointerUp(event: PointerEvent<HTMLDivElement>) {
    if (!pointers.current.delete(event.pointerId) || !corners) return;
    const bbox = boxOf(corners[0], corners[1], picture);
    setCorners(null);
    if (bbox && event.type === "pointerup") onMark?.(bbox);
  }

  const onDoubleClick = (event: { clientX: number; clientY: number }) => {
    if (onMark) return;
    const at = place(event);
    onView((now) => zoomed(kept(now, picture, size), now.zoom > 1 ? 1e-6 : 4, at, picture, size));
  };
  return {
    drawn: corners && boxOf(corners[0], corners[1], picture),
    handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp, onDoubleClick },
  };
}
