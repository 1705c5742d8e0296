// What workers keep the same on the server: each experiment, each file, what grows and how far behind it is.

import { IconCloudOff } from "@tabler/icons-react";
import { queryOptions, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, download, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useLive } from "@/live/live";
import { Chips } from "@/parts/Chips";
import { type Column, DataTable } from "@/parts/DataTable";
import { bytes, decimal } from "@/parts/numbers";
import { Asked, Empty, Failed, LoadingRows, Notice } from "@/parts/States";
import split from "@/parts/split.module.css";
import { Tag, type Tone } from "@/parts/Tag";
import { useNow } from "@/parts/time";
import { told } from "@/parts/toasts";
import { useFilters } from "@/parts/useFilters";
import panel from "./JobPanel.module.css";
import { Age } from "./Jobs";
import { rateOf, type Seen } from "./rates";
import { useLater } from "./useJobsLive";
import styles from "./work.module.css";

type Experiment = Schemas["andon__gateway__cvlab__sync__views__ExperimentView"];
type File = Schemas["andon__gateway__cvlab__sync__views__FileView"];

const TONES: Readonly<Record<Schemas["SyncStatus"], Tone>> = {
  pending: "idle",
  syncing: "info",
  synced: "good",
  failed: "bad",
  outdated: "warn",
};
const GROWING_MS = 15_000;

const filesQuery = (uid: string) =>
  queryOptions({
    queryKey: ["synced", "files", uid],
    queryFn: async ({ signal }) => {
      const query = { limit: 1000 };
      const found = await take(
        api.GET("/api/sync/files/{uid}", { signal, params: { path: { uid }, query } }),
      );
      return { experiment: found.experiment, files: [...found.files], more: found.next !== null };
    },
  });

