// Why people are asked about a part: an icon and a word each.

import {
  type Icon,
  IconArrowsDiff,
  IconDice3,
  IconHandClick,
  IconMathGreater,
  IconQuestionMark,
  IconSparkles,
  IconTrendingUp,
  IconZoomQuestion,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Reason } from "./asked";
import styles from "./Why.module.css";

const ICONS: Record<Reason, Icon> = {
  uncertain: IconQuestionMark,
  borderline: IconMathGreater,
  doubtful: IconZoomQuestion,
  novel: IconSparkles,
  audit: IconDice3,
  disagreement: IconArrowsDiff,
  drift: IconTrendingUp,
  manual: IconHandClick,
};

export function Why({ reasons, short = false }: { reasons: readonly Reason[]; short?: boolean }) {
  const { t } = useTranslation("review");
  return (
    <span className={styles.why}>
      {reasons.map((reason) => {
        const Shown = ICONS[reason];
        return (
          <span key={reason} title={t(`why.${reason}`)} data-reason={reason}>
            <Shown size={15} stroke={2} aria-hidden="true" />
            {t(`reason.${reason}`)}
          </span>
        );
      })}
      {!short && reasons[0] && <em>{t(`why.${reasons[0]}`)}</em>}
    </span>
  );
}
