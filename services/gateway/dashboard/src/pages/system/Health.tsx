// Every server and service: whether it answers, and how soon.

import { Button } from "@mantine/core";
import { IconCircleCheck, IconCircleX, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { clockOffset } from "@/api/clock";
import { queries } from "@/api/queries";
import { useLive } from "@/live/live";
import { count, decimal } from "@/parts/numbers";
import { Asked, LoadingCards } from "@/parts/States";
import { Tag, type Tone } from "@/parts/Tag";
import { ago, useNow } from "@/parts/time";
import styles from "./system.module.css";

type Part = Schemas["PartView"];

/** What changes is heard; how soon each answers, and how much went out, is looked at now and then. */
const LOOK = 60_000;

export function Health() {
  const { t } = useTranslation("system");
  const now = useNow();
  const asked = useQuery({
    queryKey: ["health", "parts"],
    queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/health/parts", { signal }))).parts],
    refetchInterval: LOOK,
    staleTime: 0,
  });
  useLive("gateway.health.changed.v1", ({ parts }) => queries.setQueryData(["health", "parts"], [...parts]));
  const health = useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => take(api.GET("/api/v1/health", { signal })),
  });
  const sick = asked.data?.filter((part) => !part.well).length ?? 0;
  return (
    <div className={styles.place}>
      <div className={styles.top}>
        {asked.data && (
          <Tag tone={sick ? "bad" : "good"} icon={sick ? IconCircleX : IconCircleCheck}>
            {sick ? t("health.sick", { count: sick }) : t("health.well")}
          </Tag>
        )}
        <span className={styles.hint}>
          Andon {health.data?.version ?? ""}
          {asked.dataUpdatedAt > 0 && ` · ${t("health.asked")} ${ago(asked.dataUpdatedAt, now)}`}
        </span>
        <Button
          variant="default"
          className={styles.right ?? ""}
          leftSection={<IconRefresh size={18} />}
          onClick={() => void asked.refetch()}
        >
          {t("health.ask")}
        </Button>
      </div>
      <Asked query={asked} loading={<LoadingCards cards={6} height={84} />}>
        {(parts) =>
          (["service", "server"] as const).map((kind) => (
            <section key={kind} className={styles.group} aria-label={t(`health.${kind}s`)}>
              <h2>{t(`health.${kind}s`)}</h2>
              <ul className={styles.tiles}>
                {parts
                  .filter((part) => part.kind === kind)
                  .map((part) => (
                    <Tile key={part.name} part={part} />
                  ))}
              </ul>
            </section>
          ))
        }
      </Asked>
      <section className={styles.group} aria-label={t("health.surfaces")}>
        <h2>{t("health.surfaces")}</h2>
        <div className={styles.cards}>
          <Runtimes />
          <Fieldbus />
          <Clock />
        </div>
      </section>
    </div>
  );
}

const speed = (seconds: number): Tone => (seconds > 1 ? "warn" : "good");

function Tile({ part }: { part: Part }) {
  const { t } = useTranslation("system");
  return (
    <li className={styles.tile} data-well={part.well} data-part={part.name}>
      <strong>{part.name}</strong>
      <Tag tone={part.well ? speed(part.seconds) : "bad"} icon={part.well ? IconCircleCheck : IconCircleX}>
        {part.well ? `${decimal(part.seconds * 1000, 0)} ms` : t("health.away")}
      </Tag>
      <span>{part.why || t(`health.what.${part.name}`)}</span>
    </li>
  );
}

export function Card({ title, tag, children }: { title: string; tag?: ReactNode; children: ReactNode }) {
  return (
    <article className={styles.card}>
      <header>
        <h3>{title}</h3>
        {tag}
      </header>
      {children}
    </article>
  );
}

export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Runtimes() {
  const { t } = useTranslation("system");
  const { data } = useQuery({
    queryKey: ["health", "runtimes"],
    queryFn: ({ signal }) => take(api.GET("/api/v1/openvino/status", { signal })),
  });
  useLive(
    ["training.model.deployed.v1", "rollout.trial.changed.v1"],
    () => void queries.invalidateQueries({ queryKey: ["health", "runtimes"] }),
  );
  if (!data) return null;
  const good = data.available || data.ort_fallback;
  return (
    <Card
      title={t("runtime.title")}
      tag={<Tag tone={good ? "good" : "bad"}>{data.enabled ? "OpenVINO" : "ONNX Runtime"}</Tag>}
    >
      <Facts
        facts={[
          [t("runtime.device"), data.device],
          [t("runtime.devices"), data.available_devices.join(", ") || "–"],
          [
            t("runtime.models"),
            data.models.map((each) => `${each.key.slice(0, 12)} (${each.precision})`).join(", ") || "–",
          ],
          [t("runtime.host"), data.host],
        ]}
      />
    </Card>
  );
}

function Fieldbus() {
  const { t } = useTranslation("system");
  const { data } = useQuery({
    queryKey: ["health", "fieldbus"],
    queryFn: ({ signal }) => take(api.GET("/api/v1/fieldbus/status", { signal })),
    refetchInterval: LOOK,
  });
  useLive("fieldbus.status.changed.v1", (status) => queries.setQueryData(["health", "fieldbus"], status));
  if (!data) return null;
  const { mqtt, modbus } = data;
  const state = (on: boolean, well: boolean): ReactNode => (
    <Tag tone={on ? (well ? "good" : "bad") : "idle"}>{t(on ? (well ? "on" : "health.away") : "off")}</Tag>
  );
  return (
    <>
      <Card title="MQTT" tag={state(mqtt.enabled, mqtt.connected)}>
        <Facts
          facts={[
            [t("fieldbus.endpoint"), mqtt.endpoint || "–"],
            [t("fieldbus.published"), count(mqtt.published)],
            [t("fieldbus.waiting"), count(mqtt.waiting)],
            [t("fieldbus.error"), mqtt.last_error ?? "–"],
          ]}
        />
      </Card>
      <Card title="Modbus TCP" tag={state(modbus.enabled, modbus.running)}>
        <Facts
          facts={[
            [t("fieldbus.endpoint"), modbus.endpoint || "–"],
            [t("fieldbus.clients"), count(modbus.clients)],
            [t("fieldbus.requests"), count(modbus.requests)],
            [t("fieldbus.error"), modbus.last_error ?? "–"],
          ]}
        />
      </Card>
    </>
  );
}

function Clock() {
  const { t } = useTranslation("system");
  const off = clockOffset() / 1000;
  const bad = Math.abs(off) > 5;
  return (
    <Card
      title={t("clock.title")}
      tag={<Tag tone={bad ? "warn" : "good"}>{t(bad ? "clock.off" : "clock.right")}</Tag>}
    >
      <p className={styles.hint}>{bad ? t("clock.by", { seconds: decimal(off, 0) }) : t("clock.agrees")}</p>
    </Card>
  );
}
