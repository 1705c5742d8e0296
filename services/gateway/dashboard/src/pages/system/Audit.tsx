// Who did what: filtered, as far back as there is, and whether every entry is what was written.

import { ActionIcon, Button, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconDownload, IconShieldCheck, IconShieldX, IconX } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, type Schemas, saveAs, take } from "@/api/client";
import { csv } from "@/parts/csv";
import { type Column, DataTable } from "@/parts/DataTable";
import { messageOf } from "@/parts/fields";
import { count } from "@/parts/numbers";
import { Empty, Failed, LoadingRows } from "@/parts/States";
import { Tag, type Tone } from "@/parts/Tag";
import { dateTime } from "@/parts/time";
import { type Filters, useFilters } from "@/parts/useFilters";
import styles from "./system.module.css";

type Entry = Schemas["EntryView"];
const TONES: Readonly<Record<Entry["outcome"], Tone>> = { done: "good", refused: "warn", failed: "bad" };
const KINDS = [
  "auth.*",
  "auth.session.*",
  "auth.user.*",
  "auth.key.*",
  "opcua.*",
  "POST *",
  "PUT *",
  "DELETE *",
];

/** A day in this browser's zone as the moment it begins, or the next one does. */
function moment(day: string | undefined, next = 0): string | undefined {
  if (!day) return undefined;
  const date = new Date(`${day}T00:00:00`);
  if (Number.isNaN(date.getTime())) return undefined;
  date.setDate(date.getDate() + next);
  return date.toISOString();
}

function wanted(filters: Filters) {
  const [since, until] = [moment(filters.since), moment(filters.until, 1)];
  return {
    ...(filters.actor ? { actor: filters.actor } : {}),
    ...(filters.action ? { action: filters.action } : {}),
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
  };
}

export function Audit() {
  const { t } = useTranslation("system");
  const [filters, setFilters] = useFilters();
  const where = wanted(filters);
  const asked = useInfiniteQuery({
    queryKey: ["audit", where],
    staleTime: 0,
    queryFn: ({ signal, pageParam }) => {
      const query = { ...where, limit: 200, ...(pageParam ? { before: pageParam } : {}) };
      return take(api.GET("/api/v1/audit", { signal, params: { query } }));
    },
    initialPageParam: 0,
    getNextPageParam: (last) => last.next_before ?? undefined,
  });
  const entries = asked.data?.pages.flatMap((page) => page.entries) ?? [];
  const columns = useColumns();
  const shown = entries.find((entry) => entry.id === filters.entry);
  return (
    <div className={styles.full}>
      <div className={styles.bar}>
        <FilterBar />
        <div className={styles.right}>
          <ActionIcon
            aria-label={t("audit.download")}
            title={t("audit.download")}
            disabled={!entries.length}
            onClick={() => save(entries)}
          >
            <IconDownload />
          </ActionIcon>
        </div>
      </div>
      <Chain />
      {asked.data === undefined ? (
        asked.error ? (
          <Failed error={asked.error} again={() => void asked.refetch()} />
        ) : (
          <LoadingRows rows={10} />
        )
      ) : entries.length === 0 ? (
        <Empty title={t("audit.none")} />
      ) : (
        <div className={styles.audit} data-open={shown !== undefined || undefined}>
          <DataTable
            label={t("section.audit")}
            rows={entries}
            columns={shown ? columns.filter((column) => column.key !== "address") : columns}
            rowKey={(entry) => entry.id}
            selected={filters.entry ?? null}
            onSelect={(entry) => setFilters({ entry: entry.id })}
            onEnd={() => void (asked.hasNextPage && !asked.isFetching && asked.fetchNextPage())}
          />
          {shown && <Details entry={shown} onClose={() => setFilters({ entry: "" })} />}
        </div>
      )}
    </div>
  );
}

function FilterBar() {
  const { t } = useTranslation("system");
  const [filters, setFilters] = useFilters();
  const typed = useDebouncedCallback((actor: string) => setFilters({ actor }), 400);
  return (
    <>
      <TextInput
        aria-label={t("audit.actor")}
        placeholder={t("audit.actor")}
        defaultValue={filters.actor ?? ""}
        onChange={(event) => typed(event.currentTarget.value.trim())}
        className={styles.narrow}
      />
      <Select
        aria-label={t("audit.action")}
        placeholder={t("audit.action")}
        clearable
        data={KINDS}
        value={filters.action ?? null}
        onChange={(action) => setFilters({ action: action ?? "" })}
        className={styles.narrow}
      />
      {(["since", "until"] as const).map((side) => (
        <TextInput
          key={side}
          type="date"
          aria-label={t(`audit.${side}`)}
          title={t(`audit.${side}`)}
          value={filters[side] ?? ""}
          onChange={(event) => setFilters({ [side]: event.currentTarget.value })}
        />
      ))}
    </>
  );
}

