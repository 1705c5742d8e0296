// Machines that run jobs: whether they live, how loaded they are, what they hold.

import { IconServerOff } from "@tabler/icons-react";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { withEntry } from "@/live/feeds";
import { useLive } from "@/live/live";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { bytes, decimal } from "@/parts/numbers";
import { Asked, LoadingCards, Notice } from "@/parts/States";
import { Tag, type Tone } from "@/parts/Tag";
import styles from "./cards.module.css";
import { Age } from "./Jobs";

type Device = Schemas["Device"];

const TONES: Readonly<Record<Schemas["DeviceStatus"], Tone>> = {
  healthy: "good",
  stale: "warn",
  disconnected: "bad",
};

export const devicesQuery = queryOptions({
  queryKey: ["devices"],
  queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/devices", { signal }))).devices],
});

export function Devices() {
  const { t } = useTranslation("work");
  const asked = useQuery(devicesQuery);
  useLive("queue.device.changed.v1", (device) => {
    queries.setQueryData(devicesQuery.queryKey, (known) => known && withEntry(known, device));
  });
  useLive("queue.device.deleted.v1", ({ id }) => {
    queries.setQueryData(devicesQuery.queryKey, (known) => known?.filter((each) => each.id !== id));
  });
  return (
    <div className={styles.place}>
      <Asked
        query={asked}
        loading={<LoadingCards cards={3} height={240} />}
        isEmpty={(devices) => devices.length === 0}
        empty={<Notice icon={IconServerOff} title={t("device.none")} text={<code>andon agent</code>} />}
      >
        {(devices) => (
          <ul className={styles.cards}>
            {[...devices]
              .sort((one, other) => one.id.localeCompare(other.id))
              .map((device) => (
                <Card key={device.id} device={device} />
              ))}
          </ul>
        )}
      </Asked>
    </div>
  );
}

function Card({ device }: { device: Device }) {
  const { t } = useTranslation("work");
  const { facts } = device;
  const gone = device.status === "disconnected";
  const used = facts.memory_total ? facts.memory_used / facts.memory_total : null;
  const skew = device.clock_skew_seconds ?? 0;
  return (
    <li className={styles.card} data-gone={gone || undefined}>
      <header>
        <h2>{device.id}</h2>
        <Tag tone={TONES[device.status]}>{t(`device.${device.status}`)}</Tag>
      </header>
      <p className={styles.quiet}>
        {facts.platform || facts.hostname} · {t("device.heard")} <Age at={device.last_heartbeat} />
      </p>
      <Load name={t("device.slots")} share={device.slots ? device.active_jobs.length / device.slots : 0}>
        {device.active_jobs.length} / {device.slots}
      </Load>
      <Load name={t("device.cpu", { count: facts.cpu_cores })} share={gone ? null : share(facts.cpu_util)}>
        {facts.cpu_util === null || gone ? "–" : `${decimal(facts.cpu_util ?? 0, 0)} %`}
      </Load>
      <Load name={t("device.memory")} share={gone ? null : used}>
        {facts.memory_total ? `${bytes(facts.memory_used)} / ${bytes(facts.memory_total)}` : "–"}
      </Load>
      {facts.gpus.map((gpu) => (
        <Load
          key={gpu.id}
          name={gpu.name || `GPU ${gpu.id}`}
          share={gone || !gpu.vram_total ? null : gpu.vram_used / gpu.vram_total}
        >
          {[
            gpu.util !== null && `${decimal(gpu.util ?? 0, 0)} %`,
            gpu.vram_total > 0 && `${bytes(gpu.vram_used)} / ${bytes(gpu.vram_total)}`,
            gpu.temperature !== null && `${decimal(gpu.temperature ?? 0, 0)} °C`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </Load>
      ))}
      <p className={styles.quiet}>
        {facts.disk_free > 0 && `${t("device.disk")} ${bytes(facts.disk_free)}`}
        {device.queues.length > 0 && ` · ${t("section.queues")}: ${device.queues.join(", ")}`}
        {device.labels.length > 0 && ` · ${device.labels.join(", ")}`}
      </p>
      {Math.abs(skew) > 5 && <p className={styles.warn}>{t("device.skew", { seconds: decimal(skew, 0) })}</p>}
      {gone && <Forget id={device.id} />}
    </li>
  );
}

const share = (percent: number | null | undefined): number | null =>
  percent === null || percent === undefined ? null : percent / 100;

export function Load(props: { name: string; share: number | null; children: React.ReactNode }) {
  const full = props.share ?? 0;
  return (
    <div className={styles.load} data-tone={full > 0.95 ? "bad" : full > 0.85 ? "warn" : undefined}>
      <span>{props.name}</span>
      <b>{props.children}</b>
      <span className={styles.track} aria-hidden="true">
        <i style={{ width: `${Math.min(100, Math.round(full * 100))}%` }} />
      </span>
    </div>
  );
}

function Forget({ id }: { id: string }) {
  const { t } = useTranslation("work");
  if (!useMay("configure")) return null;
  return (
    <ConfirmButton
      variant="default"
      title={t("device.forgetTitle", { id })}
      effect={t("device.forgetEffect")}
      verb={t("device.forget")}
      act={() => take(api.DELETE("/api/v1/devices/{id}", { params: { path: { id } } }))}
    >
      {t("device.forget")}
    </ConfirmButton>
  );
}
