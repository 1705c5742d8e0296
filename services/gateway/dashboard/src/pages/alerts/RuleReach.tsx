// Which parts a rule is about, when it holds, and who is told.

import {
  ActionIcon,
  Button,
  Checkbox,
  MultiSelect,
  NumberInput,
  Select,
  Switch,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { stationsQuery } from "@/api/queries";
import { wrongWith } from "@/parts/fields";
import { configQuery, USUAL } from "@/parts/shifts";
import styles from "./alerts.module.css";
import { type Body, freshShift } from "./draft";
import { channelsQuery, type Rule, SEVERITIES } from "./queries";

type Shift = Schemas["Shift"];
const DAYS: readonly Schemas["Day"][] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

interface Props {
  body: Body;
  rules: readonly Rule[];
  own: string | null;
  wrong: Readonly<Record<string, string>>;
  onChange: (change: Partial<Body>) => void;
}

export function RuleReach({ body, rules, own, wrong, onChange }: Props) {
  const { t } = useTranslation("alerts");
  const stations = useQuery(stationsQuery).data ?? [];
  const channels = useQuery(channelsQuery).data ?? [];
  const { scope } = body;
  const lines = [...new Set([...stations.map((each) => each.line).filter(Boolean), ...scope.lines])];
  const named = (ids: readonly string[], known: readonly { id: string; title?: string; name?: string }[]) => [
    ...known.map((each) => ({ value: each.id, label: each.title || each.name || each.id })),
    ...ids.filter((id) => !known.some((each) => each.id === id)).map((id) => ({ value: id, label: id })),
  ];
  const chosen = { size: "md", searchable: true } as const;
  return (
    <>
      <div className={styles.fields}>
        <Select
          label={t("reach.per")}
          allowDeselect={false}
          data={(["station", "line", "model", "all"] as const).map((value) => ({
            value,
            label: t(`per.${value}`),
          }))}
          value={scope.per}
          onChange={(per) => per && onChange({ scope: { ...scope, per: per as Schemas["Per"] } })}
          error={wrongWith(wrong, "scope.per", "scope")}
        />
        <MultiSelect
          {...chosen}
          label={t("silence.stations")}
          placeholder={scope.stations.length ? "" : t("field.every")}
          data={named(scope.stations, stations)}
          value={[...scope.stations]}
          onChange={(value) => onChange({ scope: { ...scope, stations: value } })}
          error={wrongWith(wrong, "scope.stations")}
        />
        <MultiSelect
          {...chosen}
          label={t("reach.lines")}
          placeholder={scope.lines.length ? "" : t("field.every")}
          data={lines}
          value={[...scope.lines]}
          onChange={(value) => onChange({ scope: { ...scope, lines: value } })}
          error={wrongWith(wrong, "scope.lines")}
        />
        <TagsInput
          size="md"
          label={t("reach.models")}
          placeholder={scope.models.length ? "" : t("field.every")}
          value={[...scope.models]}
          onChange={(value) => onChange({ scope: { ...scope, models: value } })}
          error={wrongWith(wrong, "scope.models")}
        />
        <MultiSelect
          {...chosen}
          label={t("reach.unless")}
          description={t("reach.unlessHint")}
          data={named(
            body.unless,
            rules.filter((each) => each.id !== own),
          )}
          value={[...body.unless]}
          onChange={(unless) => onChange({ unless })}
          error={wrongWith(wrong, "unless")}
        />
        <MultiSelect
          {...chosen}
          label={t("section.channels")}
          description={t("reach.channelsHint")}
          data={named(body.channels, channels)}
          value={[...body.channels]}
          onChange={(value) => onChange({ channels: value })}
          error={wrongWith(wrong, "channels")}
        />
      </div>
      <Escalation body={body} channels={named([], channels)} wrong={wrong} onChange={onChange} />
      <Shifts body={body} wrong={wrong} onChange={onChange} />
    </>
  );
}

type Part = Pick<Props, "body" | "wrong" | "onChange">;

function Escalation({
  body,
  channels,
  wrong,
  onChange,
}: Part & { channels: { value: string; label: string }[] }) {
  const { t } = useTranslation("alerts");
  const steps = body.escalation;
  const set = (at: number, change: Partial<Schemas["Step"]>) =>
    onChange({ escalation: steps.map((step, index) => (index === at ? { ...step, ...change } : step)) });
  return (
    <section className={styles.sub}>
      <h3>{t("reach.escalation")}</h3>
      {steps.map((step, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps have no other name than their place
        <div key={at} className={styles.row}>
          <NumberInput
            label={t("reach.after")}
            hideControls
            min={1}
            value={step.after_minutes}
            onChange={(value) => set(at, { after_minutes: Number(value) || 1 })}
            error={wrongWith(wrong, `escalation.${at}.after_minutes`, "escalation")}
          />
          <Select
            label={t("inbox.severity")}
            clearable
            placeholder={t("reach.same")}
            data={SEVERITIES.map((value) => ({ value, label: t(`shared:severity.${value}`) }))}
            value={step.severity ?? null}
            onChange={(value) => set(at, { severity: value as Schemas["Severity"] | null })}
          />
          <MultiSelect
            size="md"
            label={t("section.channels")}
            data={channels}
            value={[...step.channels]}
            onChange={(value) => set(at, { channels: value })}
            error={wrongWith(wrong, `escalation.${at}.channels`)}
          />
          <ActionIcon
            aria-label={t("reach.remove")}
            title={t("reach.remove")}
            onClick={() => onChange({ escalation: steps.filter((_, index) => index !== at) })}
          >
            <IconTrash />
          </ActionIcon>
        </div>
      ))}
      <Button
        variant="default"
        leftSection={<IconPlus size={18} />}
        onClick={() =>
          onChange({ escalation: [...steps, { after_minutes: 15, severity: null, channels: [] }] })
        }
      >
        {t("reach.addStep")}
      </Button>
    </section>
  );
}

function Shifts({ body, wrong, onChange }: Part) {
  const { t } = useTranslation("alerts");
  const { schedule } = body;
  const site = useQuery(configQuery).data?.site ?? USUAL;
  const fresh = freshShift(site.shift_starts, schedule?.shifts ?? []);
  const zone = site.zone || Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const set = (shifts: readonly Shift[]) =>
    schedule && onChange({ schedule: { ...schedule, shifts: [...shifts] } });
  const change = (at: number, part: Partial<Shift>) =>
    schedule && set(schedule.shifts.map((shift, index) => (index === at ? { ...shift, ...part } : shift)));
  return (
    <section className={styles.sub}>
      <Switch
        size="md"
        label={t("reach.shifts")}
        checked={schedule !== null && schedule !== undefined}
        onChange={(event) =>
          onChange({ schedule: event.currentTarget.checked ? { zone, shifts: [fresh] } : null })
        }
      />
      {schedule && (
        <>
          <TextInput
            label={t("reach.zone")}
            value={schedule.zone}
            onChange={(event) => onChange({ schedule: { ...schedule, zone: event.currentTarget.value } })}
            error={wrongWith(wrong, "schedule.zone", "schedule")}
            className={styles.narrow}
          />
          {schedule.shifts.map((shift, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: shifts have no other name than their place
            <div key={at} className={styles.row}>
              <Checkbox.Group
                label={t("reach.days")}
                value={shift.days}
                onChange={(days) => change(at, { days: DAYS.filter((day) => days.includes(day)) })}
                error={wrongWith(wrong, `schedule.shifts.${at}.days`)}
              >
                <div className={styles.checks}>
                  {DAYS.map((day) => (
                    <Checkbox key={day} size="md" value={day} label={t(`day.${day}`)} />
                  ))}
                </div>
              </Checkbox.Group>
              {(["begin", "end"] as const).map((side) => (
                <TextInput
                  key={side}
                  type="time"
                  label={t(`reach.${side}`)}
                  value={shift[side]}
                  onChange={(event) => change(at, { [side]: event.currentTarget.value })}
                  error={wrongWith(wrong, `schedule.shifts.${at}.${side}`, "schedule.shifts")}
                />
              ))}
              <ActionIcon
                aria-label={t("reach.remove")}
                title={t("reach.remove")}
                disabled={schedule.shifts.length === 1}
                onClick={() => set(schedule.shifts.filter((_, index) => index !== at))}
              >
                <IconTrash />
              </ActionIcon>
            </div>
          ))}
          <Button
            variant="default"
            leftSection={<IconPlus size={18} />}
            onClick={() => set([...schedule.shifts, fresh])}
          >
            {t("reach.addShift")}
          </Button>
        </>
      )}
    </section>
  );
}
