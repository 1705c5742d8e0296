// One training run: how far it is, its curves as they come, its lines, and what repeats it.

import { Button } from "@mantine/core";
import { IconPlayerStop, IconVersions } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { useMay } from "@/api/session";
import { withEntry } from "@/live/feeds";
import { ChartWithDownload } from "@/parts/Chart";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { count, decimal, percent } from "@/parts/numbers";
import { dateTime, duration, useNow } from "@/parts/time";
import { type Run, runsQuery } from "./asked";
import { Curves } from "./Curves";
import styles from "./models.module.css";
import { RunState } from "./Training";

export function RunCard({ run }: { run: Run }) {
  const { t } = useTranslation("models");
  const navigate = useNavigate();
  const live = run.status === "running" || run.status === "queued";
  const version = run.version_id;
  return (
    <section className={styles.card} aria-label={run.model_name || run.id} data-run-card={run.id}>
      <header>
        <h2>{run.model_name || t(`kind.${run.kind}`)}</h2>
        <RunState run={run} />
        <span data-end className={styles.actions}>
          {live && <Stop run={run} />}
          {version && (
            <Button
              variant="default"
              leftSection={<IconVersions size={20} />}
              onClick={() => void navigate({ to: "/models/versions", search: { version } as never })}
            >
              {t("run.version")}
            </Button>
          )}
        </span>
      </header>
      <div className={styles.body}>
        {run.status !== "succeeded" && <Progress run={run} />}
        <Facts run={run} />
        {run.notes.map((note) => (
          <p key={note} className={styles.quiet}>
            {note}
          </p>
        ))}
        <Curves run={run} />
        <Metrics run={run} />
        {run.logs.length > 0 && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
          <section className={styles.log} aria-label={t("run.log")} tabIndex={0}>
            {run.logs.join("\n")}
          </section>
        )}
        {run.repeat && <Repeat repeat={run.repeat} />}
      </div>
    </section>
  );
}

function Stop({ run }: { run: Run }) {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const queries = useQueryClient();
  if (!may) return null;
  return (
    <ConfirmButton
      color="red.9"
      leftSection={<IconPlayerStop size={20} />}
      title={t("stop.title", { name: run.model_name || run.id })}
      effect={t("stop.effect")}
      verb={t("stop.verb")}
      act={async () => {
        const params = { path: { id: run.id } };
        const stopped = await take(api.POST("/api/v1/training/jobs/{id}/cancel", { params }));
        queries.setQueryData(runsQuery.queryKey, (known) => known && withEntry(known, stopped));
      }}
    >
      {t("stop.verb")}
    </ConfirmButton>
  );
}

function Progress({ run }: { run: Run }) {
  const { t } = useTranslation("models");
  return (
    <div>
      <p role="status">
        <b>{percent(run.progress, 0)}</b> {run.message}
      </p>
      <svg
        viewBox="0 0 100 8"
        preserveAspectRatio="none"
        className={styles.progress}
        role="img"
        aria-label={t("run.progress", { share: Math.round(100 * run.progress) })}
      >
        <rect width="100" height="8" data-part="room" />
        <rect width={100 * run.progress} height="8" data-part="done" />
      </svg>
    </div>
  );
}

function Facts({ run }: { run: Run }) {
  const { t } = useTranslation("models");
  const now = useNow();
  const ended = run.completed_at ? Date.parse(run.completed_at) : now;
  const facts: [string, string][] = [
    [t("filter.station"), run.station_id],
    [t("start.kind"), t(`kind.${run.kind}`)],
    [t("run.images"), t("run.imagesOf", { images: count(run.images), heldOut: count(run.held_out) })],
    [t("start.place"), run.job_id ? `${t(`place.${run.place}`)} · ${run.job_id}` : t(`place.${run.place}`)],
    [t("run.began"), run.started_at ? dateTime(run.started_at) : "–"],
    [t("run.took"), run.started_at ? duration((ended - Date.parse(run.started_at)) / 1000) : "–"],
    [t("run.by"), run.requested_by],
    [t("compare.dataset"), run.dataset_version?.slice(0, 12) ?? t("run.annotations")],
  ];
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Metrics({ run }: { run: Run }) {
  const { t } = useTranslation("models");
  const shares = useMemo(
    () =>
      Object.entries(run.metrics).filter(([, value]) => value >= 0 && value <= 1 && !Number.isInteger(value)),
    [run.metrics],
  );
  const option = useMemo(
    () => ({
      grid: { left: 8, right: 60, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", min: 0, max: 1 },
      yAxis: {
        type: "category",
        inverse: true,
        data: shares.map(([name]) => name.replaceAll("_", " ")),
        axisTick: { show: false },
      },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" } },
      series: [
        {
          type: "bar",
          data: shares.map(([, value]) => Number(value.toFixed(4))),
          barMaxWidth: 16,
          label: { show: true, position: "right", color: "inherit" },
        },
      ],
    }),
    [shares],
  );
  const entries = Object.entries(run.metrics);
  if (!entries.length) return null;
  return (
    <>
      {shares.length > 0 && (
        <ChartWithDownload
          title={t("run.metrics")}
          option={option}
          table={[["metric", "value"], ...entries]}
          file={`metrics-${run.id}`}
          height={Math.max(90, 30 * shares.length + 30)}
        />
      )}
      <dl className={styles.facts}>
        {entries
          .filter((each) => !shares.some(([name]) => name === each[0]))
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name.replaceAll("_", " ")}</dt>
              <dd>{Number.isInteger(value) ? count(value) : decimal(value, 2)}</dd>
            </div>
          ))}
      </dl>
    </>
  );
}

function Repeat({ repeat }: { repeat: NonNullable<Run["repeat"]> }) {
  const { t } = useTranslation("models");
  return (
    <details>
      <summary>{t("run.repeat")}</summary>
      <dl className={styles.facts}>
        {Object.entries(repeat).map(([name, value]) => (
          <div key={name}>
            <dt>{name.replaceAll("_", " ")}</dt>
            <dd className={styles.mono}>{value === null ? "–" : String(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
