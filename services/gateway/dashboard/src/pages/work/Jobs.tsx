// The list of jobs with its filters, and the one that is looked at beside it.

import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback, useMediaQuery } from "@mantine/hooks";
import { IconFilterOff, IconPlus, IconSearch } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "@/api/session";
import { Chips } from "@/parts/Chips";
import { type Column, DataTable } from "@/parts/DataTable";
import { count } from "@/parts/numbers";
import { Empty, Failed, LoadingRows } from "@/parts/States";
import split from "@/parts/split.module.css";
import { ago, dateTime, duration, useNow } from "@/parts/time";
import { useFilters } from "@/parts/useFilters";
import { JobPanel } from "./JobPanel";
import { type Job, jobsQuery, ranSeconds } from "./jobs";
import { queuesQuery } from "./Queues";
import { StatusTag } from "./StatusTag";
import { SubmitJob } from "./SubmitJob";
import { useJobsLive } from "./useJobsLive";
import styles from "./work.module.css";

const BESIDE = new Set(["status", "name", "age"]);
const TABLET = new Set(["status", "name", "queue", "progress", "age"]);
const STATES = ["", "waiting", "live", "failed", "over"] as const;

export function Jobs() {
  const { t } = useTranslation("work");
  const [filters, setFilters] = useFilters();
  useJobsLive();
  const asked = useInfiniteQuery(jobsQuery(filters));
  const jobs = asked.data?.pages.flatMap((page) => page.jobs) ?? [];
  const total = asked.data?.pages[0]?.total ?? null;
  const open = filters.job ?? null;
  const columns = useColumns();
  const tablet = useMediaQuery("(max-width: 1100px)");
  const few = open ? BESIDE : tablet ? TABLET : null;
  return (
    <div className={`${split.split} ${styles.wide}`} data-open={open !== null || undefined}>
      <div className={split.list}>
        <FilterBar total={total} />
        {asked.data === undefined ? (
          asked.error ? (
            <Failed error={asked.error} again={() => void asked.refetch()} />
          ) : (
            <LoadingRows rows={8} />
          )
        ) : jobs.length === 0 ? (
          <NoJobs />
        ) : (
          <DataTable
            label={t("section.jobs")}
            rows={jobs}
            columns={few ? columns.filter((column) => few.has(column.key)) : columns}
            rowKey={(job) => job.id}
            selected={open}
            onSelect={(job) => setFilters({ job: job.id })}
            onEnd={() => void (asked.hasNextPage && !asked.isFetching && asked.fetchNextPage())}
            className={split.grow ?? ""}
          />
        )}
      </div>
      {open && <JobPanel key={open} id={open} onClose={() => setFilters({ job: "", tab: "" })} />}
    </div>
  );
}

function useColumns(): Column<Job>[] {
  const { t } = useTranslation("work");
  return [
    { key: "status", title: t("job.status"), width: "150px", cell: (job) => <StatusTag job={job} /> },
    {
      key: "name",
      title: t("job.name"),
      width: "minmax(140px, 2fr)",
      cell: (job) => <strong className={styles.name}>{job.name}</strong>,
    },
    { key: "project", title: t("job.project"), width: "minmax(80px, 1fr)", cell: (job) => job.project },
    { key: "queue", title: t("job.queue"), width: "minmax(70px, 0.8fr)", cell: (job) => job.queue },
    { key: "device", title: t("job.device"), width: "minmax(80px, 1fr)", cell: (job) => job.device ?? "–" },
    { key: "progress", title: t("job.progress"), width: "150px", cell: (job) => <Progress job={job} /> },
    { key: "priority", title: t("job.priority"), width: "72px", align: "right", cell: (job) => job.priority },
    { key: "ran", title: t("job.ran"), width: "96px", align: "right", cell: (job) => <Ran job={job} /> },
    {
      key: "age",
      title: t("job.made"),
      width: "112px",
      align: "right",
      cell: (job) => <Age at={job.created_at} />,
    },
  ];
}

function Progress({ job }: { job: Job }) {
  if (job.progress <= 0 && job.status !== "running") return <>–</>;
  const percent = Math.round(job.progress * 100);
  return (
    <span className={styles.progress} data-status={job.status}>
      <span aria-hidden="true">
        <i style={{ width: `${percent}%` }} />
      </span>
      {percent} %
    </span>
  );
}

function Ran({ job }: { job: Job }) {
  const now = useNow();
  const seconds = ranSeconds(job, now);
  return <>{seconds === null ? "–" : duration(seconds)}</>;
}

export function Age({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={dateTime(at)}>
      {ago(at, now)}
    </time>
  );
}

function FilterBar({ total }: { total: number | null }) {
  const { t } = useTranslation("work");
  const may = useMay("configure");
  const [filters, setFilters] = useFilters();
  const [submitting, setSubmitting] = useState(false);
  const queues = useQuery(queuesQuery);
  const search = useDebouncedCallback((name: string) => setFilters({ name }), 400);
  const any = ["state", "queue", "name", "project", "device", "user"].some((name) => filters[name]);
  return (
    <div className={split.bar}>
      <Chips
        label={t("job.status")}
        choices={STATES.map((state) => ({ value: state, title: t(`state.${state || "all"}`) }))}
        value={filters.state ?? ""}
        onChange={(state) => setFilters({ state })}
      />
      <Select
        aria-label={t("job.queue")}
        placeholder={t("filter.queue")}
        clearable
        data={queues.data?.map(({ queue }) => queue.name) ?? []}
        value={filters.queue ?? null}
        onChange={(queue) => setFilters({ queue: queue ?? "" })}
        className={styles.narrow}
      />
      <TextInput
        key={filters.name ? "named" : "any"}
        aria-label={t("filter.name")}
        placeholder={t("filter.name")}
        leftSection={<IconSearch size={18} />}
        defaultValue={filters.name ?? ""}
        onChange={(event) => search(event.currentTarget.value.trim())}
        className={styles.narrow}
      />
      {any && (
        <Button
          variant="subtle"
          leftSection={<IconFilterOff size={18} />}
          onClick={() => setFilters({ state: "", queue: "", name: "", project: "", device: "", user: "" })}
        >
          {t("filter.none")}
        </Button>
      )}
      <span className={styles.total} role="status">
        {total !== null && t("job.total", { count: total, shown: count(total) })}
      </span>
      {may && (
        <Button leftSection={<IconPlus size={18} />} onClick={() => setSubmitting(true)}>
          {t("submit.open")}
        </Button>
      )}
      {submitting && (
        <SubmitJob
          onClose={() => setSubmitting(false)}
          onDone={(job) => {
            setSubmitting(false);
            setFilters({ job: job.id });
          }}
        />
      )}
    </div>
  );
}

function NoJobs() {
  const { t } = useTranslation("work");
  const [filters] = useFilters();
  const filtered = ["state", "queue", "name", "project"].some((name) => filters[name]);
  return (
    <Empty
      title={t(filtered ? "job.noneSuch" : "job.none")}
      text={filtered ? undefined : t("job.noneHint")}
    />
  );
}
