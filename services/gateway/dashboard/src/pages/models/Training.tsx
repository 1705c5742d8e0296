// Training: what is being learned now with its curves, what was learned, and a new run.

import { Button, Select } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { stationsQuery } from "@/api/queries";
import { useMay } from "@/api/session";
import { Tag } from "@/parts/Tag";
import { ago, useNow } from "@/parts/time";
import { useFilters } from "@/parts/useFilters";
import { type Run, runsQuery } from "./asked";
import { Beside } from "./Beside";
import styles from "./models.module.css";
import { RunCard } from "./RunCard";
import { StartRun } from "./StartRun";

const TONES = { queued: "idle", running: "info", succeeded: "good", failed: "bad", stopped: "warn" } as const;

export const RunState = ({ run }: { run: Run }) => {
  const { t } = useTranslation("models");
  return <Tag tone={TONES[run.status]}>{t(`run.${run.status}`)}</Tag>;
};

export function Training() {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const [filters, change] = useFilters();
  const runs = useQuery(runsQuery);
  const stations = useQuery(stationsQuery);
  const [starting, setStarting] = useState(false);
  const shown = (runs.data ?? []).filter((each) => !filters.station || each.station_id === filters.station);
  const chosen = shown.find((each) => each.id === filters.run) ?? shown[0];
  return (
    <>
      <div className={styles.bar}>
        <Select
          label={t("filter.station")}
          placeholder={t("filter.all")}
          clearable
          clearButtonProps={{ "aria-label": t("filter.all") }}
          value={filters.station ?? null}
          onChange={(value) => change({ station: value ?? "", run: "" })}
          data={(stations.data ?? []).map((each) => ({ value: each.id, label: each.name || each.id }))}
        />
        {may && (
          <Button data-end leftSection={<IconPlayerPlay size={20} />} onClick={() => setStarting(true)}>
            {t("start.open")}
          </Button>
        )}
      </div>
      {starting && (
        <StartRun
          station={filters.station ?? null}
          dataset={filters.dataset ?? null}
          onClose={() => setStarting(false)}
          onStarted={(run) => change({ run: run.id, station: "" })}
        />
      )}
      <Beside
        query={runs}
        shown={shown}
        label={t("training.runs")}
        empty={{ title: t("training.empty"), text: t("training.emptyText") }}
        row={(each) => (
          <RunRow
            key={each.id}
            run={each}
            selected={each.id === chosen?.id}
            onSelect={() => change({ run: each.id }, "push")}
          />
        )}
      >
        {chosen && <RunCard key={chosen.id} run={chosen} />}
      </Beside>
    </>
  );
}

function RunRow({ run, selected, onSelect }: { run: Run; selected: boolean; onSelect: () => void }) {
  const { t } = useTranslation("models");
  const now = useNow();
  return (
    <button
      type="button"
      className={styles.pick}
      aria-current={selected || undefined}
      onClick={onSelect}
      data-run={run.id}
      data-status={run.status}
    >
      <span>
        <b>{run.model_name || t(`kind.${run.kind}`)}</b>
        <RunState run={run} />
      </span>
      <span className={styles.quiet}>
        {run.station_id} · {t(`kind.${run.kind}`)} · {ago(run.created_at, now)}
      </span>
    </button>
  );
}
