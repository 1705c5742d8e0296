// One job: what it is, how it goes, what it printed, what was tried.

import { ActionIcon, Tabs } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Asked, LoadingRows } from "@/parts/States";
import { useFilters } from "@/parts/useFilters";
import { JobActions } from "./JobActions";
import { Attempts, Happened, Overview } from "./JobFacts";
import styles from "./JobPanel.module.css";
import { jobQuery } from "./jobs";
import { LogView } from "./LogView";
import { StatusTag } from "./StatusTag";

const TABS = ["overview", "log", "attempts", "history"] as const;

export function JobPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation("work");
  const { t: parts } = useTranslation("shared");
  const [filters, setFilters] = useFilters();
  const asked = useQuery(jobQuery(id));
  const tab = TABS.find((each) => each === filters.tab) ?? "overview";
  return (
    <aside className={styles.panel} aria-label={asked.data?.job.name ?? t("section.jobs")}>
      <Asked query={asked} loading={<LoadingRows rows={5} />}>
        {(history) => (
          <>
            <header className={styles.head}>
              <h2 title={history.job.id}>{history.job.name}</h2>
              <StatusTag job={history.job} />
              <ActionIcon
                aria-label={parts("close")}
                title={parts("close")}
                onClick={onClose}
                className={styles.close}
              >
                <IconX />
              </ActionIcon>
            </header>
            <JobActions job={history.job} />
            <Tabs
              value={tab}
              onChange={(value) => setFilters({ tab: value === "overview" ? "" : (value ?? "") })}
              keepMounted={false}
              classNames={{ root: styles.tabs ?? "", panel: styles.body ?? "" }}
            >
              <Tabs.List>
                {TABS.map((each) => (
                  <Tabs.Tab key={each} value={each}>
                    {t(`job.tab.${each}`)}
                  </Tabs.Tab>
                ))}
              </Tabs.List>
              <Tabs.Panel value="overview">
                <Overview job={history.job} />
              </Tabs.Panel>
              <Tabs.Panel value="log">
                <LogView job={history.job} />
              </Tabs.Panel>
              <Tabs.Panel value="attempts">
                <Attempts attempts={history.attempts} />
              </Tabs.Panel>
              <Tabs.Panel value="history">
                <Happened entries={history.entries} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Asked>
    </aside>
  );
}
