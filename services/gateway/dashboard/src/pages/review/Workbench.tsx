// One part on the table: tools, picture, and the panel beside it.

import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "@/api/session";
import { told } from "@/parts/toasts";
import { type Detail, detailQuery, type Item } from "./asked";
import { Canvas, type CanvasHandle } from "./Canvas";
import { boxed, type Mark, moved, reshaped, withMark } from "./drawing";
import { cornersOf } from "./geometry";
import { Keys } from "./Keys";
import { Panel } from "./Panel";
import { Toolbar } from "./Toolbar";
import { TOOLS, type Tool } from "./tools";
import { useClasses } from "./useClasses";
import { useKeys } from "./useKeys";
import { useTable } from "./useTable";
import styles from "./Workbench.module.css";

interface Props {
  detail: Detail;
  username: string;
  onSaid: (item: Item) => void;
  onSkip: () => void;
  onStep: (by: 1 | -1) => void;
}

const ours = (address: string | null) => (address?.startsWith("/static/images/") ? address : null);

export function Workbench({ detail, username, onSaid, onSkip, onStep }: Props) {
  const { t } = useTranslation("review");
  const queries = useQueryClient();
  const may = useMay("inspect");
  const mayFinal = useMay("configure");
  const table = useTable(detail, username, onSaid);
  const classes = useClasses(
    detail,
    table.marks.map((each) => each.className),
  );
  const image = { width: detail.width, height: detail.height };
  const most = Math.max(image.width, image.height) / 6;
  const [tool, setTool] = useState<Tool>(may ? "box" : "pan");
  const [radius, setRadius] = useState(() => Math.max(2, Math.round(most / 6)));
  const [heat, setHeat] = useState(false);
  const [keys, setKeys] = useState(false);
  const [final, setFinal] = useState(false);
  const [corners, setCorners] = useState(0);
  const canvas = useRef<CanvasHandle>(null);
  const renewed = useRef(false);

  const hasHeat = detail.annotated_url !== null && detail.annotated_url !== detail.image_url;
  const source = ours(heat && hasHeat ? detail.annotated_url : detail.image_url);
  const chosen = table.marks.find((each) => each.id === table.selected);
  const className = table.className || (classes.names.length === 1 ? (classes.names[0] ?? "") : "");

  useEffect(() => {
    if (table.restored) told.done(t("draft.restored"));
  }, [table.restored, t]);

  function broken(): void {
    // Addresses of images are good for an hour or two: a table left overnight needs new ones, once.
    if (renewed.current) return;
    renewed.current = true;
    void queries.invalidateQueries({ queryKey: detailQuery(detail.id).queryKey });
  }

  const say = (verdict: "good" | "defect" | "unsure") => {
    if (!may || table.say.isPending) return;
    if (verdict === "defect" && (!table.marks.length || table.marks.some((mark) => !mark.className))) return;
    if (verdict !== "defect" && table.marks.length) return;
    table.say.mutate({ verdict, final });
  };

  const nudge = (event: KeyboardEvent, right: number, down: number) => {
    if (!chosen) return;
    const step = event.shiftKey ? 10 : 1;
    const [dx, dy] = [right * step, down * step];
    const corner = cornersOf(chosen.box)[2];
    const next =
      event.altKey && corner && !chosen.outline.length
        ? reshaped(chosen, 2, [corner[0] + dx, corner[1] + dy], image)
        : moved(chosen, dx, dy, image);
    table.change(withMark(table.marks, next), next.id);
  };

  const walk = () => {
    const at = table.marks.findIndex((each) => each.id === table.selected);
    const next = table.marks[(at + 1) % Math.max(1, table.marks.length)];
    if (next) table.select(next.id);
  };

  const middle = () => {
    const [x, y] = [image.width / 2, image.height / 2];
    const [wide, tall] = [image.width / 10, image.height / 10];
    const mark = boxed(className, [
      Math.round(x - wide),
      Math.round(y - tall),
      Math.round(x + wide),
      Math.round(y + tall),
    ]);
    table.change([...table.marks, mark], mark.id);
    setTool("select");
  };

  const classKeys = Object.fromEntries(
    classes.names.slice(0, 9).map((name, at) => [String(at + 1), () => table.choose(name)]),
  );
  const drawing = {
    ...Object.fromEntries(TOOLS.map(({ tool: each, key }) => [key, () => setTool(each)])),
    ...classKeys,
    a: () => table.accept(table.suggestions.map((each) => each)),
    n: middle,
    g: () => say("good"),
    u: () => say("unsure"),
    s: onSkip,
    enter: () => (corners >= 3 ? canvas.current?.finish() : say("defect")),
    delete: () => chosen && table.remove(chosen.id),
    backspace: () => chosen && table.remove(chosen.id),
    "ctrl+z": (event: KeyboardEvent) => (event.shiftKey ? table.redo() : table.undo()),
    "ctrl+y": table.redo,
    arrowleft: (event: KeyboardEvent) => nudge(event, -1, 0),
    arrowright: (event: KeyboardEvent) => nudge(event, 1, 0),
    arrowup: (event: KeyboardEvent) => nudge(event, 0, -1),
    arrowdown: (event: KeyboardEvent) => nudge(event, 0, 1),
    ".": walk,
    "[": () => setRadius((old) => Math.max(1, old / 1.25)),
    "]": () => setRadius((old) => Math.min(most, old * 1.25)),
  };
  useKeys({
    ...(may ? drawing : {}),
    j: () => onStep(1),
    k: () => onStep(-1),
    "+": () => canvas.current?.zoom(1.5),
    "=": () => canvas.current?.zoom(1.5),
    "-": () => canvas.current?.zoom(1 / 1.5),
    "0": () => canvas.current?.fit(),
    o: () => setHeat((old) => !old),
    "?": () => setKeys(true),
    escape: () => {
      if (!canvas.current?.drop()) table.select(null);
    },
  });

  const onSketch = useCallback((points: number) => setCorners(points), []);
  return (
    <>
      <div className={styles.table}>
        <Toolbar
          tool={tool}
          onTool={setTool}
          radius={radius}
          most={most}
          onRadius={setRadius}
          canUndo={table.canUndo}
          canRedo={table.canRedo}
          onUndo={table.undo}
          onRedo={table.redo}
          onZoom={(factor) => canvas.current?.zoom(factor)}
          onFit={() => canvas.current?.fit()}
          heat={hasHeat ? heat : null}
          onHeat={() => setHeat((old) => !old)}
          onKeys={() => setKeys(true)}
        />
        <Canvas
          handle={canvas}
          pen={{
            tool: may ? tool : "pan",
            image,
            drawing: { marks: table.marks, selected: table.selected },
            className,
            radius,
            suggestions: may ? table.suggestions : [],
            change: table.change,
            select: table.select,
            accept: (found) => table.accept([found]),
          }}
          source={source}
          label={t("canvas.label", { part: detail.part_id || detail.id.slice(0, 8) })}
          classes={classes.names}
          others={detail.annotations
            .filter((each) => each.by !== username)
            .map(({ by, annotations }) => ({ by, shapes: annotations }))}
          onBroken={broken}
          onSketch={onSketch}
        />
        {corners > 0 && (
          <div className={styles.outline}>
            <Button disabled={corners < 3} onClick={() => canvas.current?.finish()}>
              {t("canvas.close")}
            </Button>
            <Button variant="default" onClick={() => canvas.current?.drop()}>
              {t("canvas.drop")}
            </Button>
          </div>
        )}
      </div>
      <Panel
        detail={detail}
        table={table}
        classes={classes}
        username={username}
        may={may}
        mayFinal={mayFinal}
        final={final}
        onFinal={setFinal}
        onSay={({ verdict }) => say(verdict)}
        onSkip={onSkip}
        onShow={(mark: Mark) => canvas.current?.show(mark.box)}
      />
      {keys && <Keys onClose={() => setKeys(false)} />}
    </>
  );
}
