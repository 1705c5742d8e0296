// What went wrong, by which rules, who is told, and who is not told for now.

import { IconBellOff, IconInbox, IconRoute, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { openAlertsQuery } from "@/api/queries";
import { NotFound } from "@/app/Lost";
import { useLive } from "@/live/live";
import { Sections } from "@/parts/Sections";
import styles from "./alerts.module.css";
import { anew, Channels } from "./Channels";
import { Inbox } from "./Inbox";
import { channelsQuery, deadQuery } from "./queries";
import { Rules } from "./Rules";
import { Silences } from "./Silences";

const SECTIONS = {
  inbox: { shown: Inbox, icon: IconInbox },
  rules: { shown: Rules, icon: IconRoute },
  silences: { shown: Silences, icon: IconBellOff },
  channels: { shown: Channels, icon: IconSend },
} as const;

const FAILING = "channel-failing";

export default function Alerts() {
  const { t } = useTranslation("alerts");
  const { section = "inbox" } = useParams({ strict: false }) as { section?: string };
  const open = useQuery(openAlertsQuery).data?.filter((alert) => alert.state === "open").length ?? 0;
  const failing = useQuery(channelsQuery).data?.filter((channel) => channel.failing_since).length ?? 0;
  const dead = useQuery(deadQuery).data?.dead ?? 0;
  // What does not arrive opens an alert, and that is heard.
  useLive(["alerting.alert.opened.v1", "alerting.alert.resolved.v1"], ({ rule }) => {
    if (rule === FAILING) void anew();
  });
  const wants: Readonly<Record<string, number>> = { inbox: open, channels: failing + dead };
  const here = Object.hasOwn(SECTIONS, section) ? SECTIONS[section as keyof typeof SECTIONS] : null;
  return (
    <div className={styles.page}>
      <Sections
        label={t("sections")}
        sections={Object.entries(SECTIONS).map(([id, { icon }]) => ({
          to: id === "inbox" ? "/alerts" : `/alerts/${id}`,
          title: t(`section.${id}`),
          icon,
          wants: wants[id] ?? 0,
        }))}
      />
      {here ? <here.shown /> : <NotFound />}
    </div>
  );
}
