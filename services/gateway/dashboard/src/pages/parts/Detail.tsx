// One part: its picture, what was judged, what a person says of it, and what can be done with it.

import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, download, take } from "@/api/client";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { DecisionBadge } from "@/parts/Decision";
import { decimal, percent } from "@/parts/numbers";
import { type Part, partName } from "@/parts/PartImage";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import styles from "./Detail.module.css";
import type { Mark } from "./Pane";
import { Teach } from "./Teach";
import { type Sight, Viewer } from "./Viewer";

interface Props {
  part: Part;
  stationName: string;
  sight: Sight;
  onSight: (change: (sight: Sight) => Sight) => void;
  marks: readonly Mark[] | null;
  onMarks: (marks: readonly Mark[] | null) => void;
  onGone: () => void;
}

export function Detail({ part, stationName, sight, onSight, marks, onMarks, onGone }: Props) {
  return (
    <article className={styles.detail} data-part={part.id}>
      <Viewer
        part={part}
        sight={sight}
        onSight={onSight}
        marks={marks}
        onMark={(bbox) => onMarks([...(marks ?? []), { class_name: marks?.at(-1)?.class_name ?? "", bbox }])}
      />
      <div className={styles.below}>
        <header className={styles.head}>
          <DecisionBadge decision={part.decision} size="lg" />
          <h2 title={partName(part)}>{partName(part)}</h2>
          <Actions part={part} onGone={onGone} />
        </header>
        <Teach key={part.id} part={part} marks={marks} onMarks={onMarks} onSaid={() => {}} />
        <Facts part={part} stationName={stationName} />
      </div>
    </article>
  );
}

function Actions({ part, onGone }: { part: Part; onGone: () => void }) {
  const { t } = useTranslation("parts");
  const may = useMay("configure");
  const name = partName(part);
  const report = () =>
    download(
      `/api/v1/inspect/${encodeURIComponent(part.id)}/report.pdf`,
      `${name.replace(/[^\w.-]+/g, "_")}.pdf`,
    );
  const remove = async () => {
    await take(api.DELETE("/api/v1/inspect/{id}", { params: { path: { id: part.id } } }));
    told.done(t("delete.done", { part: name }));
    onGone();
  };
  return (
    <div className={styles.actions}>
      <Button
        component={Link}
        to={`/parts/${encodeURIComponent(part.id)}/lineage`}
        search={true as never}
        variant="default"
        px="sm"
      >
        {t("action.lineage")}
      </Button>
      <Button variant="default" px="sm" onClick={() => void report().catch(told.failed)}>
        {t("action.report")}
      </Button>
      {may && (
        <ConfirmButton
          variant="default"
          px="sm"
          title={t("delete.title", { part: name })}
          effect={
            <>
              <p>{t("delete.effect")}</p>
              {part.holds.length > 0 && (
                <p>
                  <b>{t("delete.held", { reasons: part.holds.map((hold) => hold.reason).join(", ") })}</b>
                </p>
              )}
            </>
          }
          verb={t("delete.verb")}
          color="red"
          act={remove}
        >
          {t("delete.verb")}
        </ConfirmButton>
      )}
    </div>
  );
}

function Facts({ part, stationName }: { part: Part; stationName: string }) {
  const { t } = useTranslation("parts");
  const limit = part.fail_above || 1;
  const share = Math.min(1, part.anomaly_score / (1.6 * limit));
  return (
    <div className={styles.facts}>
      <div className={styles.score}>
        <span>{t("fact.score")}</span>
        <b>{decimal(part.anomaly_score, 3)}</b>
        <div className={styles.scale} data-decision={part.decision} aria-hidden="true">
          <i style={{ width: `${100 * share}%` }} />
          <s style={{ left: `${100 / 1.6}%` }} />
          {part.uncertain_above < part.fail_above && (
            <s style={{ left: `${(100 * part.uncertain_above) / (1.6 * limit)}%` }} data-soft />
          )}
        </div>
        <small>
          {t("fact.limits", {
            uncertain: decimal(part.uncertain_above, 3),
            fail: decimal(part.fail_above, 3),
          })}
        </small>
      </div>
      <dl>
        <Fact name={t("fact.found")}>
          {part.detections.length
            ? part.detections.map((each) => `${each.class_name} ${percent(each.confidence, 0)}`).join(", ")
            : t("fact.nothing")}
        </Fact>
        <Fact name={t("fact.station")}>{stationName}</Fact>
        <Fact name={t("fact.judged")}>{dateTime(part.timestamp)}</Fact>
        <Fact name={t("fact.captured")}>{dateTime(part.captured_at)}</Fact>
        <Fact name={t("fact.confidence")}>{percent(part.confidence)}</Fact>
        <Fact name={t("fact.model")}>
          <code title={part.model_version}>{part.model_version.slice(0, 24) || "–"}</code>
        </Fact>
        <Fact name={t("fact.time")}>{`${decimal(part.total_time_ms, 0)} ms`}</Fact>
        <Fact name={t("fact.picture")}>{`${part.width} × ${part.height}`}</Fact>
        {part.holds.length > 0 && (
          <Fact name={t("fact.held")}>
            {part.holds.map((hold) => `${hold.reason} (${hold.by})`).join(", ")}
          </Fact>
        )}
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
