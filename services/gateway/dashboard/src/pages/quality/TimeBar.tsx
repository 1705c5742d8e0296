// The time and the station that are looked at, as the address says.

import { SegmentedControl, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./quality.module.css";
import { type Asked, RANGES, type Range } from "./span";

interface Props {
  asked: Asked;
  stations: ReadonlyMap<string, string>;
  onAsked: (asked: Asked) => void;
}

export function TimeBar({ asked, stations, onAsked }: Props) {
  const { t } = useTranslation("quality");
  const [own, setOwn] = useState(asked.range === "");
  const [since, setSince] = useState(asked.since);
  const [until, setUntil] = useState(asked.until);
  const settle = () => {
    if (since && until && new Date(since) < new Date(until)) onAsked({ ...asked, range: "", since, until });
  };
  return (
    <search className={styles.bar} aria-label={t("bar.label")}>
      <Select
        aria-label={t("bar.station")}
        className={styles.station ?? ""}
        data={[
          { value: "", label: t("bar.allStations") },
          ...[...stations].map(([value, label]) => ({ value, label })),
        ]}
        value={asked.station}
        onChange={(station) => onAsked({ ...asked, station: station ?? "" })}
        allowDeselect={false}
      />
      <SegmentedControl
        aria-label={t("bar.time")}
        styles={{ label: { minHeight: 44 } }}
        data={[
          ...Object.keys(RANGES).map((value) => ({ value, label: t(`bar.range.${value}`) })),
          { value: "", label: t("bar.own") },
        ]}
        value={own ? "" : asked.range}
        onChange={(value) => {
          setOwn(value === "");
          if (value) onAsked({ ...asked, range: value as Range, since: "", until: "" });
        }}
      />
      {own && (
        <>
          <TextInput
            type="datetime-local"
            aria-label={t("bar.since")}
            value={since}
            max={until || undefined}
            onChange={(event) => setSince(event.currentTarget.value)}
            onBlur={settle}
          />
          <TextInput
            type="datetime-local"
            aria-label={t("bar.until")}
            value={until}
            min={since || undefined}
            onChange={(event) => setUntil(event.currentTarget.value)}
            onBlur={settle}
          />
          <span className={styles.quiet}>{t("bar.longest")}</span>
        </>
      )}
    </search>
  );
}
