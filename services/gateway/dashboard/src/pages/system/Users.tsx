// People who may sign in: their roles, whether they are locked out, new passwords.

import { Button, Group, Modal, PasswordInput, Select, Stack, Switch, TextInput } from "@mantine/core";
import { IconLock, IconPlus } from "@tabler/icons-react";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useUser } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { Asked, LoadingRows } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { day } from "@/parts/time";
import { told } from "@/parts/toasts";
import styles from "./system.module.css";

type Account = Schemas["AccountView"];
type Role = Schemas["Role"];
const ROLES: readonly Role[] = ["operator", "engineer", "admin"];

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/users", { signal }))).users],
});

const anew = () => queries.invalidateQueries({ queryKey: ["users"] });

export function Users() {
  const { t } = useTranslation("system");
  const asked = useQuery(usersQuery);
  const me = useUser();
  const [edited, setEdited] = useState<Account | "new" | null>(null);
  return (
    <div className={styles.place}>
      <div className={styles.top}>
        <p className={styles.hint}>{t("user.hint")}</p>
        <Button
          className={styles.right ?? ""}
          leftSection={<IconPlus size={18} />}
          onClick={() => setEdited("new")}
        >
          {t("user.new")}
        </Button>
      </div>
      <Asked query={asked} loading={<LoadingRows rows={4} height={56} />}>
        {(users) => (
          <div className={styles.scroll}>
            <table className={styles.table}>
              <thead>
                <tr>
                  <th scope="col">{t("user.name")}</th>
                  <th scope="col" data-minor>
                    {t("user.email")}
                  </th>
                  <th scope="col">{t("user.roles")}</th>
                  <th scope="col">{t("user.state")}</th>
                  <th scope="col" data-minor>
                    {t("user.since")}
                  </th>
                  <th aria-label={t("user.edit")} />
                </tr>
              </thead>
              <tbody>
                {users.map((user) => (
                  <tr key={user.id}>
                    <th scope="row">
                      {user.username} {user.id === me?.id && <Tag tone="info">{t("user.you")}</Tag>}
                    </th>
                    <td data-minor>{user.email ?? "–"}</td>
                    <td>{user.roles.map((role) => t(`role.${role}`)).join(", ")}</td>
                    <td>
                      {user.active ? (
                        <Tag tone="good">{t("user.active")}</Tag>
                      ) : (
                        <Tag tone="warn" icon={IconLock}>
                          {t("user.locked")}
                        </Tag>
                      )}
                    </td>
                    <td data-minor>{day(user.created_at)}</td>
                    <td>
                      <Group gap={8} justify="flex-end" wrap="nowrap">
                        <Button variant="default" onClick={() => setEdited(user)}>
                          {t("user.edit")}
                        </Button>
                        {user.id !== me?.id && <Lock user={user} />}
                        {user.id !== me?.id && <Remove user={user} />}
                      </Group>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Asked>
      {edited && <UserForm user={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
    </div>
  );
}

function Lock({ user }: { user: Account }) {
  const { t } = useTranslation("system");
  const word = user.active ? "lock" : "unlock";
  const body = { active: !user.active } as Schemas["UserChangeBody"];
  return (
    <ConfirmButton
      variant="default"
      color={user.active ? "red" : "steel"}
      title={t(`user.${word}Title`, { name: user.username })}
      effect={t(`user.${word}Effect`)}
      verb={t(`user.${word}`)}
      act={() => take(api.PUT("/api/v1/users/{id}", { params: { path: { id: user.id } }, body })).then(anew)}
    >
      {t(`user.${word}`)}
    </ConfirmButton>
  );
}

function Remove({ user }: { user: Account }) {
  const { t } = useTranslation("system");
  return (
    <ConfirmButton
      variant="default"
      title={t("user.deleteTitle", { name: user.username })}
      effect={t("user.deleteEffect")}
      verb={t("user.delete")}
      act={() => take(api.DELETE("/api/v1/users/{id}", { params: { path: { id: user.id } } })).then(anew)}
    >
      {t("user.delete")}
    </ConfirmButton>
  );
}

function UserForm({ user, onClose }: { user: Account | null; onClose: () => void }) {
  const { t } = useTranslation("system");
  const { t: parts } = useTranslation("shared");
  const [username, setUsername] = useState(user?.username ?? "");
  const [email, setEmail] = useState(user?.email ?? "");
  const [role, setRole] = useState<Role>(user?.roles[0] ?? "operator");
  const [password, setPassword] = useState("");
  const [active, setActive] = useState(user?.active ?? true);
  const save = useMutation({
    mutationFn: () => {
      const common = { username, email: email || null, roles: [role], active };
      if (!user) return take(api.POST("/api/v1/users", { body: { ...common, password } }));
      const body = { ...common, ...(password ? { password } : {}) } as Schemas["UserChangeBody"];
      return take(api.PUT("/api/v1/users/{id}", { params: { path: { id: user.id } }, body }));
    },
    onSuccess: () => {
      told.done(t("saved"));
      void anew();
      onClose();
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
      title={user?.username ?? t("user.new")}
      closeButtonProps={{ "aria-label": parts("close") }}
    >
      <form onSubmit={send} autoComplete="off">
        <Stack>
          <TextInput
            label={t("user.name")}
            required
            data-autofocus
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            error={wrongWith(wrong, "username")}
          />
          <TextInput
            label={t("user.email")}
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            error={wrongWith(wrong, "email")}
          />
          <Select
            label={t("user.role")}
            description={t(`roleHint.${role}`)}
            allowDeselect={false}
            data={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))}
            value={role}
            onChange={(value) => value && setRole(value as Role)}
            error={wrongWith(wrong, "roles")}
          />
          <PasswordInput
            label={t(user ? "user.newPassword" : "user.password")}
            description={user ? t("user.passwordEffect") : undefined}
            required={!user}
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={wrongWith(wrong, "password")}
          />
          {!user && (
            <Switch
              size="md"
              label={t("user.mayEnter")}
              checked={active}
              onChange={(event) => setActive(event.currentTarget.checked)}
            />
          )}
          {wrong[""] && (
            <p role="alert" className={styles.wrong}>
              {wrong[""]}
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
    </Modal>
  );
}
