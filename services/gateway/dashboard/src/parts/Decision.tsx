// A part's decision: colour, shape and word, so that nobody needs the colour.

import { IconCheck, IconQuestionMark, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import styles from "./Decision.module.css";

export type Verdict = Schemas["Decision"];

const ICONS = { pass: IconCheck, fail: IconX, uncertain: IconQuestionMark } as const;

export function DecisionBadge({ decision, size = "md" }: { decision: Verdict; size?: "md" | "lg" }) {
  const { t } = useTranslation("shared");
  const Shown = ICONS[decision];
  return (
    <span className={styles.badge} data-decision={decision} data-size={size}>
      <Shown size={size === "lg" ? 22 : 16} stroke={2.6} aria-hidden="true" />
      {t(`decision.${decision}`)}
    </span>
  );
}
