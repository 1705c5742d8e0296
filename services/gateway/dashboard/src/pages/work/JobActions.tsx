// What can be done about a job.

import { Button, Group, Menu } from "@mantine/core";
import {
  IconArrowsSort,
  IconCheck,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
  IconRepeat,
} from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { Problem } from "@/api/problem";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { told } from "@/parts/toasts";
import { useFilters } from "@/parts/useFilters";
import { isOver, type Job } from "./jobs";

const PRIORITIES = { urgent: 100, high: 80, normal: 50, low: 20 } as const;
const STANDS = new Set(["queued", "running", "leased", "preparing"]);

const anew = () => void queries.invalidateQueries({ queryKey: ["jobs"] });

export function JobActions({ job }: { job: Job }) {
  const { t } = useTranslation("work");
  if (!useMay("configure")) return null;
  const params = { path: { job_id: job.id } };
  const over = isOver(job.status);
  return (
    <Group gap={8}>
      {!over && (
        <ConfirmButton
          color="red"
          variant="light"
          leftSection={<IconPlayerStop size={18} />}
          title={t("cancel.title", { name: job.name })}
          effect={t(job.device ? "cancel.running" : "cancel.waiting", { device: job.device ?? "" })}
          verb={t("cancel.do")}
          act={() => take(api.POST("/api/v1/jobs/{job_id}/cancel", { params })).then(anew)}
        >
          {t("cancel.open")}
        </ConfirmButton>
      )}
      <Hold job={job} />
      {["queued", "paused", "draft"].includes(job.status) && !job.device && <Hurry job={job} />}
      {over && <Again job={job} />}
    </Group>
  );
}

function Hold({ job }: { job: Job }) {
  const { t } = useTranslation("work");
  const held = job.status === "paused" || job.pause_requested;
  const act = useMutation({
    mutationFn: () => {
      const params = { path: { job_id: job.id } };
      return take(
        held
          ? api.POST("/api/v1/jobs/{job_id}/resume", { params })
          : api.POST("/api/v1/jobs/{job_id}/pause", { params }),
      );
    },
    onSuccess: anew,
    onError: told.failed,
  });
  if (!held && !STANDS.has(job.status)) return null;
  const Shown = held ? IconPlayerPlay : IconPlayerPause;
  return (
    <Button
      variant="default"
      loading={act.isPending}
      leftSection={<Shown size={18} />}
      onClick={() => act.mutate()}
    >
      {t(held ? "resume" : "pause")}
    </Button>
  );
}

function Hurry({ job }: { job: Job }) {
  const { t } = useTranslation("work");
  const act = useMutation({
    mutationFn: (priority: number) =>
      take(
        api.POST("/api/v1/jobs/{job_id}/priority", {
          params: { path: { job_id: job.id } },
          body: { priority },
        }),
      ),
    onSuccess: anew,
    onError: told.failed,
  });
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" leftSection={<IconArrowsSort size={18} />} loading={act.isPending}>
          {t("job.priority")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(PRIORITIES).map(([name, value]) => (
          <Menu.Item
            key={name}
            onClick={() => act.mutate(value)}
            rightSection={job.priority === value ? <IconCheck size={18} /> : null}
          >
            {t(`priority.${name}`)} ({value})
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Again({ job }: { job: Job }) {
  const { t } = useTranslation("work");
  const [, setFilters] = useFilters();
  const params = { path: { job_id: job.id } };
  const run = async (anyway: boolean) => {
    const { job: next } = await take(
      api.POST("/api/v1/jobs/{job_id}/again", { params: { ...params, query: { anyway } } }),
    );
    anew();
    told.done(t("again.done", { name: next.name }));
    setFilters({ job: next.id, tab: "" });
  };
  const same = useMutation({ mutationFn: () => run(false), onError: told.failed });
  // Why it would not be the same is told by the refusal; going on nevertheless is asked for again.
  if (same.error instanceof Problem && same.error.status === 409) {
    return (
      <ConfirmButton
        color="yellow"
        variant="light"
        leftSection={<IconRepeat size={18} />}
        title={t("again.title", { name: job.name })}
        effect={same.error.message}
        verb={t("again.anyway")}
        act={() => run(true)}
      >
        {t("again.anyway")}
      </ConfirmButton>
    );
  }
  return (
    <Button
      variant="default"
      leftSection={<IconRepeat size={18} />}
      loading={same.isPending}
      onClick={() => same.mutate()}
    >
      {t("again.open")}
    </Button>
  );
}
