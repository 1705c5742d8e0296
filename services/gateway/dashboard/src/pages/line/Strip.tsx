// The latest decisions as bars: a bad part stands tall, so that height tells what colour does.

import { memo } from "react";
import { useTranslation } from "react-i18next";
import type { Verdict } from "@/parts/Decision";
import styles from "./StationCard.module.css";
import { TICKS, type Tick } from "./store";

const STEP = 6;
const BAR = 4;
const HEIGHT = 32;
const TALL: Record<Verdict, number> = { pass: 10, uncertain: 20, fail: HEIGHT };
const KINDS = ["pass", "uncertain", "fail"] as const;

/** One path for all bars of a decision, the newest at the right edge. */
export function bars(ticks: readonly Pick<Tick, "decision">[], decision: Verdict): string {
  const from = TICKS - ticks.length;
  const tall = TALL[decision];
  return ticks
    .map((tick, place) =>
      tick.decision === decision ? `M${(from + place) * STEP} ${HEIGHT - tall}h${BAR}v${tall}h-${BAR}z` : "",
    )
    .join("");
}

export const Strip = memo(function Strip({ ticks }: { ticks: readonly Tick[] }) {
  const { t } = useTranslation("line");
  const bad = (decision: Verdict) => ticks.filter((tick) => tick.decision === decision).length;
  const label = t("station.strip", { count: ticks.length, failed: bad("fail"), uncertain: bad("uncertain") });
  return (
    <svg
      className={styles.strip}
      viewBox={`0 0 ${TICKS * STEP} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {KINDS.map((kind) => (
        <path key={kind} d={bars(ticks, kind)} data-decision={kind} />
      ))}
    </svg>
  );
});
