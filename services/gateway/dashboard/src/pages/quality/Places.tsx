// Where on the part findings lie: a grid over a picture of the station's, and how many parts it is of.

import { ActionIcon, Select, Skeleton } from "@mantine/core";
import { IconTableDown } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, saveAs } from "@/api/client";
import { csv } from "@/parts/csv";
import { count } from "@/parts/numbers";
import type { Part } from "@/parts/PartImage";
import { Failed } from "@/parts/States";
import { dateTime } from "@/parts/time";
import { placesQuery } from "./data";
import { byStation, type Hour, pareto, summed } from "./figures";
import styles from "./Places.module.css";
import type { Span } from "./span";

type Found = Schemas["Places"];

interface Props {
  hours: readonly Hour[];
  span: Span;
  station: string;
  nameOf: (station: string) => string;
}

const findings = (sum: { defects: Record<string, number> }): number =>
  Object.values(sum.defects).reduce((all, each) => all + each, 0);

export function Places({ hours, span, station, nameOf }: Props) {
  const { t } = useTranslation("quality");
  const { t: shared } = useTranslation("shared");
  const stations = byStation(hours).sort((one, other) => findings(other) - findings(one));
  const [chosen, setChosen] = useState("");
  const [className, setClassName] = useState("");
  const shown =
    station || (stations.some((each) => each.station === chosen) ? chosen : stations[0]?.station) || "";
  const classes = pareto(summed(hours.filter((hour) => hour.station_id === shown)).defects);
  const known = classes.some((each) => each.name === className) ? className : "";
  const asked = useQuery({ ...placesQuery(span, shown, known), enabled: shown !== "" });
  const title = t("chart.places");
  const places = asked.data?.places;
  return (
    <figure className={styles.places}>
      <figcaption>
        <h2>{title}</h2>
        {!station && stations.length > 1 && (
          <Select
            aria-label={t("bar.station")}
            data={stations.map((each) => ({ value: each.station, label: nameOf(each.station) }))}
            value={shown}
            onChange={(value) => setChosen(value ?? "")}
            allowDeselect={false}
          />
        )}
        <Select
          aria-label={t("places.class")}
          data={[{ value: "", label: t("places.all") }, ...classes.map((each) => each.name)]}
          value={known}
          onChange={(value) => setClassName(value ?? "")}
          allowDeselect={false}
        />
        <ActionIcon
          aria-label={shared("chart.download", { title })}
          title={shared("chart.download", { title })}
          disabled={!places}
          onClick={() => places && save(places, shown)}
        >
          <IconTableDown />
        </ActionIcon>
      </figcaption>
      {asked.error && !asked.data ? (
        <Failed error={asked.error} again={() => void asked.refetch()} />
      ) : asked.data && places ? (
        <Heat places={places} picture={asked.data.picture} station={nameOf(shown)} />
      ) : (
        <Skeleton height={360} />
      )}
    </figure>
  );
}

function Heat({ places, picture, station }: { places: Found; picture: Part | null; station: string }) {
  const { t } = useTranslation("quality");
  const most = Math.max(0, ...places.counts);
  const { columns, rows } = places;
  const told = {
    count: places.parts,
    parts: count(places.parts),
    findings: count(places.findings),
    station,
    from: places.oldest ? dateTime(places.oldest) : "",
    to: places.newest ? dateTime(places.newest) : "",
  };
  const source = picture?.image_url?.startsWith("/static/images/") ? picture.image_url : null;
  return (
    <>
      <div className={styles.heat} style={{ aspectRatio: `${columns} / ${rows}` }}>
        {source && <img src={source} alt="" decoding="async" />}
        <svg
          viewBox={`0 0 ${columns} ${rows}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={t("places.alt", told)}
          shapeRendering="crispEdges"
        >
          {places.counts.map((found, cell) =>
            found ? (
              <rect
                // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
                key={cell}
                x={cell % columns}
                y={Math.floor(cell / columns)}
                width={1}
                height={1}
                fillOpacity={0.06 + 0.84 * (found / most)}
              >
                <title>{t("places.cell", { count: found, parts: count(found) })}</title>
              </rect>
            ) : null,
          )}
        </svg>
      </div>
      <div className={styles.legend} aria-hidden="true">
        <span>1</span>
        <i />
        <span>{t("places.most", { count: most, parts: count(most) })}</span>
      </div>
      <p className={styles.note}>
        {places.parts ? t("places.of", told) : t("places.none")} {!places.complete && t("places.more")}
      </p>
    </>
  );
}

function save(places: Found, station: string): void {
  const cells = places.counts.map((found, cell) => [
    Math.floor(cell / places.columns),
    cell % places.columns,
    found,
  ]);
  const text = csv([["row", "column", "parts_with_a_finding"], ...cells]);
  saveAs(new Blob([text], { type: "text/csv;charset=utf-8" }), `andon-places-${station}.csv`);
}
