// The classes of a station: what its rules, its model, its people and its findings call things.

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { stationsQuery } from "@/api/queries";
import { type Detail, policyQuery } from "./asked";
import { isNamed } from "./useTable";

const KEY = "andon.review.classes";

function ownOf(station: string): string[] {
  try {
    const all = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown>;
    const own = all[station];
    return Array.isArray(own) ? own.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

function keepOwn(station: string, names: readonly string[]): void {
  let all: Record<string, unknown> = {};
  try {
    all = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown>;
  } catch {
    // What was kept is broken: begin anew.
  }
  localStorage.setItem(KEY, JSON.stringify({ ...all, [station]: names.slice(-40) }));
}

export interface Classes {
  names: readonly string[];
  /** The station's rules name its classes, and no others are taken. */
  closed: boolean;
  add: (name: string) => void;
}

export function useClasses(detail: Detail, drawn: readonly string[]): Classes {
  const station = detail.station_id;
  const policy = useQuery(policyQuery(station));
  const stations = useQuery(stationsQuery);
  const [own, setOwn] = useState(() => ownOf(station));
  const ruled = policy.data?.classes ?? [];
  const model = stations.data?.find((each) => each.id === station)?.recipe?.model;
  const known = model?.regions?.classes ?? [];
  const said = detail.annotations.flatMap((each) => each.annotations.map((shape) => shape.class_name));
  const found = detail.detections.map((each) => each.class_name);
  const closed = ruled.length > 0;
  const all = closed ? ruled : [...known, ...own, ...said, ...found, ...drawn];
  const key = [...new Set(all.filter(isNamed))].join(" ");
  return useMemo(
    () => ({
      names: key ? key.split(" ") : [],
      closed,
      add: (name) => {
        setOwn((before) => {
          const names = [...new Set([...before, name])];
          keepOwn(station, names);
          return names;
        });
      },
    }),
    [key, closed, station],
  );
}
