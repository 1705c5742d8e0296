// The parts people are asked about, the most useful first.

import { Select } from "@mantine/core";
import { IconCheck, IconPencil, IconUsers } from "@tabler/icons-react";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { stationsQuery } from "@/api/queries";
import { Chips } from "@/parts/Chips";
import { count, percent } from "@/parts/numbers";
import { Asked, Empty, LoadingRows } from "@/parts/States";
import { ago, useNow } from "@/parts/time";
import { REASONS, STATES } from "./address";
import { type Item, type Reason, type State, statsQuery, type Waiting, type Wanted } from "./asked";
import styles from "./Queue.module.css";
import { Why } from "./Why";

interface Props {
  query: UseQueryResult<Waiting>;
  /** As shown: what was skipped stands at the end. */
  items: readonly Item[];
  wanted: Wanted;
  selected: string | null;
  drafts: ReadonlySet<string>;
  onWanted: (change: { status?: State; station?: string | undefined; reason?: Reason | undefined }) => void;
  onSelect: (id: string) => void;
}

export function Queue({ query, items, wanted, selected, drafts, onWanted, onSelect }: Props) {
  const { t } = useTranslation("review");
  return (
    <section className={styles.queue} aria-label={t("queue.title")}>
      <Filters wanted={wanted} onWanted={onWanted} />
      <Asked
        query={query}
        loading={<LoadingRows rows={7} height={76} />}
        isEmpty={() => items.length === 0}
        empty={
          <Empty
            title={t(wanted.status === "pending" ? "queue.done" : "queue.none")}
            text={t(wanted.status === "pending" ? "queue.doneText" : "queue.noneText")}
          />
        }
      >
        {({ total }) => (
          <>
            <ol className={styles.list}>
              {items.map((item) => (
                <Row
                  key={item.id}
                  item={item}
                  selected={item.id === selected}
                  draft={drafts.has(item.id)}
                  onSelect={onSelect}
                />
              ))}
            </ol>
            {total > items.length && (
              <p className={styles.more}>
                {t("queue.more", { shown: count(items.length), total: count(total) })}
              </p>
            )}
          </>
        )}
      </Asked>
    </section>
  );
}

function Filters({ wanted, onWanted }: Pick<Props, "wanted" | "onWanted">) {
  const { t } = useTranslation("review");
  const stations = useQuery(stationsQuery);
  const stats = useQuery(statsQuery(wanted.station));
  return (
    <div className={styles.filters}>
      <Chips
        label={t("filter.status")}
        value={wanted.status}
        onChange={(value) => onWanted({ status: value as State })}
        choices={STATES.map((state) => ({ value: state, title: t(`status.${state}`) }))}
      />
      <Select
        aria-label={t("filter.station")}
        placeholder={t("filter.allStations")}
        clearable
        clearButtonProps={{ "aria-label": t("filter.allStations") }}
        value={wanted.station}
        onChange={(value) => onWanted({ station: value ?? undefined })}
        data={(stations.data ?? []).map((each) => ({ value: each.id, label: each.name || each.id }))}
      />
      <Select
        aria-label={t("filter.reason")}
        placeholder={t("filter.allReasons")}
        clearable
        clearButtonProps={{ "aria-label": t("filter.allReasons") }}
        value={wanted.reason}
        onChange={(value) => onWanted({ reason: (value as Reason | null) ?? undefined })}
        data={REASONS.map((reason) => {
          const number = stats.data?.reasons[reason];
          return {
            value: reason,
            label: number ? `${t(`reason.${reason}`)} (${number})` : t(`reason.${reason}`),
          };
        })}
      />
    </div>
  );
}

interface RowProps {
  item: Item;
  selected: boolean;
  draft: boolean;
  onSelect: (id: string) => void;
}

function Row({ item, selected, draft, onSelect }: RowProps) {
  const { t } = useTranslation("review");
  const { t: shared } = useTranslation("shared");
  const now = useNow();
  const place = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (selected) place.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [selected]);
  const thumbnail = item.thumbnail?.startsWith("/static/images/") ? item.thumbnail : null;
  return (
    <li>
      <button
        ref={place}
        type="button"
        className={styles.row}
        data-item={item.id}
        data-decision={item.decision}
        aria-current={selected || undefined}
        onClick={() => onSelect(item.id)}
      >
        <span className={styles.thumb}>
          {thumbnail && <img src={thumbnail} alt="" loading="lazy" decoding="async" />}
        </span>
        <span className={styles.facts}>
          <span className={styles.name}>
            <b>{item.part_id || item.id.slice(0, 8)}</b>
            {draft && <IconPencil size={15} role="img" aria-label={t("queue.draft")} />}
            {item.disputed && <IconUsers size={15} role="img" aria-label={t("queue.disputed")} />}
            {item.verdict && <IconCheck size={15} role="img" aria-label={t(`verdict.${item.verdict}`)} />}
          </span>
          <span className={styles.quiet}>
            {item.station_id} · {shared(`decision.${item.decision}`)} {percent(item.confidence, 0)} ·{" "}
            {ago(item.created_at, now)}
          </span>
          <Why reasons={item.reasons.slice(0, 2)} short />
        </span>
        {item.similar > 0 && (
          <span className={styles.similar} title={t("queue.similar", { count: item.similar })}>
            +{item.similar}
          </span>
        )}
      </button>
    </li>
  );
}
