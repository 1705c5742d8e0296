// A channel and where it leads.

import {
  Button,
  Code,
  Group,
  Modal,
  NumberInput,
  PasswordInput,
  Select,
  Stack,
  Switch,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { told } from "@/parts/toasts";
import styles from "./alerts.module.css";
import { anew } from "./Channels";
import { idOf } from "./draft";
import { type Channel, channelsQuery, SEVERITIES } from "./queries";

type Body = Schemas["ChannelBody"];
type Target = Body["target"];
type Kind = Target["kind"];

const FRESH: { readonly [K in Kind]: Extract<Target, { kind: K }> } = {
  webhook: { kind: "webhook", url: "", secret: null },
  email: {
    kind: "email",
    host: "",
    port: 587,
    security: "starttls",
    user: null,
    password: null,
    sender: "",
    to: [],
  },
  mqtt: { kind: "mqtt", host: "", port: 1883, tls: false, topic: "andon/alerts", user: null, password: null },
  apprise: { kind: "apprise", url: null },
};

type Shown = { name: string; as: "text" | "secret" | "port" | "switch" | "names" | "security" };
const FIELDS: Readonly<Record<Kind, readonly Shown[]>> = {
  webhook: [
    { name: "url", as: "text" },
    { name: "secret", as: "secret" },
  ],
  email: [
    { name: "host", as: "text" },
    { name: "port", as: "port" },
    { name: "security", as: "security" },
    { name: "sender", as: "text" },
    { name: "to", as: "names" },
    { name: "user", as: "text" },
    { name: "password", as: "secret" },
  ],
  mqtt: [
    { name: "host", as: "text" },
    { name: "port", as: "port" },
    { name: "topic", as: "text" },
    { name: "tls", as: "switch" },
    { name: "user", as: "text" },
    { name: "password", as: "secret" },
  ],
  apprise: [{ name: "url", as: "secret" }],
};

const freshBody = (): Body => ({
  title: "",
  enabled: true,
  minimum_severity: "warning",
  resolved_too: true,
  target: FRESH.webhook,
  subject: "",
  body: "",
});

function bodyOf(channel: Channel): Body {
  const { title, enabled, minimum_severity, resolved_too, target, subject, body } = channel;
  return { title, enabled, minimum_severity, resolved_too, target, subject, body };
}

export function ChannelEditor({ channel, onClose }: { channel: Channel | null; onClose: () => void }) {
  const { t } = useTranslation("alerts");
  const { t: parts } = useTranslation("shared");
  const known = useQuery(channelsQuery).data ?? [];
  const [body, setBody] = useState<Body>(() => (channel ? bodyOf(channel) : freshBody()));
  const set = (change: Partial<Body>) => setBody((before) => ({ ...before, ...change }));
  const save = useMutation({
    mutationFn: () => {
      const id = channel?.id ?? idOf(body.title, new Set(known.map((each) => each.id)));
      return take(api.PUT("/api/v1/alert-channels/{id}", { params: { path: { id } }, body }));
    },
    onSuccess: (saved) => {
      for (const remark of saved.remarks) told.done(remark);
      void anew();
      if (!saved.secret) onClose();
    },
  });
  const wrong = fieldsOf(save.error);
  function send(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={channel?.title ?? t("channel.new")}
      closeButtonProps={{ "aria-label": parts("close") }}
    >
      {save.data?.secret ? (
        <Stack>
          <p>{t("channel.secretOnce")}</p>
          <Code block className={styles.secret}>
            {save.data.secret}
          </Code>
          <Group justify="flex-end">
            <Button onClick={onClose}>{t("channel.secretKept")}</Button>
          </Group>
        </Stack>
      ) : (
        <form onSubmit={send}>
          <Stack>
            <TextInput
              label={t("rule.title")}
              required
              data-autofocus
              value={body.title}
              onChange={(event) => set({ title: event.currentTarget.value })}
              error={wrongWith(wrong, "title", "id")}
            />
            <div className={styles.fields}>
              <Select
                label={t("channel.kind")}
                allowDeselect={false}
                data={(Object.keys(FIELDS) as Kind[]).map((value) => ({
                  value,
                  label: t(`target.${value}`),
                }))}
                value={body.target.kind}
                onChange={(kind) => kind && set({ target: FRESH[kind as Kind] })}
              />
              <Select
                label={t("channel.minimum")}
                allowDeselect={false}
                data={SEVERITIES.map((value) => ({ value, label: t(`shared:severity.${value}`) }))}
                value={body.minimum_severity}
                onChange={(value) => value && set({ minimum_severity: value as Body["minimum_severity"] })}
              />
              <TargetFields
                target={body.target}
                secretSet={channel?.secret_set ?? false}
                wrong={wrong}
                onChange={(target) => set({ target })}
              />
              <Switch
                size="md"
                label={t("channel.resolvedToo")}
                checked={body.resolved_too}
                onChange={(event) => set({ resolved_too: event.currentTarget.checked })}
              />
              <Switch
                size="md"
                label={t("channel.enabled")}
                checked={body.enabled}
                onChange={(event) => set({ enabled: event.currentTarget.checked })}
              />
            </div>
            <TextInput
              label={t("channel.subject")}
              placeholder="$severity: $title ($station)"
              value={body.subject}
              onChange={(event) => set({ subject: event.currentTarget.value })}
              error={wrongWith(wrong, "subject")}
            />
            <Textarea
              label={t("channel.body")}
              placeholder="$message"
              autosize
              minRows={2}
              size="md"
              value={body.body}
              onChange={(event) => set({ body: event.currentTarget.value })}
              error={wrongWith(wrong, "body")}
            />
            {(wrong[""] ?? wrong.target) && (
              <p role="alert" className={styles.wrong}>
                {wrong[""] ?? wrong.target}
              </p>
            )}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {parts("cancel")}
              </Button>
              <Button type="submit" loading={save.isPending}>
                {t("save")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

interface TargetProps {
  target: Target;
  secretSet: boolean;
  wrong: Readonly<Record<string, string>>;
  onChange: (target: Target) => void;
}

function TargetFields({ target, secretSet, wrong, onChange }: TargetProps) {
  const { t } = useTranslation("alerts");
  const values = target as unknown as Record<string, unknown>;
  return FIELDS[target.kind].map(({ name, as }) => {
    const label = t(`target.field.${name}`);
    const error = wrongWith(wrong, `target.${name}`, `target.${target.kind}.${name}`);
    const set = (value: unknown) => onChange({ ...target, [name]: value } as Target);
    if (as === "port")
      return (
        <NumberInput
          key={name}
          label={label}
          hideControls
          value={Number(values[name])}
          onChange={(value) => set(Number(value))}
          error={error}
        />
      );
    if (as === "switch")
      return (
        <Switch
          key={name}
          size="md"
          label={label}
          checked={Boolean(values[name])}
          onChange={(event) => set(event.currentTarget.checked)}
        />
      );
    if (as === "names")
      return (
        <TagsInput
          key={name}
          size="md"
          label={label}
          value={values[name] as string[]}
          onChange={set}
          error={error}
        />
      );
    if (as === "security")
      return (
        <Select
          key={name}
          label={label}
          allowDeselect={false}
          data={["starttls", "tls", "none"].map((value) => ({ value, label: t(`target.security.${value}`) }))}
          value={String(values[name])}
          onChange={(value) => value && set(value)}
          error={error}
        />
      );
    const Input = as === "secret" ? PasswordInput : TextInput;
    return (
      <Input
        key={name}
        label={label}
        autoComplete="off"
        placeholder={
          as === "secret"
            ? t(secretSet ? "target.kept" : name === "secret" ? "target.made" : "target.none")
            : ""
        }
        value={String(values[name] ?? "")}
        onChange={(event) => set(event.currentTarget.value || (as === "text" && name !== "user" ? "" : null))}
        error={error}
      />
    );
  });
}
