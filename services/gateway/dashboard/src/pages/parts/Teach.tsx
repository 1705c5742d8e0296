// "This part was wrong, learn from it": what a person says of a part, with one key each.

import { ActionIcon, Alert, Autocomplete, Button, Kbd, Select } from "@mantine/core";
import { IconCheck, IconHelp, IconSchool, IconX } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay, useUser } from "@/api/session";
import type { Part } from "@/parts/PartImage";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import { type Keys, useKeys } from "./keys";
import { classesQuery, partQuery, policyQuery, type Review, reviewQuery } from "./list";
import type { Mark } from "./Pane";
import styles from "./Teach.module.css";

type Verdict = Schemas["Verdict"];

interface Props {
  part: Part;
  /** null while nothing is being marked. */
  marks: readonly Mark[] | null;
  onMarks: (marks: readonly Mark[] | null) => void;
  onSaid: () => void;
}

/** The model's own findings as a beginning. */
const suggested = (part: Part): Mark[] =>
  part.detections.map(({ class_name, bbox }) => ({ class_name, bbox: bbox as Mark["bbox"] }));

export function Teach({ part, marks, onMarks, onSaid }: Props) {
  const { t } = useTranslation("parts");
  const may = useMay("inspect");
  // Whatever somebody said of it keeps the part: without that hold there is nothing to ask for.
  const labelled = part.holds.some((hold) => hold.reason === "labelled");
  const review = useQuery({ ...reviewQuery(part.id), enabled: labelled });
  const say = useMutation({
    mutationFn: (body: { verdict: Verdict; annotations?: Mark[] }) =>
      take(
        api.POST("/api/v1/active-learning/annotate/{id}", {
          params: { path: { id: part.id } },
          body: {
            verdict: body.verdict,
            annotations: (body.annotations ?? []).map((mark) => ({ ...mark, polygon: [] })),
            reviewed_by: "",
            note: "",
            final: false,
          },
        }),
      ),
    onSuccess: () => {
      onMarks(null);
      void queries.invalidateQueries({ queryKey: reviewQuery(part.id).queryKey });
      void queries.invalidateQueries({ queryKey: partQuery(part.id).queryKey });
      told.done(t("teach.kept"));
      onSaid();
    },
  });
  const able = may && part.image_url !== null && !say.isPending;
  const good = () => void (able && say.mutate({ verdict: "good" }));
  const unsure = () => void (able && say.mutate({ verdict: "unsure" }));
  const defect = () => void (able && (marks ? save() : onMarks(suggested(part))));
  const save = () => {
    if (marks?.length && marks.every((mark) => mark.class_name)) {
      say.mutate({ verdict: "defect", annotations: [...marks] });
    }
  };
  const stop = () => onMarks(null);
  const marking: Keys = { Escape: stop, Enter: save };
  useKeys({ g: good, u: unsure, d: defect, ...(marks && marking) });
  if (!may) return <Said review={review.data ?? null} />;
  if (part.image_url === null) return <p className={styles.note}>{t("teach.noImage")}</p>;
  return (
    <section className={styles.teach} aria-label={t("teach.title")}>
      <h2>
        <IconSchool size={20} stroke={1.8} aria-hidden="true" />
        {t(`teach.ask.${part.decision}`)}
      </h2>
      {marks ? (
        <Marking part={part} marks={marks} onMarks={onMarks} save={save} busy={say.isPending} />
      ) : (
        <div className={styles.answers}>
          <Answer
            label={t(`teach.good.${part.decision}`)}
            keys="G"
            icon={IconCheck}
            tone="good"
            onClick={good}
          />
          <Answer
            label={t(`teach.defect.${part.decision}`)}
            keys="D"
            icon={IconX}
            tone="bad"
            onClick={defect}
          />
          <Answer label={t("teach.unsure")} keys="U" icon={IconHelp} tone="idle" onClick={unsure} />
        </div>
      )}
      {say.error && (
        <Alert color="red" role="alert">
          {say.error.message}
        </Alert>
      )}
      <Said review={review.data ?? null} />
    </section>
  );
}

