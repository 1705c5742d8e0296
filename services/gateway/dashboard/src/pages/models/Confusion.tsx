// What was true, and what was decided or named: counts, the wrong ones in colour.

import { useTranslation } from "react-i18next";
import type { Evaluation } from "./asked";
import styles from "./Confusion.module.css";
import { Interval } from "./Interval";
import models from "./models.module.css";

const DECISIONS = ["pass", "uncertain", "fail"] as const;
const TRUTHS = ["good", "defect"] as const;

const toneOf = (truth: string, decision: string, count: number): string | undefined => {
  if (!count) return undefined;
  if (decision === "uncertain") return "warn";
  return (truth === "good") === (decision === "pass") ? "good" : "bad";
};

export function DecisionTable({ evaluation }: { evaluation: Evaluation }) {
  const { t } = useTranslation("models");
  const { t: shared } = useTranslation("shared");
  const stations = Object.entries(evaluation.by_station ?? {});
  return (
    <div className={styles.pair}>
      <div className={models.scroll}>
        <h3>{t("confusion.decisions")}</h3>
        <table className={styles.matrix}>
          <thead>
            <tr>
              <td />
              {DECISIONS.map((each) => (
                <th key={each} scope="col">
                  {shared(`decision.${each}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {TRUTHS.map((truth) => (
              <tr key={truth}>
                <th scope="row">{t(`truth.${truth}`)}</th>
                {DECISIONS.map((each) => {
                  const count = evaluation.all.decisions[truth]?.[each] ?? 0;
                  return (
                    <td key={each} data-tone={toneOf(truth, each, count)}>
                      {count}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {stations.length > 1 && (
        <div className={models.scroll}>
          <h3>{t("confusion.stations")}</h3>
          <table className={models.table}>
            <thead>
              <tr>
                <th>{t("filter.station")}</th>
                <th>{t("figure.falseAccept")}</th>
                <th>{t("figure.falseReject")}</th>
              </tr>
            </thead>
            <tbody>
              {stations.map(([name, each]) => (
                <tr key={name}>
                  <td>{name || "–"}</td>
                  <td>
                    <Interval rate={each.false_accept} tone="bad" />
                  </td>
                  <td>
                    <Interval rate={each.false_reject} tone="bad" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

export function Confusion({ table }: { table: Record<string, Record<string, number>> }) {
  const { t } = useTranslation("models");
  const names = [...new Set([...Object.keys(table), ...Object.values(table).flatMap(Object.keys)])].sort();
  if (!names.length) return null;
  return (
    <div className={models.scroll}>
      <h3>{t("confusion.names")}</h3>
      <table className={styles.matrix}>
        <thead>
          <tr>
            <td />
            {names.map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((truth) => (
            <tr key={truth}>
              <th scope="row">{truth}</th>
              {names.map((each) => {
                const count = table[truth]?.[each] ?? 0;
                return (
                  <td key={each} data-tone={count ? (truth === each ? "good" : "bad") : undefined}>
                    {count}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
