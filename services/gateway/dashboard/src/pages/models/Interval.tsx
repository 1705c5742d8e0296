// A share with its 95 % interval: the number, and how sure it is, on one scale.

import { useTranslation } from "react-i18next";
import { percent } from "@/parts/numbers";
import styles from "./Interval.module.css";
import type { Rate } from "./reckoning";

interface Props {
  rate: Rate | null | undefined;
  tone?: "good" | "bad" | "idle" | "accent";
  /** 1 is the whole scale. */
  most?: number;
}

export function Interval({ rate, tone = "accent", most = 1 }: Props) {
  const { t } = useTranslation("models");
  if (!rate) return <span className={styles.none}>{t("figure.none")}</span>;
  const x = (share: number) => Math.min(100, (100 * share) / most);
  return (
    <span className={styles.interval} title={t("figure.interval", { count: rate.count, of: rate.of })}>
      <b>{percent(rate.value)}</b>
      <span>
        {percent(rate.low)} – {percent(rate.high)}
      </span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" data-tone={tone}>
        <rect y="3" width="100" height="2" data-part="scale" />
        <rect
          x={x(rate.low)}
          y="1.5"
          width={Math.max(0.8, x(rate.high) - x(rate.low))}
          height="5"
          data-part="band"
        />
        <rect x={Math.max(0, x(rate.value) - 0.7)} y="0" width="1.4" height="8" data-part="point" />
      </svg>
    </span>
  );
}