interface AnswerProps {
  label: string;
  keys: string;
  icon: typeof IconCheck;
  tone: string;
  onClick: () => void;
}

function Answer({ label, keys, icon: Shown, tone, onClick }: AnswerProps) {
  return (
    <Button
      variant="default"
      className={styles.answer ?? ""}
      data-tone={tone}
      leftSection={<Shown size={20} stroke={2.2} aria-hidden="true" />}
      rightSection={<Kbd aria-hidden="true">{keys}</Kbd>}
      onClick={onClick}
    >
      {label}
    </Button>
  );
}

interface MarkingProps {
  part: Part;
  marks: readonly Mark[];
  onMarks: Props["onMarks"];
  save: () => void;
  busy: boolean;
}

function Marking({ part, marks, onMarks, save, busy }: MarkingProps) {
  const { t } = useTranslation("parts");
  const { t: shared } = useTranslation("shared");
  const change = (at: number, class_name: string) =>
    onMarks(marks.map((mark, index) => (index === at ? { ...mark, class_name } : mark)));
  const unnamed = marks.some((mark) => !mark.class_name);
  return (
    <div className={styles.marking}>
      <p>{t(marks.length ? "teach.markMore" : "teach.mark")}</p>
      <ol>
        {marks.map((mark, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: marks have no other name
          <li key={index}>
            <span>{index + 1}</span>
            <ClassField
              part={part}
              value={mark.class_name}
              onValue={(name) => change(index, name)}
              at={index + 1}
            />
            <ActionIcon
              aria-label={t("teach.remove", { number: index + 1 })}
              onClick={() => onMarks(marks.filter((_, other) => other !== index))}
            >
              <IconX />
            </ActionIcon>
          </li>
        ))}
      </ol>
      <div className={styles.answers}>
        <Button
          loading={busy}
          disabled={!marks.length || unnamed}
          onClick={save}
          leftSection={<IconSchool size={20} aria-hidden="true" />}
        >
          {t("teach.save")}
        </Button>
        <Button
          variant="default"
          onClick={() => onMarks(null)}
          rightSection={<Kbd aria-hidden="true">Esc</Kbd>}
        >
          {shared("cancel")}
        </Button>
      </div>
    </div>
  );
}

interface FieldProps {
  part: Part;
  value: string;
  onValue: (name: string) => void;
  at: number;
}

function ClassField({ part, value, onValue, at }: FieldProps) {
  const { t } = useTranslation("parts");
  const { data: policy } = useQuery(policyQuery(part.station_id));
  const { data: found = [] } = useQuery(classesQuery(part.station_id));
  const label = t("teach.class", { number: at });
  const allowed = policy?.classes ?? [];
  if (allowed.length) {
    return (
      <Select
        aria-label={label}
        data={[...allowed]}
        value={allowed.includes(value) ? value : null}
        placeholder={t("teach.which")}
        onChange={(name) => onValue(name ?? "")}
        searchable
      />
    );
  }
  return (
    <Autocomplete
      aria-label={label}
      size="md"
      styles={{ input: { minHeight: 44 } }}
      data={[...new Set([...found, ...part.detections.map((each) => each.class_name)])]}
      placeholder={t("teach.which")}
      maxLength={64}
      value={value}
      onChange={onValue}
      autoFocus={!value}
    />
  );
}

function Said({ review }: { review: Review | null }) {
  const { t } = useTranslation("parts");
  const user = useUser();
  if (!review?.annotations.length) return null;
  return (
    <div className={styles.said} role="status">
      {review.annotations.map((said) => (
        <p key={said.id}>
          <b>{said.by === user?.username ? t("teach.you") : said.by}</b>{" "}
          {t(`teach.verdict.${said.verdict}`, {
            classes: [...new Set(said.annotations.map((shape) => shape.class_name))].join(", "),
          })}
          <time dateTime={said.at}> · {dateTime(said.at)}</time>
        </p>
      ))}
      <p className={styles.state}>
        {t(review.disputed ? "teach.state.disputed" : `teach.state.${review.status}`)}
      </p>
    </div>
  );
}
