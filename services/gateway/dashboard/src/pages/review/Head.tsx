// How much is asked, said and learned, and whether a training is worth it.

import { ActionIcon, Button } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconSchool } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "@/api/session";
import { count, percent } from "@/parts/numbers";
import { adviceQuery, statsQuery } from "./asked";
import styles from "./Head.module.css";
import { Rules } from "./Rules";

export function Head({ station }: { station: string | null }) {
  const { t } = useTranslation("review");
  const stats = useQuery(statsQuery(station));
  const may = useMay("configure");
  const [rules, setRules] = useState(false);
  const known = stats.data;
  const figures = ["pending", "labeled", "trained", "disputed", "unsure"] as const;
  return (
    <header className={styles.head}>
      <dl>
        {figures.map((each) => (
          <div
            key={each}
            data-figure={each}
            data-warn={(each === "disputed" && known?.disputed) || undefined}
          >
            <dt>{t(`stat.${each}`)}</dt>
            <dd>{known ? count(known[each]) : "–"}</dd>
          </div>
        ))}
      </dl>
      <Advice station={station} may={may} />
      {may && (
        <ActionIcon aria-label={t("rules.title")} title={t("rules.title")} onClick={() => setRules(true)}>
          <IconAdjustmentsHorizontal />
        </ActionIcon>
      )}
      {rules && <Rules station={station} onClose={() => setRules(false)} />}
    </header>
  );
}

// As Andon advises: so many labeled, so many judged lately, and so many of those unsure.
const WANTED = 20;
const RECENT = 50;
const UNSURE = 0.1;

function Advice({ station, may }: { station: string | null; may: boolean }) {
  const { t } = useTranslation("review");
  const advice = useQuery(adviceQuery(station));
  const navigate = useNavigate();
  if (!advice.data) return null;
  const { labeled, retrain, recent, uncertain_share } = advice.data;
  const share = Math.min(1, labeled / WANTED);
  const missing = [
    labeled < WANTED && t("advice.labeled", { count: WANTED - labeled }),
    recent < RECENT && t("advice.recent", { count: RECENT - recent }),
    uncertain_share < UNSURE &&
      t("advice.unsure", { share: percent(uncertain_share, 0), count: recent, from: percent(UNSURE, 0) }),
  ].filter(Boolean);
  return (
    <div className={styles.advice} data-ready={retrain || undefined}>
      <div>
        <strong>{t(retrain ? "advice.ready" : "advice.notYet", { count: labeled })}</strong>
        <p>{retrain ? t("advice.readyText") : missing.join(" · ")}</p>
        <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect width="100" height="4" data-part="room" />
          <rect width={100 * share} height="4" data-part="done" />
        </svg>
      </div>
      {may && (
        <Button
          variant={retrain ? "filled" : "default"}
          leftSection={<IconSchool size={20} />}
          onClick={() =>
            void navigate({ to: "/models/training", search: (station ? { station } : {}) as never })
          }
        >
          {t("advice.train")}
        </Button>
      )}
    </div>
  );
}
