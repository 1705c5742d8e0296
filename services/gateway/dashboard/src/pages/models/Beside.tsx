// What there is in a list, and beside it the one that was picked.

import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Asked, Empty, LoadingRows } from "@/parts/States";
import styles from "./models.module.css";

interface Props<T> {
  query: UseQueryResult<readonly T[]>;
  /** What the filters leave of it. */
  shown: readonly T[];
  label: string;
  empty: { title: string; text: string };
  rows?: number;
  row: (one: T) => ReactNode;
  /** The one that was picked. */
  children: ReactNode;
}

export function Beside<T>({ query, shown, label, empty, rows = 5, row, children }: Props<T>) {
  return (
    <Asked
      query={query}
      loading={<LoadingRows rows={rows} height={64} />}
      isEmpty={() => shown.length === 0}
      empty={<Empty {...empty} />}
    >
      {() => (
        <div className={styles.two}>
          <nav className={`${styles.card} ${styles.list}`} aria-label={label}>
            {shown.map(row)}
          </nav>
          {children}
        </div>
      )}
    </Asked>
  );
}
