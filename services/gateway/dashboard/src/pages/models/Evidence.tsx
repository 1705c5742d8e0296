// How a version did on parts that nothing of it was learned from.

import { Button } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { download } from "@/api/client";
import { decimal } from "@/parts/numbers";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import type { Evaluation } from "./asked";
import { Confusion, DecisionTable } from "./Confusion";
import { Interval } from "./Interval";
import { Misses } from "./Misses";
import styles from "./models.module.css";

const number = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : decimal(value, 3);

export function Evidence({ evaluation }: { evaluation: Evaluation }) {
  const { t } = useTranslation("models");
  const { all, latency } = evaluation;
  const report = `/api/v1/training/evaluations/${encodeURIComponent(evaluation.version_id)}/report`;
  const save = () => download(report, `${evaluation.version_id}.html`).catch(told.failed);
  return (
    <section className={styles.card} aria-label={t("evidence.title")}>
      <header>
        <h2>{t("evidence.title")}</h2>
        <span className={styles.quiet}>
          {t("evidence.about", {
            count: all.parts,
            set: evaluation.held_out.slice(0, 8),
            at: dateTime(evaluation.at),
          })}
        </span>
        {evaluation.report_key && (
          <Button
            data-end
            variant="default"
            leftSection={<IconFileDownload size={20} />}
            onClick={() => void save()}
          >
            {t("evidence.report")}
          </Button>
        )}
      </header>
      <div className={styles.body}>
        <dl className={styles.facts}>
          <Big name={t("figure.auroc")} value={number(all.image_auroc)} />
          <Big name={t("figure.pro")} value={number(evaluation.pixel_pro)} />
          <Big name={t("figure.map50")} value={number(evaluation.map50)} />
          {latency && (
            <Big
              name={t("figure.latency", { runtime: latency.runtime, device: latency.device })}
              value={`${decimal(latency.median_ms, 1)} ms`}
              more={t("figure.p95", { ms: decimal(latency.p95_ms, 1) })}
            />
          )}
        </dl>
        <dl className={styles.rates}>
          <Rated name={t("figure.falseAccept")}>
            <Interval rate={all.false_accept} tone="bad" />
          </Rated>
          <Rated name={t("figure.falseReject")}>
            <Interval rate={all.false_reject} tone="bad" />
          </Rated>
          <Rated name={t("figure.uncertain")}>
            <Interval rate={all.uncertain} tone="idle" />
          </Rated>
        </dl>
        {evaluation.notes?.map((note) => (
          <p key={note} className={styles.quiet}>
            {note}
          </p>
        ))}
        <DecisionTable evaluation={evaluation} />
        <Classes evaluation={evaluation} />
        <Confusion table={evaluation.region_confusion ?? {}} />
        <Misses evaluation={evaluation} report={report} />
      </div>
    </section>
  );
}

function Big({ name, value, more }: { name: string; value: string; more?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-big>{value}</dd>
      {more && <dd className={styles.quiet}>{more}</dd>}
    </div>
  );
}

function Rated({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Classes({ evaluation }: { evaluation: Evaluation }) {
  const { t } = useTranslation("models");
  const classes = Object.entries(evaluation.classes ?? {});
  if (!classes.length) return null;
  return (
    <div className={styles.scroll}>
      <h3>{t("classes.title")}</h3>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{t("classes.class")}</th>
            <th>{t("classes.regions")}</th>
            <th>{t("classes.named")}</th>
            <th>{t("classes.precision")}</th>
            <th>{t("classes.missed")}</th>
          </tr>
        </thead>
        <tbody>
          {classes.map(([name, each]) => (
            <tr key={name}>
              <td>{name}</td>
              <td>{each.regions}</td>
              <td>
                <Interval rate={each.named} tone="good" />
              </td>
              <td>{number(each.average_precision)}</td>
              <td>
                <Interval rate={each.missed} tone="bad" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
