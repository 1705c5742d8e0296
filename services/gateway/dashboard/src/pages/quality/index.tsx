// Quality: how it went over the time that is looked at, what was wrong, where, when, and what is no chance.

import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { serverNow } from "@/api/clock";
import { stationsQuery } from "@/api/queries";
import { count, decimal, percent } from "@/parts/numbers";
import { Asked, Empty, LoadingCards } from "@/parts/States";
import { useNow } from "@/parts/time";
import { Charts } from "./Charts";
import { hoursQuery } from "./data";
import { type Hour, type Sum, summed } from "./figures";
import { Places } from "./Places";
import styles from "./quality.module.css";
import { askedOf, HOUR, searchOf, spanOf } from "./span";
import { TimeBar } from "./TimeBar";

export default function Quality() {
  const { t } = useTranslation("quality");
  const written = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const asked = useMemo(() => askedOf(written), [written]);
  const thisHour = useThisHour();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new hour moves the span on
  const span = useMemo(() => spanOf(asked, serverNow()), [asked, thisHour]);
  const stations = useQuery(stationsQuery);
  const hours = useQuery(hoursQuery(span));
  const names = useMemo(
    () => new Map((stations.data ?? []).map((each) => [each.id, each.name || each.id])),
    [stations.data],
  );
  const nameOf = (station: string) => names.get(station) ?? station;
  const own = (all: readonly Hour[]) =>
    all.filter((hour) => !asked.station || hour.station_id === asked.station);
  return (
    <div className={styles.page}>
      <TimeBar
        asked={asked}
        stations={names}
        onAsked={(next) => void navigate({ to: "/quality", search: searchOf(next) as never })}
      />
      <Asked
        query={hours}
        loading={<LoadingCards cards={6} height={320} />}
        isEmpty={(all) => own(all).every((hour) => hour.total === 0)}
        empty={<Empty title={t("empty.title")} text={t("empty.text")} />}
      >
        {(all) => (
          <>
            <Figures sum={summed(own(all))} />
            <div className={styles.charts}>
              <Charts hours={own(all)} all={all} span={span} station={asked.station} nameOf={nameOf}>
                <Places hours={own(all)} span={span} station={asked.station} nameOf={nameOf} />
              </Charts>
            </div>
          </>
        )}
      </Asked>
    </div>
  );
}

/** New with each hour of the server's clock. */
function useThisHour(): number {
  return Math.floor(useNow() / HOUR);
}

function Figures({ sum }: { sum: Sum }) {
  const { t } = useTranslation("quality");
  const rate = (part: number) => (sum.total ? percent(part / sum.total) : "–");
  const figures: [string, string, string?][] = [
    ["passRate", rate(sum.passed)],
    ["parts", count(sum.total)],
    ["failed", count(sum.failed), sum.failed ? "bad" : ""],
    ["uncertain", count(sum.uncertain), sum.uncertain ? "warn" : ""],
    ["findings", count(Object.values(sum.defects).reduce((all, each) => all + each, 0))],
    ["time", sum.total ? `${decimal(sum.time_ms / sum.total, 0)} ms` : "–"],
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(([name, value, tone]) => (
        <div key={name} data-tone={tone} data-main={name === "passRate" || undefined}>
          <dt>{t(`figure.${name}`)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
