// The wall: every station with its lamp, its last part and its rates, and what is wrong on the line.

import { ActionIcon } from "@mantine/core";
import { IconArrowsMaximize, IconArrowsMinimize } from "@tabler/icons-react";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { openAlertsQuery, stationsQuery } from "@/api/queries";
import { canWall, toggleWall, useWall } from "@/app/wall";
import { Asked, Empty, LoadingCards } from "@/parts/States";
import { AlertList } from "./AlertList";
import { Figures } from "./Figures";
import styles from "./line.module.css";
import { StationCard } from "./StationCard";
import { store, TICKS } from "./store";

type Station = Schemas["StationView"];

const WINDOW = 10 * 60_000; // the counts' window of 24 hours moves on without anything to hear

/** The station that is there from the first start takes no room until somebody uses it. */
function inUse(stations: readonly Station[]): Station[] {
  const used = stations.filter((each) => each.id !== "default" || each.samples || each.recipe?.model);
  const byPlace = (one: Station, other: Station) =>
    one.line.localeCompare(other.line) || one.id.localeCompare(other.id);
  return used.sort(byPlace);
}

/** Reads each station's newest parts and counts; from then on the store hears. */
function useBeginnings(stations: readonly Station[]): void {
  const asked = useQueries({
    queries: stations.map(({ id }) => ({
      queryKey: ["line", id],
      refetchInterval: WINDOW,
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const query = { station_id: id };
        const [parts, statistics] = await Promise.all([
          take(api.GET("/api/v1/inspections", { signal, params: { query: { ...query, limit: TICKS } } })),
          take(api.GET("/api/v1/statistics", { signal, params: { query } })),
        ]);
        return { id, parts: parts.items, statistics };
      },
    })),
  });
  const newest = asked.map((each) => each.dataUpdatedAt).join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: when one was read is what tells that it is new
  useEffect(() => {
    for (const { data, dataUpdatedAt } of asked) {
      if (data && taken.get(data.id) !== dataUpdatedAt) {
        taken.set(data.id, dataUpdatedAt);
        store.begin(data.id, data.parts, data.statistics);
      }
    }
  }, [newest]);
}

const taken = new Map<string, number>();

export default function Line() {
  const { t } = useTranslation("line");
  const stations = useQuery(stationsQuery);
  const alerts = useQuery(openAlertsQuery);
  const wall = useWall();
  const shown = useMemo(() => inUse(stations.data ?? []), [stations.data]);
  useBeginnings(shown);
  const Wall = wall ? IconArrowsMinimize : IconArrowsMaximize;
  return (
    <div className={styles.page}>
      <div className={styles.top}>
        <Figures stations={shown} alerts={alerts.data ?? []} />
        {canWall() && (
          <ActionIcon
            aria-label={t(wall ? "wall.leave" : "wall.enter")}
            title={t(wall ? "wall.leave" : "wall.enter")}
            onClick={() => void toggleWall()}
          >
            <Wall />
          </ActionIcon>
        )}
      </div>
      <div className={styles.floor}>
        <section aria-label={t("stations")} className={styles.stations}>
          <Asked
            query={stations}
            loading={<LoadingCards cards={4} height={380} />}
            isEmpty={() => shown.length === 0}
            empty={<Empty title={t("empty.title")} text={t("empty.text")} />}
          >
            {() =>
              shown.map((station) => (
                <StationCard
                  key={station.id}
                  station={station}
                  alerts={(alerts.data ?? []).filter((alert) => alert.station_id === station.id)}
                />
              ))
            }
          </Asked>
        </section>
        <AlertList query={alerts} stations={shown} />
      </div>
    </div>
  );
}
