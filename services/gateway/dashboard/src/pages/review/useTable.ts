// The part on the table: what is drawn on it, kept as it is drawn, and said when it is done.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useReducer, useState } from "react";
import { api, type Schemas, take } from "@/api/client";
import { Problem } from "@/api/problem";
import type { Detail, Item } from "./asked";
import { draftOf, dropDraft, keepDraft } from "./draft";
import { asSent, begun, boxed, type Mark, outlined, told } from "./drawing";
import type { Suggestion } from "./Shapes";

/** Names of a finding that say only that something is there. */
const NAMELESS = new Set(["anomaly", "defect", ""]);
export const isNamed = (className: string): boolean => !NAMELESS.has(className);

/** What somebody said, as marks to go on from. */
export const marksOf = (shapes: readonly Schemas["Shape"][]): Mark[] =>
  shapes.map((shape) => {
    const outline = (shape.polygon ?? []) as [number, number][];
    return outline.length
      ? outlined(shape.class_name, outline)
      : boxed(shape.class_name, shape.bbox as [number, number, number, number]);
  });

export interface Saying {
  verdict: Schemas["Verdict"];
  final: boolean;
}

const opened = (detail: Detail, username: string) => {
  const draft = draftOf(username, detail.id);
  const mine = detail.annotations.find((each) => each.by === username);
  return {
    marks: draft?.marks ?? marksOf(mine?.annotations ?? []),
    note: draft?.note ?? mine?.note ?? "",
    className: draft?.className ?? "",
    restored: Boolean(draft?.marks.length),
  };
};

export function useTable(detail: Detail, username: string, onSaid: (item: Item) => void) {
  const queries = useQueryClient();
  const [first] = useState(() => opened(detail, username));
  const [story, tell] = useReducer(told, first.marks, begun);
  const [note, setNote] = useState(first.note);
  const [className, setClassName] = useState(first.className);
  const { marks, selected } = story.now;

  const touched = story.past.length > 0 || story.future.length > 0 || note !== first.note;
  useEffect(() => {
    if (touched) keepDraft(username, detail.id, { marks, note, className });
  }, [touched, username, detail.id, marks, note, className]);

  const say = useMutation({
    mutationFn: ({ verdict, final }: Saying) =>
      take(
        api.POST("/api/v1/active-learning/annotate/{id}", {
          params: { path: { id: detail.id } },
          body: {
            verdict,
            annotations: verdict === "defect" ? marks.map(asSent) : [],
            note,
            final,
            reviewed_by: username,
          },
        }),
      ),
    onSuccess: (item) => {
      dropDraft(username, detail.id);
      void queries.invalidateQueries({ queryKey: ["review", "item", detail.id] });
      onSaid(item);
    },
  });

  const change = (next: readonly Mark[], id: string | null) =>
    tell({ do: "change", marks: next, selected: id });
  const taken = (found: Suggestion) => marks.some((mark) => mark.box.join() === found.bbox.join());

  return {
    marks,
    selected,
    note,
    className,
    restored: first.restored,
    canUndo: story.past.length > 0,
    canRedo: story.future.length > 0,
    suggestions: detail.detections.filter((each) => !taken(each)),
    say,
    refused: say.error instanceof Problem ? say.error : null,
    change,
    setNote,
    undo: () => tell({ do: "undo" }),
    redo: () => tell({ do: "redo" }),
    select: (id: string | null) => tell({ do: "select", id }),
    remove: (id: string) =>
      change(
        marks.filter((each) => each.id !== id),
        selected === id ? null : selected,
      ),
    /** The class that is drawn in from now on, and of the mark that is chosen. */
    choose: (name: string) => {
      setClassName(name);
      const chosen = marks.find((each) => each.id === selected);
      if (chosen && chosen.className !== name)
        change(
          marks.map((each) => (each.id === chosen.id ? { ...each, className: name } : each)),
          chosen.id,
        );
    },
    accept: (found: readonly Suggestion[]) => {
      const fresh = found.filter((each) => !taken(each));
      if (!fresh.length) return;
      const made = fresh.map((each) =>
        boxed(
          isNamed(each.class_name) ? each.class_name : className,
          each.bbox as [number, number, number, number],
        ),
      );
      change([...marks, ...made], made.at(-1)?.id ?? null);
    },
    takeOver: (shapes: readonly Schemas["Shape"][]) => change(marksOf(shapes), null),
  };
}

export type Table = ReturnType<typeof useTable>;
