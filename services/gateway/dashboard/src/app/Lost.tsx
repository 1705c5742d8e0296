// Where an address leads nowhere, and where a page broke.

import { Button, Group } from "@mantine/core";
import { IconAlertTriangle, IconMapQuestion } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Notice } from "@/parts/States";

export function NotFound() {
  const { t } = useTranslation("app");
  const navigate = useNavigate();
  return (
    <Notice icon={IconMapQuestion} title={t("lost.title")} text={t("lost.text")}>
      <Button onClick={() => void navigate({ to: "/" })}>{t("lost.home")}</Button>
    </Notice>
  );
}

export function Crashed({ error, reset }: { error: unknown; reset: () => void }) {
  const { t } = useTranslation("app");
  return (
    <Notice
      icon={IconAlertTriangle}
      title={t("crashed.title")}
      text={error instanceof Error ? error.message : String(error)}
      tone="bad"
    >
      <Group>
        <Button onClick={reset}>{t("crashed.again")}</Button>
        <Button variant="default" onClick={() => location.reload()}>
          {t("crashed.reload")}
        </Button>
      </Group>
    </Notice>
  );
}
