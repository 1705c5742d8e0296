// When nobody is told: what holds now, what is to come, what is over.

import { Button } from "@mantine/core";
import { IconBellOff, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { Asked, LoadingRows, Notice } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { dateTime, duration, useNow } from "@/parts/time";
import styles from "./alerts.module.css";
import { type Silence, silencesQuery } from "./queries";
import { SilenceForm } from "./SilenceForm";

type Phase = "now" | "later" | "over";

export function phaseOf(silence: Silence, now: number): Phase {
  if (silence.ended_by || Date.parse(silence.ends_at) <= now) return "over";
  return Date.parse(silence.begins_at) > now ? "later" : "now";
}

export function Silences() {
  const { t } = useTranslation("alerts");
  const may = useMay("configure");
  const now = useNow();
  const asked = useQuery(silencesQuery);
  const [making, setMaking] = useState(false);
  const add = may && (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setMaking(true)}>
      {t("silence.new")}
    </Button>
  );
  return (
    <div className={styles.place}>
      <Asked
        query={asked}
        loading={<LoadingRows rows={3} height={88} />}
        isEmpty={(known) => known.length === 0}
        empty={
          <Notice icon={IconBellOff} title={t("silence.none")} text={t("silence.noneHint")}>
            {add}
          </Notice>
        }
      >
        {(known) => (
          <>
            <div className={styles.top}>
              <p className={styles.hint}>{t("silence.effect")}</p>
              {add}
            </div>
            {(["now", "later", "over"] as const).map((phase) => {
              const some = known.filter((each) => phaseOf(each, now) === phase);
              if (!some.length) return null;
              return (
                <section key={phase} className={styles.group}>
                  <h2>{t(`silence.phase.${phase}`)}</h2>
                  <ul>
                    {some.map((each) => (
                      <Card key={each.id} silence={each} phase={phase} now={now} />
                    ))}
                  </ul>
                </section>
              );
            })}
          </>
        )}
      </Asked>
      {making && <SilenceForm onClose={() => setMaking(false)} />}
    </div>
  );
}

function Card({ silence, phase, now }: { silence: Silence; phase: Phase; now: number }) {
  const { t } = useTranslation("alerts");
  const may = useMay("configure");
  const of = [...silence.rules, ...silence.stations, ...silence.subjects];
  const end = () =>
    take(api.DELETE("/api/v1/alert-silences/{id}", { params: { path: { id: silence.id } } })).then(() =>
      queries.invalidateQueries({ queryKey: ["alert-silences"] }),
    );
  return (
    <li className={styles.card} data-phase={phase}>
      <div>
        <h3>{silence.reason}</h3>
        <p className={styles.hint}>
          {dateTime(silence.begins_at)} – {dateTime(silence.ends_at)} · {silence.by}
          {silence.ended_by && ` · ${t("silence.endedBy", { by: silence.ended_by })}`}
        </p>
        <p className={styles.tags}>
          {of.length ? (
            of.map((each) => (
              <Tag key={each} tone="idle">
                {each}
              </Tag>
            ))
          ) : (
            <Tag tone="warn">{t("silence.everything")}</Tag>
          )}
        </p>
      </div>
      {phase === "now" && (
        <strong className={styles.left}>
          {t("silence.left", { time: duration((Date.parse(silence.ends_at) - now) / 1000) })}
        </strong>
      )}
      {may && phase !== "over" && (
        <ConfirmButton
          variant="default"
          title={t("silence.endTitle")}
          effect={t("silence.endEffect")}
          verb={t("silence.end")}
          act={end}
        >
          {t("silence.end")}
        </ConfirmButton>
      )}
    </li>
  );
}
