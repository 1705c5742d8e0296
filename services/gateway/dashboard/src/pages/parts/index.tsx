// Parts: the list that the filters ask for, one part in full, or where its verdict came from.

import { ActionIcon, Kbd, Modal } from "@mantine/core";
import { IconKeyboard } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useLocation, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { queries, stationsQuery } from "@/api/queries";
import type { Part } from "@/parts/PartImage";
import { Empty, Failed, LoadingPage } from "@/parts/States";
import { Detail } from "./Detail";
import { FilterBar } from "./FilterBar";
import { ALL, countable, type Filters, filtersOf, searchOf } from "./filters";
import { type Keys as KeyMap, useKeys } from "./keys";
import { Lineage } from "./Lineage";
import { List, type Listed } from "./List";
import { flat, listQuery, partQuery, totalQuery } from "./list";
import type { Mark } from "./Pane";
import styles from "./parts.module.css";
import { FIRST_SIGHT, type Sight } from "./Viewer";
import { WHOLE } from "./zoom";

export default function Parts() {
  const { partId } = useParams({ strict: false }) as { partId?: string };
  const lineage = useLocation({ select: ({ pathname }) => pathname.endsWith("/lineage") });
  if (lineage && partId) return <Lineage key={partId} partId={partId} />;
  return <Triage partId={partId ?? null} />;
}

function Triage({ partId }: { partId: string | null }) {
  const navigate = useNavigate();
  const written = useSearch({ strict: false }) as Record<string, unknown>;
  const filters = useMemo(() => filtersOf(written), [written]);
  const search = useRef<HTMLInputElement>(null);
  const { list, parts } = useList(filters, (next) => onFilters(next));
  const onFilters = (next: Filters) => void navigate({ to: "/parts", search: searchOf(next) as never });
  const select = useCallback(
    (part: Part, replace = true) =>
      void navigate({
        to: `/parts/${encodeURIComponent(part.id)}`,
        search: searchOf(filters) as never,
        replace,
        resetScroll: false,
      }),
    [navigate, filters],
  );
  // Who opens the page without naming a part looks at the newest there was at that moment.
  const first = parts?.[0];
  useEffect(() => {
    if (partId === null && first) select(first, true);
  }, [partId, first, select]);
  const step = (by: number) => {
    const at = parts?.findIndex((part) => part.id === partId) ?? -1;
    const next = parts?.[at < 0 ? 0 : at + by];
    if (next) select(next);
  };
  return (
    <div className={styles.page}>
      <FilterBar filters={filters} onFilters={onFilters} search={search}>
        <Keys />
      </FilterBar>
      <div className={styles.floor}>
        <List list={list} selected={partId} onSelect={select} />
        <Shown partId={partId} parts={parts} step={step} search={search} />
      </div>
    </div>
  );
}

function useList(filters: Filters, onFilters: (filters: Filters) => void) {
  const query = useInfiniteQuery(listQuery(filters));
  const total = useQuery({ ...totalQuery(filters), enabled: countable(filters) });
  const parts = useMemo(() => query.data && flat(query.data.pages), [query.data]);
  const { fetchNextPage, isFetchingNextPage, hasNextPage, refetch } = query;
  const older = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  // A page may have found little on its way through many parts: on to the next.
  const found = parts?.length ?? 0;
  useEffect(() => {
    if (query.data && found < 30 && hasNextPage && !isFetchingNextPage && query.data.pages.length < 12)
      older();
  }, [query.data, found, hasNextPage, isFetchingNextPage, older]);
  const list: Listed = {
    parts,
    more: query.data?.pages[0]?.more ?? 0,
    total: countable(filters) ? total.data : undefined,
    loadingMore: isFetchingNextPage,
    ended: !hasNextPage,
    error: query.error,
    again: () => void (parts ? fetchNextPage() : refetch()),
    older,
    renew: () => void queries.resetQueries({ queryKey: listQuery(filters).queryKey }),
    filtered: Object.keys(searchOf(filters)).length > 0,
    clear: () => onFilters(ALL),
  };
  return { list, parts };
}

