// The list: only rows in sight are drawn, and what comes at the top moves nothing that is being read.

import { Button, Skeleton, Switch } from "@mantine/core";
import { IconArrowUp, IconFilterOff, IconPhotoOff } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { DecisionBadge } from "@/parts/Decision";
import { count, decimal } from "@/parts/numbers";
import { type Part, partName } from "@/parts/PartImage";
import { Empty, Failed } from "@/parts/States";
import { clock, dateTime, day } from "@/parts/time";
import styles from "./List.module.css";

const ROW = 76;
const NEAR = 15;

export interface Listed {
  /** undefined while the first page is on its way. */
  parts: readonly Part[] | undefined;
  /** Heard, but too many to be held. */
  more: number;
  total: number | undefined;
  loadingMore: boolean;
  ended: boolean;
  error: unknown;
  again: () => void;
  older: () => void;
  /** Begin anew with the newest. */
  renew: () => void;
  filtered: boolean;
  clear: () => void;
}

interface Props {
  list: Listed;
  selected: string | null;
  onSelect: (part: Part) => void;
}

export function List({ list, selected, onSelect }: Props) {
  const { t } = useTranslation("parts");
  const { t: shared } = useTranslation("shared");
  const { parts = [] } = list;
  const place = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(false);
  const virtual = useVirtualizer({
    count: parts.length,
    getScrollElement: () => place.current,
    estimateSize: () => ROW,
    getItemKey: (index) => parts[index]?.id ?? index,
    overscan: 6,
  });
  const above = useNewAbove(parts, place, follow);
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const { older, ended, loadingMore } = list;
  useEffect(() => {
    if (parts.length && !ended && !loadingMore && last >= parts.length - NEAR) older();
  }, [last, parts.length, ended, loadingMore, older]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another choice scrolls, new parts don't
  useEffect(() => {
    const at = parts.findIndex((part) => part.id === selected);
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [selected]);

  function step(event: KeyboardEvent) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = parts.findIndex((part) => part.id === selected);
    const next = parts[Math.min(parts.length - 1, Math.max(0, at + by))];
    if (next) onSelect(next);
  }

  const toTop = () => {
    if (list.more) list.renew();
    place.current?.scrollTo({ top: 0 });
  };
  const fresh = above.count + list.more;
  return (
    <div className={styles.side}>
      <div className={styles.head}>
        {fresh > 0 && !follow ? (
          <Button leftSection={<IconArrowUp size={18} aria-hidden="true" />} onClick={toTop}>
            {t("list.fresh", { count: fresh, number: count(fresh) })}
          </Button>
        ) : (
          <span>
            {list.total === undefined
              ? ""
              : t("list.total", { count: list.total, number: count(list.total) })}
          </span>
        )}
        <Switch
          label={t("list.follow")}
          checked={follow}
          onChange={(event) => setFollow(event.currentTarget.checked)}
        />
      </div>
      <div className={styles.frame}>
        {list.parts === undefined && !list.error && <LoadingList />}
        {list.parts === undefined && list.error !== null && <Failed error={list.error} again={list.again} />}
        {list.parts?.length === 0 && list.ended && <Nothing list={list} />}
        <div
          ref={place}
          className={styles.list}
          role="listbox"
          aria-label={t("list.label")}
          aria-activedescendant={
            shown.some((item) => parts[item.index]?.id === selected) ? `part-${selected}` : undefined
          }
          tabIndex={0}
          onKeyDown={step}
          onScroll={above.onScroll}
        >
          <div style={{ height: virtual.getTotalSize() }} className={styles.rows} role="presentation">
            {shown.map((item) => {
              const part = parts[item.index];
              return (
                part && (
                  <Row
                    key={part.id}
                    part={part}
                    top={item.start}
                    place={item.index + 1}
                    selected={part.id === selected}
                    onSelect={onSelect}
                  />
                )
              );
            })}
          </div>
          {list.loadingMore && <Skeleton height={ROW - 12} className={styles.more ?? ""} />}
          {list.parts !== undefined && list.error !== null && (
            <Button variant="default" fullWidth onClick={list.again}>
              {shared("failed.again")}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

/** Keeps rows where they are when others come above them, and counts those nobody has scrolled up to yet. */
function useNewAbove(parts: readonly Part[], place: React.RefObject<HTMLDivElement | null>, follow: boolean) {
  const top = useRef<string | undefined>(undefined);
  const [unseen, setUnseen] = useState(0);
  const first = parts[0]?.id;
  useLayoutEffect(() => {
    const before = top.current;
    top.current = first;
    if (!before || before === first || !place.current) return;
    const came = parts.findIndex((part) => part.id === before);
    if (came <= 0) setUnseen(0);
    else if (follow) place.current.scrollTop = 0;
    else {
      place.current.scrollTop += came * ROW;
      setUnseen((known) => known + came);
    }
  }, [first, parts, follow, place]);
  const onScroll = () => {
    const at = Math.ceil((place.current?.scrollTop ?? 0) / ROW);
    setUnseen((known) => Math.min(known, at));
  };
  return { count: unseen, onScroll };
}

interface RowProps {
  part: Part;
  top: number;
  place: number;
  selected: boolean;
  onSelect: (part: Part) => void;
}

const Row = memo(function Row({ part, top, place, selected, onSelect }: RowProps) {
  const classes = [...new Set(part.detections.map((each) => each.class_name))].join(", ");
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus
    <div
      id={`part-${part.id}`}
      role="option"
      aria-selected={selected}
      aria-posinset={place}
      aria-setsize={-1}
      className={styles.row}
      style={{ transform: `translateY(${top}px)`, height: ROW }}
      onClick={() => onSelect(part)}
    >
      <Thumb part={part} />
      <span className={styles.name} title={partName(part)}>
        {partName(part)}
      </span>
      <DecisionBadge decision={part.decision} />
      <span className={styles.quiet} title={classes}>
        {classes || part.station_id}
      </span>
      <time className={styles.quiet} dateTime={part.timestamp} title={dateTime(part.timestamp)}>
        {`${decimal(part.anomaly_score)} · ${isToday(part.timestamp) ? "" : `${day(part.timestamp)} `}${clock(part.timestamp)}`}
      </time>
    </div>
  );
});

const isToday = (moment: string): boolean => new Date(moment).toDateString() === new Date().toDateString();

function Thumb({ part }: { part: Part }) {
  const [broken, setBroken] = useState("");
  const source = part.thumbnail?.startsWith("/static/images/") ? part.thumbnail : null;
  if (!source || broken === source) {
    return (
      <span className={styles.thumb}>
        <IconPhotoOff size={20} stroke={1.4} aria-hidden="true" />
      </span>
    );
  }
  return (
    <img className={styles.thumb} src={source} alt="" decoding="async" onError={() => setBroken(source)} />
  );
}

function LoadingList() {
  const { t: shared } = useTranslation("shared");
  return (
    <div className={styles.loading} role="status" aria-busy="true" aria-label={shared("loading")}>
      {Array.from({ length: 9 }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <Skeleton key={row} height={ROW - 12} radius="sm" />
      ))}
    </div>
  );
}

function Nothing({ list }: { list: Listed }) {
  const { t } = useTranslation("parts");
  return (
    <Empty
      title={t(list.filtered ? "list.nothingFits" : "list.nothing")}
      text={t(list.filtered ? "list.nothingFitsText" : "list.nothingText")}
    >
      {list.filtered && (
        <Button variant="default" leftSection={<IconFilterOff size={18} />} onClick={list.clear}>
          {t("filter.clear")}
        </Button>
      )}
    </Empty>
  );
}
