// A part's picture, zoomed and panned, its layers, and beside it a good part that moves along.

import { ActionIcon, Slider } from "@mantine/core";
import {
  IconColumns2,
  IconFlame,
  IconMaximize,
  IconShape,
  IconZoomIn,
  IconZoomOut,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { queries } from "@/api/queries";
import type { Part } from "@/parts/PartImage";
import { partName } from "@/parts/PartImage";
import { clock } from "@/parts/time";
import { goodQuery, partQuery } from "./list";
import { type Layers, type Mark, Pane } from "./Pane";
import styles from "./Viewer.module.css";
import { type View, WHOLE } from "./zoom";

export interface Sight {
  view: View;
  layers: Layers;
  compare: boolean;
}

export const FIRST_SIGHT: Sight = {
  view: WHOLE,
  layers: { heat: true, boxes: false, opacity: 1 },
  compare: false,
};

interface Props {
  part: Part;
  sight: Sight;
  onSight: (change: (sight: Sight) => Sight) => void;
  marks: readonly Mark[] | null;
  onMark: (bbox: Mark["bbox"]) => void;
}

export function Viewer({ part, sight, onSight, marks, onMark }: Props) {
  const { t } = useTranslation("parts");
  const onView = (change: (view: View) => View) => onSight((now) => ({ ...now, view: change(now.view) }));
  // An address is good for an hour or two: a part that was listed before that is asked for again.
  const renew = () => void queries.invalidateQueries({ queryKey: partQuery(part.id).queryKey });
  return (
    <section className={styles.viewer} aria-label={t("viewer.label", { part: partName(part) })}>
      <div className={styles.panes} data-two={sight.compare || undefined}>
        <figure>
          <Pane
            part={part}
            view={sight.view}
            onView={onView}
            layers={sight.layers}
            marks={marks}
            onMark={onMark}
            onBroken={renew}
          />
          {sight.compare && <figcaption>{t("viewer.this")}</figcaption>}
        </figure>
        {sight.compare && <Good part={part} sight={sight} onView={onView} />}
      </div>
      <Tools sight={sight} onSight={onSight} />
    </section>
  );
}

function Good({ part, sight, onView }: { part: Part; sight: Sight; onView: (c: (v: View) => View) => void }) {
  const { t } = useTranslation("parts");
  const { t: shared } = useTranslation("shared");
  const { data: good, error } = useQuery(goodQuery(part));
  return (
    <figure>
      {good ? (
        <Pane part={good} view={sight.view} onView={onView} layers={sight.layers} />
      ) : (
        <div className={styles.pane}>
          <p className={styles.gone}>
            {error ? error.message : good === null ? t("viewer.noGood") : shared("loading")}
          </p>
        </div>
      )}
      <figcaption>
        {good ? t("viewer.good", { part: partName(good), at: clock(good.timestamp) }) : ""}
      </figcaption>
    </figure>
  );
}

function Tools({ sight, onSight }: Pick<Props, "sight" | "onSight">) {
  const { t } = useTranslation("parts");
  const { layers, view } = sight;
  const set = (change: Partial<Sight>) => onSight((now) => ({ ...now, ...change }));
  const layer = (change: Partial<Layers>) => set({ layers: { ...layers, ...change } });
  const zoom = (by: number) => set({ view: { ...view, zoom: Math.min(40, Math.max(1, view.zoom * by)) } });
  return (
    <div className={styles.tools} role="toolbar" aria-label={t("viewer.tools")}>
      <Tool label={t("viewer.heat")} keys="H" on={layers.heat} onClick={() => layer({ heat: !layers.heat })}>
        <IconFlame />
      </Tool>
      <Tool
        label={t("viewer.boxes")}
        keys="B"
        on={layers.boxes}
        onClick={() => layer({ boxes: !layers.boxes })}
      >
        <IconShape />
      </Tool>
      <Slider
        className={styles.opacity ?? ""}
        value={Math.round(layers.opacity * 100)}
        onChange={(value) => layer({ opacity: value / 100 })}
        disabled={!layers.heat && !layers.boxes}
        label={(value) => `${value} %`}
        size="lg"
        thumbSize={44}
        classNames={{ thumb: styles.thumb ?? "" }}
        thumbLabel={t("viewer.opacity")}
      />
      <Tool
        label={t("viewer.compare")}
        keys="C"
        on={sight.compare}
        onClick={() => set({ compare: !sight.compare })}
      >
        <IconColumns2 />
      </Tool>
      <Tool label={t("viewer.out")} keys="−" onClick={() => zoom(1 / 1.6)} disabled={view.zoom <= 1}>
        <IconZoomOut />
      </Tool>
      <output className={styles.zoom}>{`${Math.round(view.zoom * 100)} %`}</output>
      <Tool label={t("viewer.in")} keys="+" onClick={() => zoom(1.6)}>
        <IconZoomIn />
      </Tool>
      <Tool label={t("viewer.whole")} keys="0" onClick={() => set({ view: WHOLE })} disabled={view.zoom <= 1}>
        <IconMaximize />
      </Tool>
    </div>
  );
}

interface ToolProps {
  label: string;
  keys: string;
  on?: boolean;
  disabled?: boolean;
  onClick: () => void;
  children: React.ReactNode;
}

function Tool({ label, keys, on, disabled = false, onClick, children }: ToolProps) {
  return (
    <ActionIcon
      className={styles.tool ?? ""}
      aria-label={label}
      aria-pressed={on}
      title={`${label} (${keys})`}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </ActionIcon>
  );
}
