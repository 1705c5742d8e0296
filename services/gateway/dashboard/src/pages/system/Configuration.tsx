// Settings that hold from the moment they are saved, and who changed them before.

import { Button, NumberInput, PasswordInput, TextInput } from "@mantine/core";
import { IconDeviceFloppy } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { useLive } from "@/live/live";
import { fieldsOf } from "@/parts/fields";
import { ChoiceInput, ShareInput, SwitchInput, TimesInput } from "@/parts/inputs";
import { Meanwhile } from "@/parts/Meanwhile";
import { Asked, LoadingCards } from "@/parts/States";
import { configQuery } from "@/parts/shifts";
import { Tag } from "@/parts/Tag";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import {
  type Body,
  type Config,
  changesOf,
  onlyChanged,
  SETTINGS,
  type SectionName,
  type Setting,
  textOf,
  timesOf,
  valuesOf,
} from "./settings";
import styles from "./system.module.css";

export function Configuration() {
  const asked = useQuery(configQuery);
  useLive("config.document.changed.v1", () => void queries.invalidateQueries({ queryKey: ["config"] }));
  return (
    <div className={styles.place}>
      <Asked query={asked} loading={<LoadingCards cards={4} height={200} />}>
        {(config) => (
          <>
            <Form latest={config} />
            <Changes />
          </>
        )}
      </Asked>
    </div>
  );
}

function Form({ latest }: { latest: Config }) {
  const { t } = useTranslation("system");
  const may = useMay("configure");
  const [config, setConfig] = useState(latest);
  const [wish, setWish] = useState(() => valuesOf(config));
  const { body, count } = changesOf(config, wish);
  const begin = (from: Config) => {
    setConfig(from);
    setWish(valuesOf(from));
  };
  const newer = latest.revision > config.revision;
  if (newer && count === 0) begin(latest);
  const save = useMutation({
    mutationFn: () => take(api.POST("/api/v1/config", { body: body as Body })),
    onSuccess: (after) => {
      told.done(t("saved"));
      begin(after);
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
      {newer && count > 0 && !save.isPending && (
        <Meanwhile
          by={latest.changed_by ?? ""}
          onTheirs={() => begin(latest)}
          onMine={() => {
            setWish({ ...valuesOf(latest), ...onlyChanged(config, wish) });
            setConfig(latest);
            save.reset();
          }}
        />
      )}
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
      return <ShareInput label={label} value={Number(value)} onChange={onChange} error={error} />;
    case "switch":
      return <SwitchInput label={label} value={Boolean(value)} onChange={onChange} error={error} />;
    case "times":
      return (
        <TimesInput
          label={label}
          value={timesOf(value)}
          onChange={(times) => onChange(textOf(times))}
          error={error}
        />
      );
    case "backend":
      return (
        <ChoiceInput
          label={label}
          of={["local", "openai", "anthropic"]}
          wordsOf={(each) => t(`backend.${each}`)}
          value={String(value)}
          onChange={onChange}
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
