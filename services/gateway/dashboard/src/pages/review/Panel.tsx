// Beside the part: why it is asked about, what others said, classes, marks, and the word that is said.

import { ActionIcon, Alert, Button, Checkbox, Textarea } from "@mantine/core";
import {
  IconAlertCircle,
  IconCheck,
  IconDeviceFloppy,
  IconHelpHexagon,
  IconPlayerSkipForward,
  IconTrash,
  IconWand,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { DecisionBadge } from "@/parts/Decision";
import { decimal } from "@/parts/numbers";
import { dateTime } from "@/parts/time";
import type { Detail, Opinion } from "./asked";
import { ClassPicker } from "./ClassPicker";
import { colourOf } from "./colours";
import type { Mark } from "./drawing";
import { Opinions } from "./Opinions";
import styles from "./Panel.module.css";
import type { Classes } from "./useClasses";
import type { Saying, Table } from "./useTable";
import { Why } from "./Why";

interface Props {
  detail: Detail;
  table: Table;
  classes: Classes;
  username: string;
  may: boolean;
  mayFinal: boolean;
  final: boolean;
  onFinal: (final: boolean) => void;
  onSay: (saying: Omit<Saying, "final">) => void;
  onSkip: () => void;
  onShow: (mark: Mark) => void;
}

export function Panel(props: Props) {
  const { t } = useTranslation("review");
  const { detail, table, classes, username, may } = props;
  const others = detail.annotations.filter((each) => each.by !== username);
  return (
    <aside className={styles.panel} aria-label={t("panel.title")}>
      <div className={styles.scroll}>
        <Facts detail={detail} />
        {others.length > 0 && (
          <Opinions
            opinions={others}
            disputed={detail.disputed}
            reviewers={detail.reviewers}
            onTakeOver={may ? (opinion: Opinion) => table.takeOver(opinion.annotations) : undefined}
          />
        )}
        {may && (
          <>
            <ClassPicker classes={classes} chosen={table.className} onChoose={table.choose} />
            <MarkList {...props} />
            <Textarea
              label={t("panel.note")}
              autosize
              minRows={1}
              maxRows={4}
              maxLength={2000}
              value={table.note}
              onChange={(event) => table.setNote(event.currentTarget.value)}
            />
          </>
        )}
      </div>
      {may ? <Words {...props} /> : <p className={styles.readOnly}>{t("panel.readOnly")}</p>}
    </aside>
  );
}

function Facts({ detail }: { detail: Detail }) {
  const { t } = useTranslation("review");
  return (
    <header className={styles.facts}>
      <div className={styles.title}>
        <h2 title={detail.id}>{detail.part_id || detail.id.slice(0, 8)}</h2>
        <span className={styles.brief}>
          {detail.station_id} · {decimal(detail.anomaly_score, 1)}
        </span>
        <DecisionBadge decision={detail.decision} />
      </div>
      <Why reasons={detail.reasons} />
      <dl>
        <div>
          <dt>{t("fact.station")}</dt>
          <dd>{detail.station_id}</dd>
        </div>
        <div>
          <dt>{t("fact.score")}</dt>
          <dd>{decimal(detail.anomaly_score, 3)}</dd>
        </div>
        <div>
          <dt>{t("fact.judged")}</dt>
          <dd>{dateTime(detail.timestamp)}</dd>
        </div>
        <div>
          <dt>{t("fact.similar")}</dt>
          <dd>{detail.similar}</dd>
        </div>
      </dl>
    </header>
  );
}

function MarkList({ table, classes, onShow }: Props) {
  const { t } = useTranslation("review");
  return (
    <section className={styles.marks} aria-label={t("mark.title")}>
      <div className={styles.row}>
        <h3>{t("mark.count", { count: table.marks.length })}</h3>
        {table.suggestions.length > 0 && (
          <Button
            variant="default"
            size="sm"
            leftSection={<IconWand size={18} />}
            onClick={() => table.accept(table.suggestions)}
          >
            {t("mark.accept", { count: table.suggestions.length })}
          </Button>
        )}
      </div>
      <ul>
        {table.marks.map((mark, at) => (
          <li key={mark.id} data-selected={mark.id === table.selected || undefined}>
            <button
              type="button"
              aria-pressed={mark.id === table.selected}
              onClick={() => {
                table.select(mark.id);
                onShow(mark);
              }}
            >
              <i style={{ background: colourOf(mark.className, classes.names) }} aria-hidden="true" />
              <b>{mark.className || t("mark.unnamed")}</b>
              <span>{t(mark.outline.length ? "mark.outline" : "mark.box")}</span>
            </button>
            <ActionIcon
              aria-label={t("mark.delete", { number: at + 1, name: mark.className || t("mark.unnamed") })}
              onClick={() => table.remove(mark.id)}
            >
              <IconTrash size={20} />
            </ActionIcon>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Words({ detail, table, mayFinal, final, onFinal, onSay, onSkip }: Props) {
  const { t } = useTranslation("review");
  const any = table.marks.length > 0;
  const unnamed = table.marks.some((mark) => !mark.className);
  const busy = table.say.isPending;
  const verdict = table.say.variables?.verdict;
  return (
    <footer className={styles.words}>
      {table.say.error && (
        <Alert color="red" icon={<IconAlertCircle />} role="alert" title={t("say.refused")}>
          {table.say.error.message} {t("say.kept")}
        </Alert>
      )}
      {mayFinal && (detail.disputed || detail.annotations.length > 0) && (
        <Checkbox
          label={t("say.final")}
          checked={final}
          onChange={(event) => onFinal(event.currentTarget.checked)}
        />
      )}
      <Button
        fullWidth
        size="lg"
        color={any ? "red.9" : "steel"}
        leftSection={<IconDeviceFloppy size={22} />}
        disabled={!any || unnamed}
        loading={busy && verdict === "defect"}
        onClick={() => onSay({ verdict: "defect" })}
        aria-keyshortcuts="Enter"
      >
        {unnamed ? t("say.nameFirst") : t("say.defect", { count: table.marks.length })}
      </Button>
      <div className={styles.three}>
        <Button
          color="teal.9"
          leftSection={<IconCheck size={20} />}
          disabled={any}
          title={any ? t("say.marksFirst") : undefined}
          loading={busy && verdict === "good"}
          onClick={() => onSay({ verdict: "good" })}
          aria-keyshortcuts="G"
        >
          {t("say.good")}
        </Button>
        <Button
          variant="default"
          leftSection={<IconHelpHexagon size={20} />}
          disabled={any}
          title={any ? t("say.marksFirst") : undefined}
          loading={busy && verdict === "unsure"}
          onClick={() => onSay({ verdict: "unsure" })}
          aria-keyshortcuts="U"
        >
          {t("say.unsure")}
        </Button>
        <Button
          variant="default"
          leftSection={<IconPlayerSkipForward size={20} />}
          onClick={onSkip}
          aria-keyshortcuts="S"
        >
          {t("say.skip")}
        </Button>
      </div>
    </footer>
  );
}
