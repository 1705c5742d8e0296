// A rule's earlier revisions: who changed it, and when.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { Asked, Empty } from "@/parts/States";
import { dateTime } from "@/parts/time";
import styles from "./alerts.module.css";
import type { Rule } from "./queries";

export function RuleHistory({ id, onTake }: { id: string; onTake: (rule: Rule) => void }) {
  const { t } = useTranslation("alerts");
  const asked = useQuery({
    queryKey: ["alert-rules", "history", id],
    queryFn: async ({ signal }) => {
      const params = { path: { id } };
      return [...(await take(api.GET("/api/v1/alert-rules/{id}/history", { signal, params }))).revisions];
    },
  });
  return (
    <Asked
      query={asked}
      isEmpty={(known) => known.length === 0}
      empty={<Empty title={t("rule.neverChanged")} />}
    >
      {(known) => (
        <ol className={styles.story}>
          {known.map((each) => (
            <li key={each.revision}>
              <time>{each.changed_at ? dateTime(each.changed_at) : "–"}</time>
              <div>
                <strong>{t("rule.revision", { revision: each.revision })}</strong> · {each.changed_by}
                <p>{summary(each)}</p>
              </div>
              <Button variant="subtle" onClick={() => onTake(each)}>
                {t("rule.take")}
              </Button>
            </li>
          ))}
        </ol>
      )}
    </Asked>
  );
}

const summary = ({ title, severity, enabled, condition }: Rule): string => {
  const { kind, ...rest } = condition;
  const values = Object.entries(rest)
    .filter(([, value]) => value !== null && (!Array.isArray(value) || value.length))
    .map(([name, value]) => `${name} ${String(value)}`);
  return [title, severity, enabled ? null : "off", kind, ...values].filter(Boolean).join(" · ");
};