export function Synced() {
  const { t } = useTranslation("work");
  const [filters, setFilters] = useFilters();
  const asked = useInfiniteQuery({
    queryKey: ["synced", "list", filters.sync ?? ""],
    queryFn: ({ signal, pageParam }) => {
      const status = (filters.sync || undefined) as Schemas["SyncStatus"] | undefined;
      const query = { limit: 200, ...(pageParam ? { after: pageParam } : {}), ...(status ? { status } : {}) };
      return take(api.GET("/api/sync/experiments", { signal, params: { query } }));
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
  });
  const later = useLater(() => void queries.invalidateQueries({ queryKey: ["synced", "list"] }));
  useLive("sync.experiment.changed.v1", later);
  const rows = asked.data?.pages.flatMap((page) => page.experiments) ?? [];
  const open = filters.uid ?? null;
  const columns = useColumns(open !== null);
  return (
    <div className={`${split.split} ${styles.wide}`} data-open={open !== null || undefined}>
      <div className={split.list}>
        <div className={split.bar}>
          <Chips
            label={t("job.status")}
            choices={["", ...Object.keys(TONES)].map((status) => ({
              value: status,
              title: t(status ? `sync.${status}` : "state.all"),
            }))}
            value={filters.sync ?? ""}
            onChange={(sync) => setFilters({ sync })}
          />
        </div>
        {asked.data === undefined ? (
          asked.error ? (
            <Failed error={asked.error} again={() => void asked.refetch()} />
          ) : (
            <LoadingRows rows={8} />
          )
        ) : rows.length === 0 ? (
          filters.sync ? (
            <Empty title={t("sync.noneSuch")} />
          ) : (
            <Notice
              icon={IconCloudOff}
              title={t("sync.none")}
              text={<code>andon sync FOLDER --uid …</code>}
            />
          )
        ) : (
          <DataTable
            label={t("section.sync")}
            rows={rows}
            columns={columns}
            rowKey={(each) => each.uid}
            selected={open}
            onSelect={(each) => setFilters({ uid: each.uid })}
            onEnd={() => void (asked.hasNextPage && !asked.isFetching && asked.fetchNextPage())}
            className={split.grow ?? ""}
          />
        )}
      </div>
      {open && <Files key={open} uid={open} />}
    </div>
  );
}

function useColumns(narrow: boolean): Column<Experiment>[] {
  const { t } = useTranslation("work");
  const checkpoint = (each: Experiment) =>
    Object.entries(each.checkpoint)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  const all: Column<Experiment>[] = [
    {
      key: "status",
      title: t("job.status"),
      width: "140px",
      cell: (each) => <Tag tone={TONES[each.status]}>{t(`sync.${each.status}`)}</Tag>,
    },
    {
      key: "uid",
      title: t("sync.experiment"),
      width: "minmax(140px, 1.2fr)",
      cell: (each) => <strong className={styles.name}>{each.uid}</strong>,
    },
    { key: "host", title: t("sync.worker"), cell: (each) => each.host ?? "–" },
    {
      key: "at",
      title: t("sync.whole"),
      width: "130px",
      cell: (each) => (each.last_synced_at ? <Age at={each.last_synced_at} /> : "–"),
    },
    { key: "checkpoint", title: t("sync.checkpoint"), cell: (each) => checkpoint(each) || "–" },
    { key: "error", title: t("sync.error"), width: "minmax(0, 1.5fr)", cell: (each) => each.error ?? "" },
  ];
  return narrow ? all.slice(0, 2) : all;
}

function Files({ uid }: { uid: string }) {
  const { t } = useTranslation("work");
  const [, setFilters] = useFilters();
  const asked = useQuery(filesQuery(uid));
  const seen = useRef(new Map<string, Seen>());
  const [, drawn] = useState(0);
  useLive("sync.file.changed.v1", (heard) => {
    if (heard.uid !== uid) return;
    seen.current.set(heard.path, rateOf(seen.current.get(heard.path), heard));
    drawn((count) => count + 1);
    const { path, generation, size, at } = heard;
    queries.setQueryData(filesQuery(uid).queryKey, (known) => {
      if (!known?.files.some((file) => file.path === path)) return known;
      const change = { generation, size, last_synced_at: at, sha256: null, xxh3: null };
      return {
        ...known,
        files: known.files.map((file) => (file.path === path ? { ...file, ...change } : file)),
      };
    });
    if (!asked.data?.files.some((file) => file.path === path)) {
      void queries.invalidateQueries({ queryKey: ["synced", "files", uid] });
    }
  });
  return (
    <aside className={panel.panel} aria-label={uid}>
      <header className={panel.head}>
        <h2>{uid}</h2>
        <button type="button" className={styles.close} onClick={() => setFilters({ uid: "" })}>
          {t("sync.close")}
        </button>
      </header>
      <Asked
        query={asked}
        loading={<LoadingRows rows={6} />}
        isEmpty={({ files }) => files.length === 0}
        empty={<Empty title={t("sync.noFiles")} />}
      >
        {({ files, more }) => (
          <>
            <p className={panel.quiet}>
              {t("sync.files", { count: files.length })} ·{" "}
              {bytes(files.reduce((sum, file) => sum + file.size, 0))}
              {more && ` · ${t("sync.first")}`}
            </p>
            <FileTable uid={uid} files={files} seen={seen.current} />
          </>
        )}
      </Asked>
    </aside>
  );
}

function FileTable({
  uid,
  files,
  seen,
}: {
  uid: string;
  files: readonly File[];
  seen: ReadonlyMap<string, Seen>;
}) {
  const { t } = useTranslation("work");
  const now = useNow();
  const grows = (file: File) => now - Date.parse(file.last_synced_at) < GROWING_MS;
  const columns: Column<File>[] = [
    {
      key: "path",
      title: t("sync.file"),
      width: "minmax(120px, 1.6fr)",
      cell: (file) => <span title={file.path}>{file.path}</span>,
    },
    {
      key: "size",
      title: t("component.size"),
      width: "92px",
      align: "right",
      cell: (file) => bytes(file.size),
    },
    {
      key: "growth",
      title: t("sync.growth"),
      width: "128px",
      cell: (file) => {
        const rate = seen.get(file.path)?.rate ?? 0;
        if (!grows(file))
          return (
            <Tag tone={file.sha256 ? "good" : "idle"}>{t(file.sha256 ? "sync.compared" : "sync.still")}</Tag>
          );
        return <Tag tone="info">{rate > 0 ? `+${bytes(Math.round(rate))}/s` : t("sync.grows")}</Tag>;
      },
    },
    {
      key: "lag",
      title: t("sync.lag"),
      width: "84px",
      align: "right",
      cell: (file) => {
        const lag = seen.get(file.path)?.lag;
        return lag === undefined ? <Age at={file.last_synced_at} /> : `${decimal(lag, 1)} s`;
      },
    },
  ];
  const save = (file: File) =>
    void download(
      `/api/sync/files/${encodeURIComponent(uid)}/${file.path.split("/").map(encodeURIComponent).join("/")}`,
      file.path.split("/").at(-1) ?? uid,
    ).catch(told.failed);
  return (
    <DataTable
      label={t("sync.files", { count: files.length })}
      rows={[...files].sort((one, other) => other.last_synced_at.localeCompare(one.last_synced_at))}
      columns={columns}
      rowKey={(file) => file.path}
      onSelect={save}
      className={split.grow ?? ""}
    />
  );
}