function Chain() {
  const { t } = useTranslation("system");
  const verify = useMutation({ mutationFn: () => take(api.GET("/api/v1/audit/verify")) });
  const { data, error } = verify;
  return (
    <div className={styles.chain} role="status">
      <Button
        variant="default"
        leftSection={<IconShieldCheck size={18} />}
        loading={verify.isPending}
        onClick={() => verify.mutate()}
      >
        {t("chain.verify")}
      </Button>
      {error && <Tag tone="bad">{messageOf(error)}</Tag>}
      {data && data.broken_at === null && (
        <>
          <Tag tone="good" icon={IconShieldCheck}>
            {t("chain.holds", { count: data.sequence, shown: count(data.sequence) })}
          </Tag>
          <code title={t("chain.note")}>
            {data.sequence}:{data.hash}
          </code>
        </>
      )}
      {data && data.broken_at !== null && (
        <Tag tone="bad" icon={IconShieldX}>
          {t("chain.broken", { at: data.broken_at, why: data.why })}
        </Tag>
      )}
      {!data && !error && <span className={styles.hint}>{t("chain.hint")}</span>}
    </div>
  );
}

function useColumns(): Column<Entry>[] {
  const { t } = useTranslation("system");
  return [
    { key: "sequence", title: "#", width: "68px", align: "right", cell: (entry) => entry.sequence },
    { key: "at", title: t("audit.at"), width: "176px", cell: (entry) => dateTime(entry.at) },
    {
      key: "actor",
      title: t("audit.who"),
      width: "minmax(90px, 0.8fr)",
      cell: (entry) => entry.actor.name || entry.actor.id,
    },
    { key: "action", title: t("audit.what"), width: "minmax(160px, 1.8fr)", cell: (entry) => entry.action },
    { key: "target", title: t("audit.target"), cell: (entry) => entry.target },
    {
      key: "outcome",
      title: t("audit.outcome"),
      width: "110px",
      cell: (entry) => <Tag tone={TONES[entry.outcome]}>{t(`outcome.${entry.outcome}`)}</Tag>,
    },
    { key: "address", title: t("audit.address"), width: "128px", cell: (entry) => entry.address },
  ];
}

function Details({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { t } = useTranslation("system");
  const { t: parts } = useTranslation("shared");
  const facts: [string, string][] = [
    [t("audit.at"), dateTime(entry.at)],
    [t("audit.who"), `${entry.actor.name} (${entry.actor.kind}, ${entry.actor.id})`],
    [t("audit.what"), entry.action],
    [t("audit.target"), entry.target || "–"],
    [t("audit.outcome"), t(`outcome.${entry.outcome}`)],
    [t("audit.address"), entry.address || "–"],
    ...Object.entries(entry.details),
    [t("audit.trace"), entry.trace_id],
    [t("audit.previous"), entry.previous],
    [t("audit.hash"), entry.hash],
  ];
  return (
    <aside className={styles.details} aria-label={t("audit.entry", { sequence: entry.sequence })}>
      <header>
        <h2>{t("audit.entry", { sequence: entry.sequence })}</h2>
        <ActionIcon aria-label={parts("close")} title={parts("close")} onClick={onClose}>
          <IconX />
        </ActionIcon>
      </header>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </aside>
  );
}

function save(entries: readonly Entry[]): void {
  const rows = entries.map((entry) => [
    entry.sequence,
    entry.at,
    entry.actor.name,
    entry.actor.kind,
    entry.action,
    entry.target,
    entry.outcome,
    entry.address,
    JSON.stringify(entry.details),
    entry.trace_id,
    entry.hash,
  ]);
  const head = [
    "sequence",
    "at",
    "actor",
    "kind",
    "action",
    "target",
    "outcome",
    "address",
    "details",
    "trace_id",
    "hash",
  ];
  saveAs(new Blob([csv([head, ...rows])], { type: "text/csv;charset=utf-8" }), "audit.csv");
}
