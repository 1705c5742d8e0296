// Review: the parts whose answer teaches the most, one after the other on the table.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useUser } from "@/api/session";
import { Asked, Empty, LoadingCards } from "@/parts/States";
import { told } from "@/parts/toasts";
import { useAddress } from "./address";
import { detailQuery, type Item, queueQuery, useReviewHearing, withoutItem } from "./asked";
import { draftOf, skip, skippedIds } from "./draft";
import { Head } from "./Head";
import { Queue } from "./Queue";
import styles from "./review.module.css";
import { Workbench } from "./Workbench";

/** What was skipped stands at the end. */
function inOrder(items: readonly Item[], skipped: readonly string[]): Item[] {
  const late = new Set(skipped);
  return [...items.filter((each) => !late.has(each.id)), ...items.filter((each) => late.has(each.id))];
}

const FEW = 50;

export default function Review() {
  const { t } = useTranslation("review");
  const queries = useQueryClient();
  const username = useUser()?.username ?? "";
  const { wanted, part, go } = useAddress();
  useReviewHearing(wanted);
  const queue = useQuery(queueQuery(wanted));
  const [skipped, setSkipped] = useState(skippedIds);
  const items = useMemo(() => inOrder(queue.data?.items ?? [], skipped), [queue.data, skipped]);
  const id = part ?? items[0]?.id ?? null;
  const detail = useQuery({ ...detailQuery(id ?? ""), enabled: id !== null });

  // The part on the table stays there while the queue changes below it.
  useEffect(() => {
    if (!part && id) go({ part: id }, true);
  }, [part, id, go]);
  const short = queue.data && queue.data.items.length < FEW && queue.data.total > queue.data.items.length;
  useEffect(() => {
    if (short) void queries.invalidateQueries({ queryKey: ["review", "queue"] });
  }, [short, queries]);

  const step = (by: 1 | -1, without?: string) => {
    const at = items.findIndex((each) => each.id === id);
    const rest = items.filter((each) => each.id !== without);
    const next = rest[Math.max(0, Math.min(rest.length - 1, without ? at : at + by))];
    go({ part: next?.id });
  };

  const said = (item: Item) => {
    told.done(t("say.done", { part: item.part_id || item.id.slice(0, 8) }));
    void queries.invalidateQueries({ queryKey: ["review", "stats"] });
    void queries.invalidateQueries({ queryKey: ["review", "advice"] });
    if (wanted.status !== "pending") return;
    queries.setQueryData(queueQuery(wanted).queryKey, (known) => known && withoutItem(known, item.id));
    step(1, item.id);
  };

  const drafts = new Set(items.filter((each) => draftOf(username, each.id)).map((each) => each.id));
  return (
    <div className={styles.page}>
      <Head station={wanted.station} />
      <div className={styles.bench}>
        <Queue
          query={queue}
          items={items}
          wanted={wanted}
          selected={id}
          drafts={drafts}
          onWanted={(change) => go({ ...change, part: undefined })}
          onSelect={(chosen) => go({ part: chosen })}
        />
        {id === null ? (
          <div className={styles.nothing}>
            {queue.data && <Empty title={t("table.empty")} text={t("table.emptyText")} />}
          </div>
        ) : (
          <Asked
            query={detail}
            loading={
              <div className={styles.nothing}>
                <LoadingCards cards={1} height={420} />
              </div>
            }
          >
            {(found) => (
              <Workbench
                key={found.id}
                detail={found}
                username={username}
                onSaid={said}
                onSkip={() => {
                  setSkipped(skip(found.id));
                  step(1, found.id);
                }}
                onStep={step}
              />
            )}
          </Asked>
        )}
      </div>
    </div>
  );
}
