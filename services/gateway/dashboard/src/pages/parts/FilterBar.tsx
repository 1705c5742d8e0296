// What is listed: every filter stands in the address.

import {
  Autocomplete,
  Button,
  Collapse,
  NumberInput,
  SegmentedControl,
  Select,
  TextInput,
} from "@mantine/core";
import { IconAdjustmentsHorizontal, IconFilterOff, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { stationsQuery } from "@/api/queries";
import { ALL, type Filters, RANGES } from "./filters";
import { classesQuery } from "./list";
import styles from "./parts.module.css";

interface Props {
  filters: Filters;
  onFilters: (filters: Filters) => void;
  search: React.RefObject<HTMLInputElement | null>;
  children?: React.ReactNode;
}

const DECISIONS = ["", "pass", "uncertain", "fail"] as const;

export function FilterBar({ filters, onFilters, search, children }: Props) {
  const { t } = useTranslation("parts");
  const { t: shared } = useTranslation("shared");
  const { data: stations = [] } = useQuery(stationsQuery);
  const rare = [filters.class, filters.from, filters.below, filters.since, filters.until];
  const [open, setOpen] = useState(rare.some((value) => value !== "" && value !== null));
  const set = (change: Partial<Filters>) => onFilters({ ...filters, ...change });
  const used = Object.values(filters).filter((value) => value !== "" && value !== null).length;
  return (
    <search className={styles.filters} aria-label={t("filter.label")}>
      <div className={styles.filterRow}>
        <Select
          aria-label={t("filter.station")}
          className={styles.station ?? ""}
          data={[
            { value: "", label: t("filter.allStations") },
            ...stations.map(({ id, name }) => ({ value: id, label: name || id })),
          ]}
          value={filters.station}
          onChange={(station) => set({ station: station ?? "" })}
          allowDeselect={false}
          searchable={stations.length > 8}
          comboboxProps={{ withinPortal: true }}
        />
        <SegmentedControl
          aria-label={t("filter.decision")}
          styles={{ label: { minHeight: 44 } }}
          data={DECISIONS.map((value) => ({
            value,
            label: value ? shared(`decision.${value}`) : t("filter.allDecisions"),
          }))}
          value={filters.decision}
          onChange={(value) => set({ decision: value as Filters["decision"] })}
        />
        <Select
          aria-label={t("filter.time")}
          className={styles.time ?? ""}
          data={[
            { value: "", label: t(filters.since || filters.until ? "filter.ownTime" : "filter.anyTime") },
            ...Object.keys(RANGES).map((value) => ({ value, label: t(`filter.range.${value}`) })),
          ]}
          value={filters.range}
          onChange={(value) => set({ range: (value ?? "") as Filters["range"], since: "", until: "" })}
          allowDeselect={false}
        />
        <PartField value={filters.part} onValue={(part) => set({ part })} search={search} />
        <Button
          variant="default"
          leftSection={<IconAdjustmentsHorizontal size={20} />}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {t("filter.more")}
        </Button>
        {used > 0 && (
          <Button variant="subtle" leftSection={<IconFilterOff size={20} />} onClick={() => onFilters(ALL)}>
            {t("filter.clear")}
          </Button>
        )}
        <div className={styles.tools}>{children}</div>
      </div>
      <Collapse expanded={open}>
        <More filters={filters} set={set} />
      </Collapse>
    </search>
  );
}

function More({ filters, set }: { filters: Filters; set: (change: Partial<Filters>) => void }) {
  const { t } = useTranslation("parts");
  const { data: classes = [] } = useQuery(classesQuery(filters.station));
  const score = (value: string | number) => (value === "" ? null : Number(value));
  return (
    <div className={styles.filterRow} data-more>
      <Late value={filters.class} onValue={(found) => set({ class: found })}>
        {(value, change, settle) => (
          <Autocomplete
            label={t("filter.class")}
            size="md"
            styles={{ input: { minHeight: 44 } }}
            data={classes}
            maxLength={128}
            value={value}
            onChange={change}
            onOptionSubmit={settle}
            onBlur={() => settle()}
            clearable
          />
        )}
      </Late>
      <NumberInput
        label={t("filter.scoreFrom")}
        value={filters.from ?? ""}
        onChange={(value) => set({ from: score(value) })}
        step={0.1}
        decimalScale={4}
        className={styles.score ?? ""}
      />
      <NumberInput
        label={t("filter.scoreBelow")}
        value={filters.below ?? ""}
        onChange={(value) => set({ below: score(value) })}
        step={0.1}
        decimalScale={4}
        className={styles.score ?? ""}
      />
      <TextInput
        type="datetime-local"
        label={t("filter.since")}
        value={filters.since}
        max={filters.until || undefined}
        onChange={(event) => set({ since: event.currentTarget.value, range: "" })}
      />
      <TextInput
        type="datetime-local"
        label={t("filter.until")}
        value={filters.until}
        min={filters.since || undefined}
        onChange={(event) => set({ until: event.currentTarget.value, range: "" })}
      />
    </div>
  );
}

function PartField({
  value,
  onValue,
  search,
}: {
  value: string;
  onValue: (v: string) => void;
  search: Props["search"];
}) {
  const { t } = useTranslation("parts");
  return (
    <Late value={value} onValue={onValue}>
      {(shown, change, settle) => (
        <form
          className={styles.part}
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            settle();
          }}
        >
          <TextInput
            ref={search}
            aria-label={t("filter.part")}
            placeholder={t("filter.part")}
            leftSection={<IconSearch size={18} aria-hidden="true" />}
            maxLength={128}
            value={shown}
            onChange={(event) => change(event.currentTarget.value)}
            onBlur={() => settle()}
          />
        </form>
      )}
    </Late>
  );
}

interface LateProps {
  value: string;
  onValue: (value: string) => void;
  children: (
    shown: string,
    change: (value: string) => void,
    settle: (value?: string) => void,
  ) => React.ReactNode;
}

/** A field whose text counts once it is finished. */
function Late({ value, onValue, children }: LateProps) {
  const [shown, setShown] = useState(value);
  useEffect(() => setShown(value), [value]);
  const settle = (chosen: string = shown) => chosen.trim() !== value && onValue(chosen.trim());
  return children(shown, setShown, settle);
}