interface ShownProps {
  partId: string | null;
  parts: readonly Part[] | undefined;
  step: (by: number) => void;
  search: React.RefObject<HTMLInputElement | null>;
}

function Shown({ partId, parts, step, search }: ShownProps) {
  const { t } = useTranslation("parts");
  const listed = parts?.find((part) => part.id === partId);
  const asked = useQuery({
    ...partQuery(partId ?? ""),
    enabled: partId !== null,
    ...(listed && { initialData: listed }),
  });
  const { data: stations = [] } = useQuery(stationsQuery);
  const [sight, setSight] = useState<Sight>(FIRST_SIGHT);
  const [marking, setMarking] = useState<{ id: string; marks: readonly Mark[] } | null>(null);
  const onMarks = (marks: readonly Mark[] | null) =>
    setMarking(marks && partId ? { id: partId, marks } : null);
  useKeys(shortcuts({ step, setSight, search }));
  const part = asked.data;
  if (partId === null) return <div className={styles.blank}>{parts?.length ? null : <Waiting />}</div>;
  if (part === null) return <Empty title={t("gone.title")} text={t("gone.text")} />;
  if (part === undefined) {
    return asked.error ? <Failed error={asked.error} again={() => void asked.refetch()} /> : <LoadingPage />;
  }
  return (
    <div className={styles.shown}>
      <Detail
        part={part}
        stationName={stations.find((each) => each.id === part.station_id)?.name || part.station_id}
        sight={sight}
        onSight={setSight}
        marks={marking?.id === partId ? marking.marks : null}
        onMarks={onMarks}
        onGone={() => step(1)}
      />
    </div>
  );
}

function Waiting() {
  const { t } = useTranslation("parts");
  return <Empty title={t("blank.title")} text={t("blank.text")} />;
}

interface KeysFor {
  step: (by: number) => void;
  setSight: (change: (sight: Sight) => Sight) => void;
  search: React.RefObject<HTMLInputElement | null>;
}

function shortcuts({ step, setSight, search }: KeysFor): KeyMap {
  const zoom = (by: number) => () =>
    setSight((now) => ({
      ...now,
      view: { ...now.view, zoom: Math.min(40, Math.max(1, now.view.zoom * by)) },
    }));
  const layer = (name: "heat" | "boxes") => () =>
    setSight((now) => ({ ...now, layers: { ...now.layers, [name]: !now.layers[name] } }));
  return {
    j: () => step(1),
    k: () => step(-1),
    h: layer("heat"),
    b: layer("boxes"),
    c: () => setSight((now) => ({ ...now, compare: !now.compare })),
    "0": () => setSight((now) => ({ ...now, view: WHOLE })),
    "+": zoom(1.6),
    "=": zoom(1.6),
    "-": zoom(1 / 1.6),
    "/": () => search.current?.focus(),
  };
}

const KEYS = ["J K", "G", "D", "U", "H B", "C", "+ − 0", "/"] as const;

function Keys() {
  const { t } = useTranslation("parts");
  const { t: shared } = useTranslation("shared");
  const [open, setOpen] = useState(false);
  useKeys({ "?": () => setOpen(true) });
  return (
    <>
      <ActionIcon
        variant="default"
        aria-label={t("keys.title")}
        title={t("keys.title")}
        onClick={() => setOpen(true)}
      >
        <IconKeyboard />
      </ActionIcon>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={t("keys.title")}
        closeButtonProps={{ "aria-label": shared("close") }}
      >
        <dl className={styles.keyList}>
          {KEYS.map((keys, index) => (
            <div key={keys}>
              <dt>
                {keys.split(" ").map((key) => (
                  <Kbd key={key}>{key}</Kbd>
                ))}
              </dt>
              <dd>{t(`keys.of.${index}`)}</dd>
            </div>
          ))}
        </dl>
      </Modal>
    </>
  );
}
