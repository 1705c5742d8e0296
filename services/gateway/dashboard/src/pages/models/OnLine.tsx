// On the line: the version each station judges by, what is tried beside it, and what was before.

import { Button } from "@mantine/core";
import { IconAlertTriangle, IconArrowBackUp, IconShieldCheck } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { stationsQuery } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { Asked, Empty, LoadingCards } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { ago, dateTime, useNow } from "@/parts/time";
import { told } from "@/parts/toasts";
import { type Active, activeQuery, historyQuery, type Rollout, rolloutsQuery } from "./asked";
import { DetectorUse } from "./DetectorUse";
import styles from "./models.module.css";
import { isOver, shortId } from "./reckoning";
import { Trial } from "./Trial";

export function OnLine() {
  const { t } = useTranslation("models");
  const active = useQuery(activeQuery);
  const rollouts = useQuery(rolloutsQuery);
  const past = (rollouts.data ?? []).filter(isOver);
  return (
    <>
      <Asked
        query={active}
        loading={<LoadingCards cards={2} height={300} />}
        isEmpty={(list) => list.every((each) => !each.version_id && !each.trial)}
        empty={<Empty title={t("line.empty")} text={t("line.emptyText")} />}
      >
        {(list) => (
          <div className={styles.grid}>
            {list
              .filter((each) => each.version_id || each.trial)
              .map((each) => (
                <StationCard
                  key={each.station_id}
                  active={each}
                  rollouts={(rollouts.data ?? []).filter(
                    (one) => one.station_id === each.station_id && !isOver(one),
                  )}
                />
              ))}
          </div>
        )}
      </Asked>
      {past.length > 0 && <Past rollouts={past} />}
    </>
  );
}

function StationCard({ active, rollouts }: { active: Active; rollouts: readonly Rollout[] }) {
  const { t } = useTranslation("models");
  const stations = useQuery(stationsQuery);
  const now = useNow();
  const station = stations.data?.find((each) => each.id === active.station_id);
  const name = station?.name || active.station_id;
  return (
    <article className={styles.card} data-station={active.station_id}>
      <header>
        <h2 title={active.station_id}>{name}</h2>
        <span data-end>
          {active.version_id ? <Rollback active={active} /> : <Tag tone="idle">{t("line.noModel")}</Tag>}
        </span>
      </header>
      <div className={styles.body}>
        {active.version_id && (
          <dl className={styles.facts}>
            <div data-wide>
              <dt>{t("line.judges")}</dt>
              <dd>
                <Link to="/models/versions" search={{ version: active.version_id } as never}>
                  {active.name || shortId(active.version_id)}
                </Link>
              </dd>
            </div>
            <div>
              <dt>{t("line.since")}</dt>
              <dd title={active.since ? dateTime(active.since) : ""}>
                {active.since ? ago(active.since, now) : "–"}
              </dd>
            </div>
            <div>
              <dt>{t("line.recipe")}</dt>
              <dd>{active.recipe_revision ?? "–"}</dd>
            </div>
          </dl>
        )}
        {station && <DetectorUse station={station} />}
        {rollouts.map((each) => (
          <Trial key={each.id} rollout={each} />
        ))}
        <History station={active.station_id} />
      </div>
    </article>
  );
}

function Rollback({ active }: { active: Active }) {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const queries = useQueryClient();
  const history = useQuery(historyQuery(active.station_id));
  const version = active.version_id;
  const before = history.data?.find((each) => each.version_id !== version);
  if (!may || !version || !before) return null;
  return (
    <ConfirmButton
      variant="default"
      color="red.9"
      leftSection={<IconArrowBackUp size={20} />}
      title={t("rollback.title", { station: active.station_id })}
      effect={t("rollback.effect", {
        station: active.station_id,
        from: active.name || shortId(version),
        to: before.name || shortId(before.version_id),
      })}
      verb={t("rollback.verb")}
      act={async () => {
        const body = { station_ids: [active.station_id], reason: "" };
        await take(api.POST("/api/v1/models/{id}/rollback", { params: { path: { id: version } }, body }));
        told.done(t("rollback.done", { station: active.station_id }));
        await queries.invalidateQueries({ queryKey: ["models"] });
      }}
    >
      {t("rollback.verb")}
    </ConfirmButton>
  );
}

const FEW = 3;

function History({ station }: { station: string }) {
  const { t } = useTranslation("models");
  const history = useQuery(historyQuery(station));
  const [all, setAll] = useState(false);
  const list = history.data ?? [];
  if (!list.length) return null;
  return (
    <section aria-label={t("history.title")}>
      <h3>{t("history.title")}</h3>
      <ol className={styles.steps}>
        {list.slice(0, all ? undefined : FEW).map((each) => (
          <li key={`${each.at} ${each.version_id}`}>
            <b>{each.name || shortId(each.version_id)}</b>{" "}
            <Tag
              tone={each.kind === "automatic-rollback" ? "bad" : each.kind === "rollback" ? "warn" : "info"}
            >
              {t(`history.${each.kind ?? "deploy"}`)}
            </Tag>{" "}
            {each.forced && <Tag tone="warn">{t("history.forced")}</Tag>}
            <p className={styles.quiet}>
              {dateTime(each.at)} · {each.by}
              {each.note && ` · ${each.note}`}
            </p>
          </li>
        ))}
      </ol>
      {list.length > FEW && (
        <Button variant="subtle" size="sm" onClick={() => setAll(!all)}>
          {all ? t("history.fewer") : t("history.all", { count: list.length })}
        </Button>
      )}
    </section>
  );
}

const TONES = { promoted: "good", passed: "good", aborted: "idle", rolled_back: "bad" } as const;

function Past({ rollouts }: { rollouts: readonly Rollout[] }) {
  const { t } = useTranslation("models");
  return (
    <section className={styles.card} aria-label={t("past.title")}>
      <header>
        <h2>{t("past.title")}</h2>
      </header>
      <div className={`${styles.body} ${styles.scroll}`}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>{t("past.what")}</th>
              <th>{t("past.station")}</th>
              <th>{t("past.parts")}</th>
              <th>{t("past.ended")}</th>
              <th>{t("past.how")}</th>
            </tr>
          </thead>
          <tbody>
            {rollouts.slice(0, 20).map((each) => (
              <tr key={each.id}>
                <td>
                  {t(`role.${each.role}`)} · {shortId(each.version_id)}
                </td>
                <td>{each.station_id}</td>
                <td>{each.new?.parts ?? 0}</td>
                <td>{each.ended_at ? dateTime(each.ended_at) : "–"}</td>
                <td>
                  <Tag
                    tone={TONES[each.state as keyof typeof TONES] ?? "idle"}
                    icon={each.state === "rolled_back" ? IconAlertTriangle : IconShieldCheck}
                  >
                    {t(`state.${each.state}`)}
                  </Tag>
                  {each.reason && <p className={styles.quiet}>{each.reason}</p>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
