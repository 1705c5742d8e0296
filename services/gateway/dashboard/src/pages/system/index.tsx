// How Andon itself is doing, who may do what, and how it is set.

import {
  IconAdjustments,
  IconClipboardList,
  IconDatabase,
  IconDevices,
  IconHeartbeat,
  IconKey,
  IconPlugConnected,
  IconUsers,
} from "@tabler/icons-react";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type Permission, permissionsOf, useUser } from "@/api/session";
import { NotFound } from "@/app/Lost";
import { Sections } from "@/parts/Sections";
import { Audit } from "./Audit";
import { Configuration } from "./Configuration";
import { Health } from "./Health";
import { Keys } from "./Keys";
import { OpcUa } from "./OpcUa";
import { Sessions } from "./Sessions";
import { Storage } from "./Storage";
import styles from "./system.module.css";
import { Users } from "./Users";

const ANYBODY: Permission = "view_history";
const ADMIN: Permission = "manage_users";
const SECTIONS = {
  health: { shown: Health, icon: IconHeartbeat, needs: ANYBODY },
  storage: { shown: Storage, icon: IconDatabase, needs: ANYBODY },
  users: { shown: Users, icon: IconUsers, needs: ADMIN },
  keys: { shown: Keys, icon: IconKey, needs: ANYBODY },
  sessions: { shown: Sessions, icon: IconDevices, needs: ANYBODY },
  audit: { shown: Audit, icon: IconClipboardList, needs: ADMIN },
  settings: { shown: Configuration, icon: IconAdjustments, needs: ANYBODY },
  opcua: { shown: OpcUa, icon: IconPlugConnected, needs: ADMIN },
} as const;

export default function System() {
  const { t } = useTranslation("system");
  const permissions = permissionsOf(useUser());
  const { section = "health" } = useParams({ strict: false }) as { section?: string };
  const mine = Object.entries(SECTIONS).filter(([, { needs }]) => permissions.has(needs));
  const here = mine.find(([id]) => id === section)?.[1];
  return (
    <div className={styles.page}>
      <Sections
        label={t("sections")}
        sections={mine.map(([id, { icon }]) => ({
          to: id === "health" ? "/system" : `/system/${id}`,
          title: t(`section.${id}`),
          icon,
        }))}
      />
      {here ? <here.shown /> : <NotFound />}
    </div>
  );
}
