// A table that draws only the rows in sight, however many there are.

import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import styles from "./DataTable.module.css";

export interface Column<T> {
  key: string;
  title: ReactNode;
  /** As in CSS's grid-template-columns; 1fr where it says nothing. */
  width?: string;
  align?: "left" | "right";
  cell: (row: T) => ReactNode;
}

interface Table<T> {
  rows: readonly T[];
  columns: readonly Column<T>[];
  rowKey: (row: T) => string;
  label: string;
  rowHeight?: number;
  selected?: string | null;
  onSelect?: (row: T) => void;
  /** Told when the end comes near, to read the next page. */
  onEnd?: () => void;
  className?: string;
}

const NEAR = 12;

export function DataTable<T>(props: Table<T>) {
  const { rows, columns, rowKey, label, rowHeight = 48, selected, onSelect, onEnd, className } = props;
  const place = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => place.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (onEnd && rows.length && last >= rows.length - NEAR) onEnd();
  }, [last, rows.length, onEnd]);

  function step(event: KeyboardEvent) {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!by || !onSelect) return;
    event.preventDefault();
    const at = rows.findIndex((row) => rowKey(row) === selected);
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    if (!next) return;
    onSelect(next);
    virtual.scrollToIndex(rows.indexOf(next));
  }

  const grid = { gridTemplateColumns: columns.map((column) => column.width ?? "minmax(0, 1fr)").join(" ") };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table element can't lay out rows that are not there
    <div
      ref={place}
      className={`${styles.table} ${className ?? ""}`}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and takes the arrow keys
      tabIndex={0}
      onKeyDown={step}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the table has the focus */}
      <div className={styles.head} role="row" style={grid} aria-rowindex={1}>
        {columns.map((column) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div key={column.key} role="columnheader" data-align={column.align}>
            {column.title}
          </div>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {shown.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const key = rowKey(row);
          return (
            // biome-ignore lint/a11y/useSemanticElements: as above
            // biome-ignore lint/a11y/useFocusableInteractive: as above
            // biome-ignore lint/a11y/useKeyWithClickEvents: the table takes the arrow keys
            <div
              key={key}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={onSelect ? key === selected : undefined}
              className={styles.row}
              data-clickable={onSelect ? true : undefined}
              style={{ ...grid, height: rowHeight, transform: `translateY(${item.start}px)` }}
              onClick={() => onSelect?.(row)}
            >
              {columns.map((column) => (
                // biome-ignore lint/a11y/useSemanticElements: as above
                <div key={column.key} role="cell" data-align={column.align}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
