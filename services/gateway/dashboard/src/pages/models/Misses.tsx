// The worst misses, with their outlines and what was found, as the report shows them.

import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { signedFetch } from "@/api/client";
import { problemOf } from "@/api/problem";
import { decimal } from "@/parts/numbers";
import type { Evaluation } from "./asked";
import styles from "./models.module.css";
import { picturesIn } from "./reckoning";

export function Misses({ evaluation, report }: { evaluation: Evaluation; report: string }) {
  const { t } = useTranslation("models");
  const misses = evaluation.misses ?? [];
  const pictures = useQuery({
    queryKey: ["models", "misses", evaluation.version_id],
    enabled: misses.length > 0 && Boolean(evaluation.report_key),
    queryFn: async ({ signal }) => {
      const answer = await signedFetch(new Request(new URL(report, location.origin), { signal }));
      if (!answer.ok) throw problemOf(answer, null);
      return picturesIn(await answer.text());
    },
  });
  return (
    <div>
      <h3>{t("misses.title")}</h3>
      {misses.length === 0 ? (
        <p className={styles.quiet}>{t("misses.none")}</p>
      ) : (
        <div className={styles.gallery}>
          {misses.map((miss, at) => (
            <figure key={miss.key}>
              {pictures.data?.[at] ? (
                <img
                  src={pictures.data[at]}
                  alt={t("misses.alt", { truth: miss.truth, decision: miss.decision })}
                />
              ) : (
                <div className={styles.noImage} />
              )}
              <figcaption>
                {miss.classes?.join(", ") || miss.truth} → {miss.decision} · {decimal(miss.score, 2)}
                <br />
                {miss.part_id ?? ""}
              </figcaption>
            </figure>
          ))}
        </div>
      )}
    </div>
  );
}
