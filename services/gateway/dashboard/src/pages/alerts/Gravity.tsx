import { IconAlertOctagon, IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Tag, type Tone } from "@/parts/Tag";
import type { Severity } from "./queries";

const LOOK = {
  critical: { tone: "bad", icon: IconAlertOctagon },
  error: { tone: "bad", icon: IconAlertOctagon },
  warning: { tone: "warn", icon: IconAlertTriangle },
  info: { tone: "info", icon: IconInfoCircle },
} as const satisfies Record<Severity, { tone: Tone; icon: unknown }>;

export function Gravity({ severity }: { severity: Severity }) {
  const { t } = useTranslation("shared");
  const { tone, icon } = LOOK[severity];
  return (
    <Tag tone={tone} icon={icon}>
      {t(`severity.${severity}`)}
    </Tag>
  );
}
