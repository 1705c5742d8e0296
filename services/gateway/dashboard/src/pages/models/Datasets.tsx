// Datasets: versions that never change, who stands for them, and how new ones are made.

import { Button, Select } from "@mantine/core";
import { IconFileImport, IconHammer } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "@/api/session";
import { Tag } from "@/parts/Tag";
import { ago, useNow } from "@/parts/time";
import { useFilters } from "@/parts/useFilters";
import { type Dataset, datasetsQuery } from "./asked";
import { Beside } from "./Beside";
import { BuildDataset } from "./BuildDataset";
import { DatasetCard } from "./DatasetCard";
import { ImportDataset } from "./ImportDataset";
import styles from "./models.module.css";

const TONES = { draft: "idle", approved: "good", rejected: "bad" } as const;

export function Approval({ version }: { version: Dataset }) {
  const { t } = useTranslation("models");
  const approval = version.approval ?? "draft";
  return <Tag tone={TONES[approval]}>{t(`approval.${approval}`)}</Tag>;
}

export function Datasets() {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const [filters, change] = useFilters();
  const datasets = useQuery(datasetsQuery);
  const [making, setMaking] = useState<"build" | "import" | null>(null);
  const names = [...new Set((datasets.data ?? []).map((each) => each.dataset))].sort();
  const shown = (datasets.data ?? []).filter((each) => !filters.dataset || each.dataset === filters.dataset);
  const chosen = datasets.data?.find((each) => each.id === filters.version) ?? shown[0];
  const made = (id: string) => change({ version: id, dataset: "" });
  return (
    <>
      <div className={styles.bar}>
        <Select
          label={t("dataset.name")}
          placeholder={t("filter.all")}
          clearable
          clearButtonProps={{ "aria-label": t("filter.all") }}
          value={filters.dataset ?? null}
          onChange={(value) => change({ dataset: value ?? "", version: "" })}
          data={names}
        />
        {may && (
          <span data-end className={styles.actions}>
            <Button
              variant="default"
              leftSection={<IconFileImport size={20} />}
              onClick={() => setMaking("import")}
            >
              {t("import.open")}
            </Button>
            <Button leftSection={<IconHammer size={20} />} onClick={() => setMaking("build")}>
              {t("build.open")}
            </Button>
          </span>
        )}
      </div>
      {making === "build" && <BuildDataset names={names} onClose={() => setMaking(null)} onMade={made} />}
      {making === "import" && <ImportDataset names={names} onClose={() => setMaking(null)} onMade={made} />}
      <Beside
        query={datasets}
        shown={shown}
        rows={4}
        label={t("dataset.versions")}
        empty={{ title: t("dataset.empty"), text: t("dataset.emptyText") }}
        row={(each) => (
          <Row
            key={each.id}
            version={each}
            selected={each.id === chosen?.id}
            onSelect={() => change({ version: each.id }, "push")}
          />
        )}
      >
        {chosen && <DatasetCard key={chosen.id} version={chosen} all={datasets.data ?? []} />}
      </Beside>
    </>
  );
}

function Row({ version, selected, onSelect }: { version: Dataset; selected: boolean; onSelect: () => void }) {
  const { t } = useTranslation("models");
  const now = useNow();
  return (
    <button
      type="button"
      className={styles.pick}
      aria-current={selected || undefined}
      onClick={onSelect}
      data-dataset={version.id}
    >
      <span>
        <b>
          {version.dataset} {version.number}
        </b>
        <Approval version={version} />
      </span>
      <span className={styles.quiet}>
        {t("dataset.samples", { count: version.counts.samples })} · {ago(version.created_at, now)} ·{" "}
        {version.by}
      </span>
    </button>
  );
}
