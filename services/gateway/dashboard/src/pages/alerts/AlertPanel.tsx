// One alert: what happened to it, and what can be done.

import { ActionIcon, Button, Group, Textarea } from "@mantine/core";
import { IconBellOff, IconCheck, IconCircleCheck, IconX } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { openAlertsQuery, queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { alertHeard } from "@/live/feeds";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { fieldsOf } from "@/parts/fields";
import { Asked, LoadingRows } from "@/parts/States";
import { dateTime, duration, useNow } from "@/parts/time";
import { told } from "@/parts/toasts";
import styles from "./alerts.module.css";
import { Gravity } from "./Gravity";
import { State } from "./Inbox";
import { type Alert, alertQuery } from "./queries";
import { SilenceForm } from "./SilenceForm";

type Details = Schemas["AlertDetailsView"];

function changed(alert: Alert): void {
  queries.setQueryData(openAlertsQuery.queryKey, (known) => known && alertHeard(known, alert));
  void queries.invalidateQueries({ queryKey: ["alerts", "list"] });
  void queries.invalidateQueries({ queryKey: ["alerts", "one", alert.id] });
}

export function AlertPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation("alerts");
  const { t: parts } = useTranslation("shared");
  const asked = useQuery(alertQuery(id));
  return (
    <aside className={styles.panel} aria-label={asked.data?.title ?? t("section.inbox")}>
      <Asked query={asked} loading={<LoadingRows rows={4} />}>
        {(alert) => (
          <>
            <header className={styles.head}>
              <Gravity severity={alert.severity} />
              <h2>{alert.title}</h2>
              <ActionIcon aria-label={parts("close")} title={parts("close")} onClick={onClose}>
                <IconX />
              </ActionIcon>
            </header>
            <p className={styles.message}>{alert.message}</p>
            <Facts alert={alert} />
            <Actions key={alert.state} alert={alert} />
            <Comment alert={alert} />
            <Story alert={alert} />
          </>
        )}
      </Asked>
    </aside>
  );
}

function Facts({ alert }: { alert: Details }) {
  const { t } = useTranslation("alerts");
  const now = useNow();
  const until = alert.resolved_at ? Date.parse(alert.resolved_at) : now;
  return (
    <dl className={styles.facts}>
      <div>
        <dt>{t("inbox.state")}</dt>
        <dd>
          <State alert={alert} />
        </dd>
      </div>
      <div>
        <dt>{t("inbox.about")}</dt>
        <dd>{alert.station_id ?? (alert.subject || t("inbox.all"))}</dd>
      </div>
      <div>
        <dt>{t("inbox.lasts")}</dt>
        <dd>{duration((until - Date.parse(alert.timestamp)) / 1000)}</dd>
      </div>
      <div>
        <dt>{t("inbox.rule")}</dt>
        <dd>
          <Link
            to="/alerts/$section"
            params={{ section: "rules" } as never}
            search={{ rule: alert.rule } as never}
          >
            {alert.rule}
          </Link>
        </dd>
      </div>
      {alert.silenced_until && (
        <div>
          <dt>{t("inbox.silenced")}</dt>
          <dd>{dateTime(alert.silenced_until)}</dd>
        </div>
      )}
    </dl>
  );
}

function Actions({ alert }: { alert: Details }) {
  const { t } = useTranslation("alerts");
  const may = useMay("inspect");
  const mayQuiet = useMay("configure");
  const [silencing, setSilencing] = useState(false);
  const params = { path: { id: alert.id } };
  const acknowledge = useMutation({
    mutationFn: () => take(api.POST("/api/v1/alerts/{id}/acknowledge", { params })),
    onSuccess: changed,
    onError: told.failed,
  });
  if (!may || alert.state === "resolved") return null;
  return (
    <Group gap={8}>
      {alert.state === "open" && (
        <Button
          leftSection={<IconCheck size={18} />}
          loading={acknowledge.isPending}
          onClick={() => acknowledge.mutate()}
        >
          {t("do.acknowledge")}
        </Button>
      )}
      <ConfirmButton
        variant="default"
        color="steel"
        leftSection={<IconCircleCheck size={18} />}
        title={t("do.resolveTitle", { title: alert.title })}
        effect={t("do.resolveEffect")}
        verb={t("do.resolve")}
        act={() =>
          take(api.POST("/api/v1/alerts/{id}/resolve", { params, body: { reason: "" } })).then(changed)
        }
      >
        {t("do.resolve")}
      </ConfirmButton>
      {mayQuiet && (
        <Button variant="default" leftSection={<IconBellOff size={18} />} onClick={() => setSilencing(true)}>
          {t("do.silence")}
        </Button>
      )}
      {silencing && (
        <SilenceForm
          about={{ rules: [alert.rule], stations: alert.station_id ? [alert.station_id] : [] }}
          onClose={() => setSilencing(false)}
        />
      )}
    </Group>
  );
}

function Comment({ alert }: { alert: Details }) {
  const { t } = useTranslation("alerts");
  const may = useMay("inspect");
  const [text, setText] = useState("");
  const say = useMutation({
    mutationFn: () =>
      take(api.POST("/api/v1/alerts/{id}/comments", { params: { path: { id: alert.id } }, body: { text } })),
    onSuccess: (after) => {
      queries.setQueryData(alertQuery(alert.id).queryKey, after);
      setText("");
    },
  });
  if (!may) return null;
  function send(event: FormEvent) {
    event.preventDefault();
    say.mutate();
  }
  return (
    <form onSubmit={send} className={styles.comment}>
      <Textarea
        label={t("do.comment")}
        autosize
        minRows={1}
        maxRows={6}
        size="md"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={Object.values(fieldsOf(say.error))[0]}
      />
      <Button type="submit" variant="default" loading={say.isPending} disabled={!text.trim()}>
        {t("do.say")}
      </Button>
    </form>
  );
}

function Story({ alert }: { alert: Details }) {
  const { t, i18n } = useTranslation("alerts");
  return (
    <ol className={styles.story}>
      {[...alert.history].reverse().map((each) => (
        <li key={`${each.at} ${each.what} ${each.text}`}>
          <time dateTime={each.at}>{dateTime(each.at)}</time>
          <div>
            <strong>
              {i18n.exists(`alerts:happened.${each.what}`) ? t(`happened.${each.what}`) : each.what}
            </strong>
            {each.by && ` · ${each.by}`}
            {each.text && <p>{each.text}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}
