// By which ways people and machines are told, whether it works, and what did not arrive.

import { Button, Group } from "@mantine/core";
import {
  IconBrandSlack,
  IconMail,
  IconPlus,
  IconRefresh,
  IconSend,
  IconTopologyStar3,
  IconTrash,
  IconWebhook,
} from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { messageOf } from "@/parts/fields";
import { decimal } from "@/parts/numbers";
import { Asked, LoadingCards, Notice } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import styles from "./alerts.module.css";
import { ChannelEditor } from "./ChannelEditor";
import { Gravity } from "./Gravity";
import { Age } from "./Inbox";
import { type Channel, channelsQuery, deadQuery } from "./queries";

const ICONS = {
  email: IconMail,
  webhook: IconWebhook,
  mqtt: IconTopologyStar3,
  apprise: IconBrandSlack,
} as const;

export const anew = () =>
  Promise.all(
    ["alert-channels", "alert-notices"].map((name) => queries.invalidateQueries({ queryKey: [name] })),
  );

export function Channels() {
  const { t } = useTranslation("alerts");
  const may = useMay("configure");
  const asked = useQuery(channelsQuery);
  const [edited, setEdited] = useState<Channel | "new" | null>(null);
  const add = may && (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setEdited("new")}>
      {t("channel.new")}
    </Button>
  );
  return (
    <div className={styles.place}>
      <Asked
        query={asked}
        loading={<LoadingCards cards={3} height={180} />}
        isEmpty={(known) => known.length === 0}
        empty={
          <Notice icon={IconSend} title={t("channel.none")} text={t("channel.noneHint")}>
            {add}
          </Notice>
        }
      >
        {(known) => (
          <>
            <div className={styles.top}>
              <p className={styles.hint}>{t("channel.hint")}</p>
              {add}
            </div>
            <ul className={styles.cards}>
              {known.map((each) => (
                <Card key={each.id} channel={each} onEdit={() => setEdited(each)} />
              ))}
            </ul>
          </>
        )}
      </Asked>
      <DeadLetters />
      {edited && <ChannelEditor channel={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
    </div>
  );
}

export function whereTo(target: Channel["target"]): string {
  if (target.kind === "email") return `${target.to.join(", ")} · ${target.host}:${target.port}`;
  if (target.kind === "mqtt") return `${target.host}:${target.port} · ${target.topic}`;
  return target.url ?? "";
}

function Card({ channel, onEdit }: { channel: Channel; onEdit: () => void }) {
  const { t } = useTranslation("alerts");
  const may = useMay("configure");
  const Shown = ICONS[channel.target.kind];
  return (
    <li className={styles.channel} data-channel={channel.id}>
      <header>
        <Shown size={22} stroke={1.6} aria-hidden="true" />
        <h2>{channel.title}</h2>
        {!channel.enabled ? (
          <Tag tone="idle">{t("rule.off")}</Tag>
        ) : channel.failing_since ? (
          <Tag tone="bad">{t("channel.failing")}</Tag>
        ) : channel.last_sent_at ? (
          <Tag tone="good">{t("channel.on")}</Tag>
        ) : (
          <Tag tone="idle">{t("channel.untried")}</Tag>
        )}
      </header>
      <p className={styles.hint}>{whereTo(channel.target)}</p>
      <p className={styles.tags}>
        {t("channel.from")} <Gravity severity={channel.minimum_severity} />
      </p>
      <p className={styles.hint}>
        {channel.last_sent_at ? (
          <>
            {t("channel.lastSent")} <Age at={channel.last_sent_at} />
          </>
        ) : (
          t("channel.neverSent")
        )}
      </p>
      {channel.last_error && <p className={styles.remark}>{channel.last_error}</p>}
      {may && (
        <Group gap={8}>
          <Test channel={channel} />
          <Button variant="default" onClick={onEdit}>
            {t("channel.edit")}
          </Button>
          <Remove channel={channel} />
        </Group>
      )}
    </li>
  );
}

function Test({ channel }: { channel: Channel }) {
  const { t } = useTranslation("alerts");
  const test = useMutation({
    mutationFn: () =>
      take(api.POST("/api/v1/alert-channels/{id}/test", { params: { path: { id: channel.id } } })),
    onSettled: () => void anew(),
  });
  const { data, error } = test;
  return (
    <>
      {(data ?? error) && (
        <p role="status" className={styles.tested} data-good={data?.arrived || undefined}>
          {error
            ? messageOf(error)
            : data?.arrived
              ? t("channel.arrived", { seconds: decimal(data.seconds, 1) })
              : t("channel.notArrived", { error: data?.error ?? "" })}
        </p>
      )}
      <Button
        variant="default"
        leftSection={<IconSend size={18} />}
        loading={test.isPending}
        onClick={() => test.mutate()}
      >
        {t("channel.test")}
      </Button>
    </>
  );
}

function Remove({ channel }: { channel: Channel }) {
  const { t } = useTranslation("alerts");
  return (
    <ConfirmButton
      variant="default"
      title={t("channel.removeTitle", { title: channel.title })}
      effect={t("channel.removeEffect")}
      verb={t("rule.delete")}
      act={() =>
        take(api.DELETE("/api/v1/alert-channels/{id}", { params: { path: { id: channel.id } } })).then(anew)
      }
    >
      {t("rule.delete")}
    </ConfirmButton>
  );
}

function DeadLetters() {
  const { t } = useTranslation("alerts");
  const may = useMay("configure");
  const asked = useQuery(deadQuery);
  const retry = useMutation({
    mutationFn: (ids: readonly string[]) =>
      take(
        api.POST("/api/v1/alert-notices/retry", {
          body: { ids: [...ids], discard: false } as Schemas["RetryBody"],
        }),
      ),
    onSuccess: ({ count }) => {
      told.done(t("dead.retried", { count }));
      void anew();
    },
    onError: told.failed,
  });
  const found = asked.data;
  if (!found?.dead) return null;
  const ids = found.notices.map((each) => each.id);
  return (
    <section className={styles.dead} aria-labelledby="dead-title">
      <header className={styles.top}>
        <h2 id="dead-title">{t("dead.title", { count: found.dead })}</h2>
        {may && (
          <Group gap={8}>
            <Button
              variant="default"
              leftSection={<IconRefresh size={18} />}
              loading={retry.isPending}
              onClick={() => retry.mutate(ids)}
            >
              {t("dead.retryAll")}
            </Button>
            <ConfirmButton
              variant="default"
              leftSection={<IconTrash size={18} />}
              title={t("dead.discardTitle", { count: ids.length })}
              effect={t("dead.discardEffect")}
              verb={t("dead.discard")}
              act={() =>
                take(
                  api.POST("/api/v1/alert-notices/retry", {
                    body: { ids, discard: true } as Schemas["RetryBody"],
                  }),
                ).then(anew)
              }
            >
              {t("dead.discard")}
            </ConfirmButton>
          </Group>
        )}
      </header>
      <ul>
        {found.notices.map((each) => (
          <li key={each.id}>
            <Gravity severity={each.severity} />
            <div>
              <strong>{each.title}</strong>
              <p className={styles.hint}>
                {each.channel} · {dateTime(each.created_at)} · {t("dead.tries", { count: each.attempts })}
              </p>
              {each.error && <p className={styles.remark}>{each.error}</p>}
            </div>
            {may && (
              <Button variant="subtle" onClick={() => retry.mutate([each.id])}>
                {t("dead.retry")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
