// What changed between two versions, line by line.

import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { Asked, LoadingRows } from "@/parts/States";
import styles from "./Components.module.css";
import { countOf, type DiffRow, rowsOf } from "./diff";

type Version = Schemas["VersionView"];
const SIGNS = { add: "+", del: "−", same: " ", hunk: "" } as const;
const MOST = 4000;

export function Diff({ path, from, to }: { path: string; from: Version; to: Version }) {
  const { t } = useTranslation("work");
  const asked = useQuery({
    queryKey: ["components", path, "diff", from.sha256, to.sha256],
    staleTime: Number.POSITIVE_INFINITY, // of two contents: it never changes
    queryFn: async ({ signal }) => {
      const body = { from_hash: from.sha256, to_hash: to.sha256, path };
      return (await take(api.POST("/api/components/versions/diff", { signal, body }))).data;
    },
  });
  return (
    <Asked query={asked} loading={<LoadingRows rows={10} height={18} />}>
      {({ diff, to_content }) => {
        const rows = from === to ? plain(to_content) : rowsOf(diff);
        return (
          <figure className={styles.diff}>
            <figcaption>
              <code>{from.hash.slice(0, 8)}</code> → <code>{to.hash.slice(0, 8)}</code>
              <span className={styles.count} data-kind="add">
                +{countOf(rows, "add")}
              </span>
              <span className={styles.count} data-kind="del">
                −{countOf(rows, "del")}
              </span>
              {from !== to && rows.length === 0 && t("component.noDifference")}
            </figcaption>
            <Rows rows={rows.slice(0, MOST)} />
            {rows.length > MOST && <p>{t("component.more", { count: rows.length - MOST })}</p>}
          </figure>
        );
      }}
    </Asked>
  );
}

const plain = (content: string): DiffRow[] =>
  content.split("\n").map((text, at) => ({ kind: "same", before: at + 1, after: at + 1, text }));

function Rows({ rows }: { rows: readonly DiffRow[] }) {
  const { t } = useTranslation("work");
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways
    <section className={styles.code} tabIndex={0} aria-label={t("component.diff")}>
      <div>
        {rows.map((row, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines of a text that does not change
          <div key={at} data-kind={row.kind}>
            <i aria-hidden="true">{row.before}</i>
            <i aria-hidden="true">{row.after}</i>
            <b>{SIGNS[row.kind]}</b>
            <span>{row.text || " "}</span>
          </div>
        ))}
      </div>
    </section>
  );
}
