import { useTranslation } from "react-i18next";
import { Tag } from "@/parts/Tag";
import { type Job, LOOK } from "./jobs";

export function StatusTag({ job }: { job: Pick<Job, "status" | "stop_requested" | "pause_requested"> }) {
  const { t } = useTranslation("work");
  const { tone, icon } = LOOK[job.status];
  const asked = job.stop_requested ? "stopping" : job.pause_requested ? "pausing" : null;
  if (asked && (tone === "info" || job.status === "lost")) {
    return (
      <Tag tone="warn" icon={icon}>
        {t(`status.${asked}`)}
      </Tag>
    );
  }
  return (
    <Tag tone={tone} icon={icon}>
      {t(`status.${job.status}`)}
    </Tag>
  );
}
