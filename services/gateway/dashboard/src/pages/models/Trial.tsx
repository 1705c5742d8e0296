// A version on trial: its figures beside those of the version that judges, as the parts come in.

import { IconArrowUpCircle, IconEye, IconFeather, IconPlayerStop, IconShield } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { count, decimal, percent } from "@/parts/numbers";
import { Tag } from "@/parts/Tag";
import { ago, duration, useNow } from "@/parts/time";
import { told } from "@/parts/toasts";
import { modelsQuery, type Rollout } from "./asked";
import { Interval } from "./Interval";
import styles from "./models.module.css";
import { meanTime, passRate, rateOf, shortId, whole } from "./reckoning";

const ICONS = { shadow: IconEye, canary: IconFeather, watch: IconShield } as const;

export function Trial({ rollout }: { rollout: Rollout }) {
  const { t } = useTranslation("models");
  const now = useNow();
  const models = useQuery(modelsQuery);
  const nameOf = (id: string) => models.data?.find((each) => each.id === id)?.name || shortId(id);
  return (
    <section
      className={styles.trial}
      aria-label={t(`role.${rollout.role}`)}
      data-rollout={rollout.id}
      data-role={rollout.role}
    >
      <div className={styles.actions}>
        <Tag tone="info" icon={ICONS[rollout.role]}>
          {t(`role.${rollout.role}`)}
          {rollout.role === "canary" && ` ${percent(rollout.share ?? 0, 0)}`}
        </Tag>
        {rollout.ending && <Tag tone="warn">{t("trial.ending", { how: t(`state.${rollout.ending}`) })}</Tag>}
        <span className={styles.quiet}>
          {t("trial.since", { ago: ago(rollout.started_at, now), by: rollout.by })}
          {rollout.until &&
            ` · ${t("trial.left", { left: duration((Date.parse(rollout.until) - now) / 1000) })}`}
        </span>
      </div>
      <div className={styles.scroll}>
        <Compared rollout={rollout} nameOf={nameOf} />
      </div>
      <p className={styles.quiet}>{t(`trial.${rollout.role}`)}</p>
      <Ends rollout={rollout} name={nameOf(rollout.version_id)} old={nameOf(rollout.against)} />
    </section>
  );
}

function Compared({ rollout, nameOf }: { rollout: Rollout; nameOf: (id: string) => string }) {
  const { t } = useTranslation("models");
  const fresh = whole(rollout.new);
  const old = whole(rollout.old);
  const bounds = rollout.bounds ?? {};
  const time = (ms: number | null) => (ms === null ? "–" : `${decimal(ms, 1)} ms`);
  const shadow = rollout.role === "shadow";
  const errors = rateOf(fresh.errors, fresh.parts + fresh.errors);
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th>{t("trial.figure")}</th>
          <th>{nameOf(rollout.version_id)}</th>
          <th>{nameOf(rollout.against)}</th>
          {!shadow && <th>{t("trial.bound")}</th>}
        </tr>
      </thead>
      <tbody>
        <tr>
          <td>{t("trial.parts")}</td>
          <td data-figure="new-parts">{count(fresh.parts)}</td>
          <td>{count(old.parts)}</td>
          {!shadow && <td>{t("trial.from", { count: bounds.min_parts ?? 30 })}</td>}
        </tr>
        <tr>
          <td>{t("trial.passRate")}</td>
          <td>
            <Interval rate={passRate(fresh)} />
          </td>
          <td>
            <Interval rate={passRate(old)} tone="idle" />
          </td>
          {!shadow && <td>± {percent(bounds.max_pass_rate_change ?? 0.1, 0)}</td>}
        </tr>
        <tr>
          <td>{t("trial.time")}</td>
          <td>{time(meanTime(fresh))}</td>
          <td>{time(meanTime(old))}</td>
          {!shadow && <td>× {decimal(bounds.max_latency_ratio ?? 3, 1)}</td>}
        </tr>
        <tr>
          <td>{t("trial.errors")}</td>
          <td data-tone={fresh.errors ? "warn" : undefined}>
            {count(fresh.errors)} {errors && fresh.errors > 0 && `(${percent(errors.value)})`}
          </td>
          <td>{count(old.errors)}</td>
          {!shadow && <td>{percent(bounds.max_error_rate ?? 0.02, 0)}</td>}
        </tr>
        {shadow && (
          <tr>
            <td>{t("trial.disagreed")}</td>
            <td>
              <Interval rate={rateOf(fresh.disagreed, fresh.parts)} tone="bad" />
            </td>
            <td />
          </tr>
        )}
      </tbody>
    </table>
  );
}

function Ends({ rollout, name, old }: { rollout: Rollout; name: string; old: string }) {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const queries = useQueryClient();
  if (!may || rollout.ending || rollout.state === "starting") return null;
  const end = async (how: "promote" | "abort") => {
    const params = { path: { id: rollout.id } };
    const body = { reason: "" };
    await (how === "promote"
      ? take(api.POST("/api/v1/rollouts/{id}/promote", { params, body }))
      : take(api.POST("/api/v1/rollouts/{id}/abort", { params, body })));
    told.done(t(`trial.${how === "promote" ? "promoted" : "aborted"}`, { name }));
    await queries.invalidateQueries({ queryKey: ["models"] });
  };
  const station = rollout.station_id;
  return (
    <div className={styles.actions}>
      {rollout.role !== "watch" && (
        <ConfirmButton
          color="steel"
          leftSection={<IconArrowUpCircle size={20} />}
          title={t("trial.promoteTitle", { name })}
          effect={t("trial.promoteEffect", { name, station, old })}
          verb={t("trial.promote")}
          act={() => end("promote")}
        >
          {t("trial.promote")}
        </ConfirmButton>
      )}
      <ConfirmButton
        variant="default"
        color="red.9"
        leftSection={<IconPlayerStop size={20} />}
        title={t("trial.abortTitle", { name })}
        effect={t(rollout.role === "watch" ? "trial.unwatchEffect" : "trial.abortEffect", {
          name,
          station,
          old,
        })}
        verb={t("trial.abort")}
        act={() => end("abort")}
      >
        {t("trial.abort")}
      </ConfirmButton>
    </div>
  );
}
