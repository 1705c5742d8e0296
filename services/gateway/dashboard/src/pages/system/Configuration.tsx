// Settings that hold from the moment they are saved, and who changed them before.

import { Button, NumberInput, PasswordInput, Select, Switch, TextInput } from "@mantine/core";
import { IconDeviceFloppy } from "@tabler/icons-react";
import { queryOptions, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { fieldsOf } from "@/parts/fields";
import { Asked, LoadingCards } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import {
  type Body,
  type Config,
  changesOf,
  SETTINGS,
  type SectionName,
  type Setting,
  valuesOf,
} from "./settings";
import styles from "./system.module.css";

const configQuery = queryOptions({
  queryKey: ["config"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/config", { signal })),
});

export function Configuration() {
  const asked = useQuery(configQuery);
  return (
    <div className={styles.place}>
      <Asked query={asked} loading={<LoadingCards cards={4} height={200} />}>
        {(config) => (
          <>
            <Form key={config.revision} config={config} />
            <Changes />
          </>
        )}
      </Asked>
    </div>
  );
}

function Form({ config }: { config: Config }) {
  const { t } = useTranslation("system");
  const may = useMay("configure");
  const [wish, setWish] = useState(() => valuesOf(config));
  const { body, count } = changesOf(config, wish);
  const save = useMutation({
    mutationFn: () => take(api.POST("/api/v1/config", { body: body as Body })),
    onSuccess: (after) => {
      told.done(t("saved"));
      queries.setQueryData(configQuery.queryKey, after);
      void queries.invalidateQueries({ queryKey: ["config", "history"] });
      void queries.invalidateQueries({ queryKey: ["storage"] });
    },
  });
  const wrong = fieldsOf(save.error);
  function send(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <form onSubmit={send} className={styles.form} autoComplete="off">
      <div className={styles.top}>
        <p className={styles.hint}>
          {config.changed_by
            ? t("config.changed", {
                by: config.changed_by,
                at: config.changed_at ? dateTime(config.changed_at) : "",
              })
            : t("config.fresh")}
        </p>
        {may && (
          <div className={styles.right}>
            {count > 0 && <Tag tone="info">{t("config.unsaved", { count })}</Tag>}
            <Button
              type="submit"
              leftSection={<IconDeviceFloppy size={18} />}
              loading={save.isPending}
              disabled={count === 0}
            >
              {t("save")}
            </Button>
          </div>
        )}
      </div>
      {wrong[""] && (
        <p role="alert" className={styles.wrong}>
          {wrong[""]}
        </p>
      )}
      {(Object.keys(SETTINGS) as SectionName[]).map((section) => (
        <fieldset key={section} disabled={!may} className={styles.block}>
          <legend>{t(`config.${section}.title`)}</legend>
          <p className={styles.hint}>{t(`config.${section}.hint`)}</p>
          <div className={styles.fields}>
            {SETTINGS[section].map((setting) => (
              <Field
                key={setting.name}
                setting={setting}
                label={t(`config.${section}.${setting.name}`)}
                value={wish[`${section}.${setting.name}`] ?? ""}
                kept={setting.as === "secret" && config.query.api_key_set}
                error={wrong[`${section}.${setting.name}`]}
                onChange={(value) => setWish({ ...wish, [`${section}.${setting.name}`]: value })}
              />
            ))}
          </div>
        </fieldset>
      ))}
    </form>
  );
}

interface FieldProps {
  setting: Setting;
  label: string;
  value: string | number | boolean;
  kept: boolean;
  error: string | undefined;
  onChange: (value: string | number | boolean) => void;
}

function Field({ setting, label, value, kept, error, onChange }: FieldProps) {
  const { t } = useTranslation("system");
  switch (setting.as) {
    case "number":
      return (
        <NumberInput
          label={label}
          hideControls
          value={value as number}
          onChange={(next) => onChange(Number(next))}
          error={error}
        />
      );
    case "share":
      return (
        <NumberInput
          label={label}
          hideControls
          suffix=" %"
          value={Math.round(Number(value) * 100_000) / 1000}
          onChange={(next) => onChange(Math.round(Number(next) * 1000) / 100_000)}
          error={error}
        />
      );
    case "switch":
      return (
        <Switch
          size="md"
          label={label}
          checked={Boolean(value)}
          onChange={(event) => onChange(event.currentTarget.checked)}
          error={error}
        />
      );
    case "backend":
      return (
        <Select
          label={label}
          allowDeselect={false}
          data={["local", "openai", "anthropic"].map((each) => ({
            value: each,
            label: t(`backend.${each}`),
          }))}
          value={String(value)}
          onChange={(next) => next && onChange(next)}
          error={error}
        />
      );
    case "secret":
      return (
        <PasswordInput
          label={label}
          autoComplete="new-password"
          placeholder={t(kept ? "config.keptSecret" : "config.noSecret")}
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
          error={error}
        />
      );
    case "text":
      return (
        <TextInput
          label={label}
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
          error={error}
        />
      );
  }
}

function Changes() {
  const { t } = useTranslation("system");
  const asked = useInfiniteQuery({
    queryKey: ["config", "history"],
    queryFn: async ({ signal, pageParam }) => {
      const query = { limit: 20, ...(pageParam ? { before: pageParam } : {}) };
      return [...(await take(api.GET("/api/v1/config/history", { signal, params: { query } }))).revisions];
    },
    initialPageParam: 0,
    getNextPageParam: (last) => (last.length < 20 ? undefined : last.at(-1)?.revision),
  });
  const revisions = asked.data?.pages.flat() ?? [];
  if (!revisions.length) return null;
  return (
    <section className={styles.group}>
      <h2>{t("config.history")}</h2>
      <ol className={styles.story}>
        {revisions.map((each) => (
          <li key={each.revision}>
            <time dateTime={each.changed_at}>{dateTime(each.changed_at)}</time>
            <strong>{each.changed_by}</strong>
            <ul>
              {each.changes.map((change) => (
                <li key={change.field}>
                  <code>{change.field}</code> {String(change.before)} → <b>{String(change.after)}</b>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
      {asked.hasNextPage && (
        <Button variant="default" onClick={() => void asked.fetchNextPage()} loading={asked.isFetching}>
          {t("config.more")}
        </Button>
      )}
    </section>
  );
}
