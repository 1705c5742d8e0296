// The rules, and the one that is edited beside them.

import { Button } from "@mantine/core";
import { IconPlus, IconRoute } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useMay } from "@/api/session";
import { Asked, LoadingRows, Notice } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { useFilters } from "@/parts/useFilters";
import styles from "./alerts.module.css";
import { Gravity } from "./Gravity";
import { type Rule, rulesQuery } from "./queries";
import { RuleEditor } from "./RuleEditor";

export const NEW = "+new";

export function Rules() {
  const { t } = useTranslation("alerts");
  const may = useMay("configure");
  const [filters, setFilters] = useFilters();
  const asked = useQuery(rulesQuery);
  const open = filters.rule ?? null;
  const pick = (rule: string) => setFilters({ rule }, "push");
  return (
    <div className={styles.rules}>
      <Asked query={asked} loading={<LoadingRows rows={8} height={60} />}>
        {(rules) => {
          const shown = open === NEW ? undefined : rules.find((rule) => rule.id === open);
          return (
            <>
              <div className={styles.menu}>
                {may && (
                  <Button leftSection={<IconPlus size={18} />} onClick={() => pick(NEW)}>
                    {t("rule.new")}
                  </Button>
                )}
                <List rules={rules} open={open} onPick={pick} />
              </div>
              {open === null ? (
                <Notice icon={IconRoute} title={t("rule.pick")} text={t("rule.pickHint")} />
              ) : open !== NEW && !shown ? (
                <Notice icon={IconRoute} title={t("rule.gone")} text={open} />
              ) : (
                <RuleEditor
                  key={`${open} ${shown?.revision === 0}`} // as it came, and as people made it
                  rule={shown ?? null}
                  rules={rules}
                  onSaved={pick}
                  onGone={() => setFilters({ rule: "" })}
                />
              )}
            </>
          );
        }}
      </Asked>
    </div>
  );
}

interface ListProps {
  rules: readonly Rule[];
  open: string | null;
  onPick: (id: string) => void;
}

function List({ rules, open, onPick }: ListProps) {
  const { t } = useTranslation("alerts");
  const sorted = [...rules].sort(
    (one, other) => Number(other.enabled) - Number(one.enabled) || one.title.localeCompare(other.title),
  );
  return (
    <ul>
      {sorted.map((rule) => (
        <li key={rule.id}>
          <button
            type="button"
            aria-current={open === rule.id ? "true" : undefined}
            data-off={!rule.enabled || undefined}
            onClick={() => onPick(rule.id)}
          >
            <strong>{rule.title}</strong>
            <span>
              {t(`kind.${rule.condition.kind}`)}
              {rule.builtin && ` · ${t("rule.own")}`}
            </span>
            {rule.enabled ? <Gravity severity={rule.severity} /> : <Tag tone="idle">{t("rule.off")}</Tag>}
          </button>
        </li>
      ))}
    </ul>
  );
}
