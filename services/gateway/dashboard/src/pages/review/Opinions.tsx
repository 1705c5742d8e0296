// What others said of the part, and their marks to confirm or to correct.

import { Alert, Button } from "@mantine/core";
import { IconUserCheck, IconUsers } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { ago, useNow } from "@/parts/time";
import type { Opinion } from "./asked";
import styles from "./Opinions.module.css";

interface Props {
  opinions: readonly Opinion[];
  disputed: boolean;
  reviewers: number;
  onTakeOver: ((opinion: Opinion) => void) | undefined;
}

export function Opinions({ opinions, disputed, reviewers, onTakeOver }: Props) {
  const { t } = useTranslation("review");
  const now = useNow();
  return (
    <section className={styles.opinions} aria-label={t("opinion.title")}>
      {disputed && (
        <Alert color="yellow" icon={<IconUsers />}>
          {t("opinion.disputed")}
        </Alert>
      )}
      {!disputed && reviewers > 1 && <p>{t("opinion.second")}</p>}
      <ul>
        {opinions.map((opinion) => (
          <li key={opinion.id}>
            <IconUserCheck size={20} stroke={1.7} aria-hidden="true" />
            <div>
              <strong>{opinion.by}</strong>: {t(`verdict.${opinion.verdict}`)}
              {opinion.annotations.length > 0 && ` (${namesOf(opinion)})`}
              <p>
                {ago(opinion.at, now)}
                {opinion.final && ` · ${t("opinion.final")}`}
                {opinion.counts && ` · ${t("opinion.counts")}`}
              </p>
              {opinion.note && <p>“{opinion.note}”</p>}
            </div>
            {onTakeOver && opinion.annotations.length > 0 && (
              <Button variant="default" size="sm" onClick={() => onTakeOver(opinion)}>
                {t("opinion.takeOver")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const namesOf = (opinion: Opinion): string =>
  [...new Set(opinion.annotations.map((shape) => shape.class_name))].join(", ");
