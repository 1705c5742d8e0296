// Two versions side by side, and whether their figures can be compared at all.

import { Alert } from "@mantine/core";
import { IconAlertTriangle, IconScale } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { count, decimal } from "@/parts/numbers";
import { LoadingRows } from "@/parts/States";
import { dateTime } from "@/parts/time";
import { type Evaluation, evaluationQuery, type Model } from "./asked";
import { Interval } from "./Interval";
import styles from "./models.module.css";
import { comparable, shortId } from "./reckoning";

interface Line {
  name: string;
  show: (model: Model, evaluation: Evaluation | null) => ReactNode;
  /** What is better, where more is; absent where nothing is better. */
  worth?: (evaluation: Evaluation) => number | null | undefined;
}

const text = (value: number | null | undefined, digits = 3) =>
  value === null || value === undefined ? "–" : decimal(value, digits);

function useLines(): Line[] {
  const { t } = useTranslation("models");
  return [
    { name: t("compare.made"), show: (model) => dateTime(model.created_at) },
    { name: t("compare.dataset"), show: (model) => model.dataset_version?.slice(0, 12) ?? "–" },
    { name: t("compare.heldOut"), show: (_, found) => (found ? count(found.all.parts) : "–") },
    {
      name: t("figure.auroc"),
      show: (_, found) => text(found?.all.image_auroc),
      worth: (found) => found.all.image_auroc,
    },
    { name: t("figure.pro"), show: (_, found) => text(found?.pixel_pro), worth: (found) => found.pixel_pro },
    { name: t("figure.map50"), show: (_, found) => text(found?.map50), worth: (found) => found.map50 },
    {
      name: t("figure.falseAccept"),
      show: (_, found) => <Interval rate={found?.all.false_accept} tone="bad" />,
      worth: (found) => found.all.false_accept && -found.all.false_accept.value,
    },
    {
      name: t("figure.falseReject"),
      show: (_, found) => <Interval rate={found?.all.false_reject} tone="bad" />,
      worth: (found) => found.all.false_reject && -found.all.false_reject.value,
    },
    {
      name: t("figure.uncertain"),
      show: (_, found) => <Interval rate={found?.all.uncertain} tone="idle" />,
      worth: (found) => found.all.uncertain && -found.all.uncertain.value,
    },
    {
      name: t("compare.time"),
      show: (_, found) => (found?.latency ? `${decimal(found.latency.median_ms, 1)} ms` : "–"),
      worth: (found) => found.latency && -found.latency.median_ms,
    },
    {
      name: t("version.limits"),
      show: ({ thresholds }) => `${text(thresholds.uncertain_above, 2)} / ${text(thresholds.fail_above, 2)}`,
    },
    { name: t("version.names"), show: ({ model }) => model.regions?.classes.join(", ") ?? "–" },
  ];
}

export function Compare({ one, other }: { one: Model; other: Model }) {
  const { t } = useTranslation("models");
  const first = useQuery(evaluationQuery(one));
  const second = useQuery(evaluationQuery(other));
  const lines = useLines();
  if (first.isPending || second.isPending) return <LoadingRows rows={8} />;
  const [mine, theirs] = [first.data ?? null, second.data ?? null];
  const fair = comparable(mine, theirs);
  const better = ({ worth }: Line): "one" | "other" | null => {
    if (!fair || !worth || !mine || !theirs) return null;
    const [left, right] = [worth(mine), worth(theirs)];
    if (typeof left !== "number" || typeof right !== "number" || left === right) return null;
    return left > right ? "one" : "other";
  };
  return (
    <section className={styles.card} aria-label={t("compare.title")}>
      <header>
        <h2>{t("compare.title")}</h2>
      </header>
      <div className={styles.body}>
        <Alert color={fair ? "teal" : "yellow"} icon={fair ? <IconScale /> : <IconAlertTriangle />}>
          {t(fair ? "compare.fair" : "compare.unfair")}
        </Alert>
        <div className={styles.scroll}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th />
                <th>{one.name || shortId(one.id)}</th>
                <th>{other.name || shortId(other.id)}</th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line) => {
                const best = better(line);
                return (
                  <tr key={line.name}>
                    <td>{line.name}</td>
                    <td data-tone={best === "one" ? "good" : undefined}>{line.show(one, mine)}</td>
                    <td data-tone={best === "other" ? "good" : undefined}>{line.show(other, theirs)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </div>
    </section>
  );
}
