// What went wrong, by which rules, who is told, and who is not told for now.

import { IconBellOff, IconInbox, IconRoute, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { openAlertsQuery, queries } from "@/api/queries";
import { NotFound } from "@/app/Lost";
import { withEntry } from "@/live/feeds";
import { useLive } from "@/live/live";
import { Sections } from "@/parts/Sections";
import split from "@/parts/split.module.css";
import { anew, Channels } from "./Channels";
import { Inbox } from "./Inbox";
import { channelsQuery, deadQuery, rulesQuery, silencesQuery } from "./queries";
import { Rules } from "./Rules";
import { Silences } from "./Silences";

const SECTIONS = {
  inbox: { shown: Inbox, icon: IconInbox },
  rules: { shown: Rules, icon: IconRoute },
  silences: { shown: Silences, icon: IconBellOff },
  channels: { shown: Channels, icon: IconSend },
} as const;

export default function Alerts() {
  const { t } = useTranslation("alerts");
  const { section = "inbox" } = useParams({ strict: false }) as { section?: string };
  const open = useQuery(openAlertsQuery).data?.filter((alert) => alert.state === "open").length ?? 0;
  const failing = useQuery(channelsQuery).data?.filter((channel) => channel.failing_since).length ?? 0;
  const dead = useQuery(deadQuery).data?.dead ?? 0;
  useChanges();
  const wants: Readonly<Record<string, number>> = { inbox: open, channels: failing + dead };
  const here = Object.hasOwn(SECTIONS, section) ? SECTIONS[section as keyof typeof SECTIONS] : null;
  return (
    <div className={split.page}>
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

/** What others set up, and what becomes of what is sent, is on the screen as it happens. */
function useChanges(): void {
  const again = (...key: string[]) => void queries.invalidateQueries({ queryKey: key });
  useLive("alerting.rule.changed.v1", ({ id, rule }) => {
    queries.setQueryData(
      rulesQuery.queryKey,
      (known) => known && (rule ? withEntry(known, rule) : known.filter((each) => each.id !== id)),
    );
    again("alert-rules", "history", id);
  });
  useLive("alerting.silence.changed.v1", (silence) => {
    queries.setQueryData(silencesQuery.queryKey, (known) => known && withEntry(known, silence));
    again("alerts");
  });
  useLive("alerting.channel.changed.v1", () => void anew());
  useLive("config.document.changed.v1", () => again("alert-rules"));
}
