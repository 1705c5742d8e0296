// The parts of a page, each with an address of its own.

import type { Icon } from "@tabler/icons-react";
import { Link, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import styles from "./Sections.module.css";

export interface Section {
  /** "/work/devices" */
  to: string;
  title: string;
  icon: Icon;
  /** How many things in it want somebody; nothing is shown for 0. */
  wants?: number;
}

export function Sections({ label, sections }: { label: string; sections: readonly Section[] }) {
  const place = useRef<HTMLElement>(null);
  const here = useLocation({ select: ({ pathname }) => pathname });
  // On a narrow screen the one that is shown may lie outside of the row; words and fonts come later.
  useEffect(() => {
    const row = place.current;
    const shown = row?.querySelector<HTMLElement>(`[href="${CSS.escape(here)}"]`);
    if (!row || !shown) return;
    const centred = new ResizeObserver(() => {
      row.scrollLeft = shown.offsetLeft - row.offsetLeft - (row.clientWidth - shown.clientWidth) / 2;
    });
    for (const each of row.children) centred.observe(each);
    return () => centred.disconnect();
  }, [here]);
  return (
    <nav ref={place} className={styles.sections} aria-label={label}>
      {sections.map(({ to, title, icon: Shown, wants }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: true, includeSearch: false }}
          className={styles.section}
        >
          <Shown size={20} stroke={1.7} aria-hidden="true" />
          {title}
          {wants ? <b>{wants}</b> : null}
        </Link>
      ))}
    </nav>
  );
}
