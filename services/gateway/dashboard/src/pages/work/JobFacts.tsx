// The facts of a job: progress, metrics, what it asks for; its attempts; what happened to it.

import { Progress } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { decimal } from "@/parts/numbers";
import { Empty } from "@/parts/States";
import { Tag, type Tone } from "@/parts/Tag";
import { dateTime, duration, useNow } from "@/parts/time";
import styles from "./JobPanel.module.css";
import { commandLine, type Job, ranSeconds } from "./jobs";

const OUTCOMES: Readonly<Record<Schemas["AttemptOutcome"], Tone>> = {
  succeeded: "good",
  failed: "bad",
  infrastructure: "bad",
  lost: "warn",
  stopped: "idle",
  cancelled: "idle",
  unconfirmed: "warn",
  released: "idle",
};

export function Overview({ job }: { job: Job }) {
  const { t } = useTranslation("work");
  const now = useNow();
  const ran = ranSeconds(job, now);
  const needs = job.requirements;
  const asks = [
    needs.cpu ? t("needs.cpu", { count: needs.cpu }) : "",
    needs.memory_gb ? t("needs.memory", { gb: needs.memory_gb }) : "",
    needs.gpu ? t("needs.gpu", { count: needs.gpu }) : "",
    ...needs.labels,
  ].filter(Boolean);
  const step = job.step !== null ? `${job.step}${job.total_steps ? ` / ${job.total_steps}` : ""}` : null;
  return (
    <div className={styles.overview}>
      {(job.progress > 0 || job.status === "running") && (
        <div>
          <Progress value={job.progress * 100} size="lg" aria-label={t("job.progress")} />
          <p className={styles.quiet}>
            {Math.round(job.progress * 100)} %{step && ` · ${t("job.step", { step })}`}
            {job.progress_message && ` · ${job.progress_message}`}
          </p>
        </div>
      )}
      {job.error && (
        <p className={styles.error} role="alert">
          {job.error}
        </p>
      )}
      <Metrics metrics={job.metrics} />
      <dl className={styles.facts}>
        <Fact name={t("job.command")}>
          <code>{commandLine(job.spec.command) || "–"}</code>
        </Fact>
        <Fact name={t("job.project")}>{job.project}</Fact>
        <Fact name={t("job.queue")}>
          {job.queue} · {t("job.priority")} {job.priority}
        </Fact>
        <Fact name={t("job.user")}>{job.user}</Fact>
        <Fact name={t("job.device")}>{job.device ?? "–"}</Fact>
        <Fact name={t("job.needs")}>{asks.join(", ") || t("needs.nothing")}</Fact>
        <Fact name={t("job.made")}>{dateTime(job.created_at)}</Fact>
        {job.not_before && Date.parse(job.not_before) > now && (
          <Fact name={t("job.notBefore")}>{dateTime(job.not_before)}</Fact>
        )}
        <Fact name={t("job.ran")}>{ran === null ? "–" : duration(ran)}</Fact>
        {job.exit_code !== null && <Fact name={t("job.exitCode")}>{job.exit_code}</Fact>}
        <Fact name={t("job.retries")}>
          {job.retry_count} / {job.max_retries}
        </Fact>
        {job.tags.length > 0 && <Fact name={t("job.tags")}>{job.tags.join(", ")}</Fact>}
        <Fact name="ID">
          <code>{job.aliases.cvlab ?? job.id}</code>
        </Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Metrics({ metrics }: { metrics: Job["metrics"] }) {
  const { t } = useTranslation("work");
  const known = Object.entries(metrics ?? {}).sort(([one], [other]) => one.localeCompare(other));
  if (!known.length) return null;
  return (
    <dl className={styles.metrics} aria-label={t("job.metrics")}>
      {known.slice(0, 60).map(([name, value]) => (
        <div key={name}>
          <dt title={name}>{name}</dt>
          <dd>
            {Math.abs(value) >= 1e5
              ? value.toExponential(3)
              : decimal(value, Number.isInteger(value) ? 0 : 4)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Attempts({ attempts }: { attempts: readonly Schemas["Attempt"][] }) {
  const { t } = useTranslation("work");
  const now = useNow();
  if (!attempts.length) return <Empty title={t("attempt.none")} />;
  return (
    <ol className={styles.attempts}>
      {[...attempts].reverse().map((attempt) => {
        const ran = ranSeconds(
          { started_at: attempt.started_at ?? null, ended_at: attempt.ended_at ?? null },
          now,
        );
        return (
          <li key={attempt.number}>
            <header>
              <strong>{t("attempt.number", { number: attempt.number })}</strong>
              <Tag tone={attempt.outcome ? OUTCOMES[attempt.outcome] : "info"}>
                {t(`outcome.${attempt.outcome ?? "going"}`)}
              </Tag>
            </header>
            <p>
              {attempt.device ?? t("attempt.noDevice")} · {dateTime(attempt.leased_at)}
              {ran !== null && ` · ${duration(ran)}`}
              {attempt.exit_code !== null && ` · ${t("job.exitCode")} ${attempt.exit_code}`}
            </p>
            {(attempt.reason || attempt.message) && (
              <p className={styles.why}>{[attempt.reason, attempt.message].filter(Boolean).join(": ")}</p>
            )}
          </li>
        );
      })}
    </ol>
  );
}

export function Happened({ entries }: { entries: readonly Schemas["HistoryEntry"][] }) {
  const { t } = useTranslation("work");
  return (
    <ol className={styles.happened}>
      {[...entries].reverse().map((entry) => (
        <li key={entry.version}>
          <time dateTime={entry.at}>{dateTime(entry.at)}</time>
          <div>
            <strong>{t(`status.${entry.status}`)}</strong>
            {entry.by && <span> · {entry.by}</span>}
            <p>{[entry.reason, entry.message].filter(Boolean).join(": ")}</p>
          </div>
        </li>
      ))}
    </ol>
  );
}
