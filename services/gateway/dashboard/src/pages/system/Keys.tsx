// Credentials for machines: the secret is shown once, right after it was made.

import {
  Button,
  Checkbox,
  Code,
  CopyButton,
  Group,
  Modal,
  NumberInput,
  Select,
  Stack,
  TextInput,
} from "@mantine/core";
import { IconCheck, IconCopy, IconKey, IconPlus } from "@tabler/icons-react";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { type Permission, permissionsOf, useMay, useUser } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { Asked, LoadingRows, Notice } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { ago, dateTime, day, useNow } from "@/parts/time";
import styles from "./system.module.css";
import { usersQuery } from "./Users";

type Key = Schemas["KeyView"];
type Created = Schemas["CreatedKeyView"];

const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/keys", { signal }))).keys],
});

const anew = () => queries.invalidateQueries({ queryKey: ["keys"] });

export function Keys() {
  const { t } = useTranslation("system");
  const asked = useQuery(keysQuery);
  const [making, setMaking] = useState(false);
  const add = (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setMaking(true)}>
      {t("key.new")}
    </Button>
  );
  return (
    <div className={styles.place}>
      <Asked
        query={asked}
        loading={<LoadingRows rows={4} height={56} />}
        isEmpty={(keys) => keys.length === 0}
        empty={
          <Notice icon={IconKey} title={t("key.none")} text={t("key.hint")}>
            {add}
          </Notice>
        }
      >
        {(keys) => (
          <>
            <div className={styles.top}>
              <p className={styles.hint}>{t("key.hint")}</p>
              <div className={styles.right}>{add}</div>
            </div>
            <Table keys={keys} />
          </>
        )}
      </Asked>
      {making && <NewKey onClose={() => setMaking(false)} />}
    </div>
  );
}

function Table({ keys }: { keys: readonly Key[] }) {
  const { t } = useTranslation("system");
  const now = useNow();
  const all = useMay("manage_users");
  const users = useQuery({ ...usersQuery, enabled: all }).data;
  const owner = (id: string) => users?.find((user) => user.id === id)?.username ?? id.slice(0, 8);
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("key.name")}</th>
            <th scope="col">{t("key.may")}</th>
            {all && <th scope="col">{t("key.owner")}</th>}
            <th scope="col">{t("key.used")}</th>
            <th scope="col">{t("key.expires")}</th>
            <th scope="col">{t("key.rate")}</th>
            <th aria-label={t("key.revoke")} />
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id} data-over={key.revoked_at !== null || undefined}>
              <th scope="row">
                {key.name} {key.kind === "pair" && <Tag tone="idle">{t("key.pair")}</Tag>}
              </th>
              <td>{key.scopes.map((scope) => t(`may.${scope}`)).join(", ")}</td>
              {all && <td>{owner(key.owner_id)}</td>}
              <td>{key.last_used_at ? ago(key.last_used_at, now) : t("key.never")}</td>
              <td>{key.expires_at ? day(key.expires_at) : "–"}</td>
              <td>{key.rate_per_minute ?? "–"}</td>
              <td>
                {key.revoked_at ? (
                  <Tag tone="idle" title={dateTime(key.revoked_at)}>
                    {t("key.revoked")}
                  </Tag>
                ) : (
                  <ConfirmButton
                    variant="default"
                    title={t("key.revokeTitle", { name: key.name })}
                    effect={t("key.revokeEffect")}
                    verb={t("key.revoke")}
                    act={() =>
                      take(api.DELETE("/api/v1/keys/{id}", { params: { path: { id: key.id } } })).then(anew)
                    }
                  >
                    {t("key.revoke")}
                  </ConfirmButton>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NewKey({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("system");
  const { t: parts } = useTranslation("shared");
  const mine = [...permissionsOf(useUser())];
  const mayRate = mine.includes("configure");
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["inspect"]);
  const [kind, setKind] = useState<Schemas["KeyKind"]>("key");
  const [until, setUntil] = useState("");
  const [rate, setRate] = useState<number | string>("");
  const make = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/keys", {
          body: {
            name,
            scopes: scopes as Permission[],
            kind,
            expires_at: until ? new Date(`${until}T23:59:59`).toISOString() : null,
            rate_per_minute: rate === "" ? null : Number(rate),
          },
        }),
      ),
    onSuccess: () => void anew(),
  });
  const wrong = fieldsOf(make.error);
  function send(event: FormEvent) {
    event.preventDefault();
    make.mutate();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("key.new")}
      closeOnClickOutside={!make.data}
      closeButtonProps={{ "aria-label": parts("close") }}
    >
      {make.data ? (
        <Secret made={make.data} onClose={onClose} />
      ) : (
        <form onSubmit={send} autoComplete="off">
          <Stack>
            <TextInput
              label={t("key.name")}
              description={t("key.nameHint")}
              required
              data-autofocus
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={wrongWith(wrong, "name")}
            />
            <Checkbox.Group
              label={t("key.may")}
              value={scopes}
              onChange={setScopes}
              error={wrongWith(wrong, "scopes")}
            >
              <div className={styles.checks}>
                {mine.map((each) => (
                  <Checkbox key={each} size="md" value={each} label={t(`may.${each}`)} />
                ))}
              </div>
            </Checkbox.Group>
            <Select
              label={t("key.kind")}
              allowDeselect={false}
              data={(["key", "pair"] as const).map((value) => ({ value, label: t(`key.kinds.${value}`) }))}
              value={kind}
              onChange={(value) => value && setKind(value as Schemas["KeyKind"])}
            />
            <div className={styles.fields}>
              <TextInput
                type="date"
                label={t("key.expires")}
                value={until}
                onChange={(event) => setUntil(event.currentTarget.value)}
                error={wrongWith(wrong, "expires_at")}
              />
              {mayRate && (
                <NumberInput
                  label={t("key.rate")}
                  hideControls
                  min={1}
                  placeholder={t("key.usual")}
                  value={rate}
                  onChange={setRate}
                  error={wrongWith(wrong, "rate_per_minute")}
                />
              )}
            </div>
            {wrong[""] && (
              <p role="alert" className={styles.wrong}>
                {wrong[""]}
              </p>
            )}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {parts("cancel")}
              </Button>
              <Button type="submit" loading={make.isPending}>
                {t("key.make")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function Secret({ made, onClose }: { made: Created; onClose: () => void }) {
  const { t } = useTranslation("system");
  const secret = made.key ?? made.secret_key ?? "";
  return (
    <Stack>
      <p>{t("key.once")}</p>
      {made.access_key && (
        <Code block className={styles.secret}>
          {made.access_key}
        </Code>
      )}
      <Code block className={styles.secret} data-secret>
        {secret}
      </Code>
      <Group justify="flex-end">
        <CopyButton value={made.access_key ? `${made.access_key}:${secret}` : secret}>
          {({ copied, copy }) => (
            <Button
              variant="default"
              leftSection={copied ? <IconCheck size={18} /> : <IconCopy size={18} />}
              onClick={copy}
            >
              {t(copied ? "key.copied" : "key.copy")}
            </Button>
          )}
        </CopyButton>
        <Button onClick={onClose}>{t("key.kept")}</Button>
      </Group>
    </Stack>
  );
}
