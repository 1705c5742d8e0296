// Who is there: a page of its own at first, a dialog over the work when the session ended in mid-work.

import { Alert, Button, Group, Modal, PasswordInput, Stack, TextInput } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { session, type User } from "@/api/session";
import { Lamp } from "./Lamp";
import { LanguageMenu, SchemeMenu } from "./Settings";
import styles from "./SignIn.module.css";

function Form({ username: known }: { username?: string }) {
  const { t } = useTranslation("app");
  const [username, setUsername] = useState(known ?? "");
  const [password, setPassword] = useState("");
  const [refused, setRefused] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setRefused("");
    try {
      await session.signIn(username, password);
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)} aria-label={t("signIn.title")}>
      <Stack>
        <TextInput
          label={t("signIn.username")}
          autoComplete="username"
          required
          withAsterisk={false}
          maxLength={256}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          data-autofocus={known === undefined}
          autoFocus={known === undefined}
        />
        <PasswordInput
          label={t("signIn.password")}
          autoComplete="current-password"
          required
          withAsterisk={false}
          maxLength={256}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          data-autofocus={known !== undefined}
          visibilityToggleButtonProps={{ "aria-label": t("signIn.show") }}
        />
        {refused && (
          <Alert color="red" icon={<IconAlertCircle />} role="alert">
            {refused}
          </Alert>
        )}
        <Button type="submit" loading={busy} fullWidth>
          {t("signIn.submit")}
        </Button>
      </Stack>
    </form>
  );
}

async function about(): Promise<{ version: string; demo: boolean }> {
  const answer = await fetch("/page/about.json");
  if (!answer.ok) throw new Error(`about: ${answer.status}`);
  return answer.json();
}

export function SignInPage() {
  const { t } = useTranslation("app");
  const { data } = useQuery({ queryKey: ["about"], queryFn: about, staleTime: Number.POSITIVE_INFINITY });
  return (
    <main className={styles.page}>
      <section className={styles.card}>
        <header className={styles.brand}>
          <Lamp size={52} />
          <div>
            <h1>Andon</h1>
            <p>{t("signIn.what")}</p>
          </div>
        </header>
        <Form />
        {data?.demo && (
          <p className={styles.hint}>
            {t("signIn.demo")} <code>admin</code> / <code>admin</code>
          </p>
        )}
      </section>
      <footer className={styles.foot}>
        <span>{data ? `Andon ${data.version}` : ""}</span>
        <Group gap={4}>
          <LanguageMenu />
          <SchemeMenu />
        </Group>
      </footer>
    </main>
  );
}

export function SignInAgain({ user }: { user: User }) {
  const { t } = useTranslation("app");
  return (
    <Modal opened onClose={() => {}} withCloseButton={false} title={t("signIn.again")} zIndex={1000}>
      <Stack>
        <p>{t("signIn.kept")}</p>
        <Form username={user.username} />
        <Button variant="subtle" color="gray" onClick={() => session.end()}>
          {t("signIn.giveUp")}
        </Button>
      </Stack>
    </Modal>
  );
}
