// A short word with a colour and an icon of its own, for states.

import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import styles from "./Tag.module.css";

export type Tone = "good" | "warn" | "bad" | "info" | "idle";

interface Props {
  tone: Tone;
  icon?: Icon;
  title?: string;
  children: ReactNode;
}

export function Tag({ tone, icon: Shown, title, children }: Props) {
  return (
    <span className={styles.tag} data-tone={tone} title={title}>
      {Shown && <Shown size={16} stroke={2} aria-hidden="true" />}
      {children}
    </span>
  );
}
