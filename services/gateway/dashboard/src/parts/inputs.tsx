// Fields that several forms have: a share in per cent, a choice, a switch, times of day.

import { ActionIcon, Button, NumberInput, Select, Switch, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import styles from "./inputs.module.css";

interface Props<T> {
  label: string;
  value: T;
  error: string | undefined;
  onChange: (value: T) => void;
}

/** 0 to 1, shown in per cent. */
export function ShareInput({ value, onChange, ...rest }: Props<number>) {
  return (
    <NumberInput
      {...rest}
      hideControls
      suffix=" %"
      decimalScale={3}
      value={Math.round(value * 100_000) / 1000}
      onChange={(next) => onChange(Math.round(Number(next) * 1000) / 100_000)}
    />
  );
}

/** One of these values, by its words. */
export function ChoiceInput({
  of,
  wordsOf,
  onChange,
  ...rest
}: Props<string> & { of: readonly string[]; wordsOf: (value: string) => string }) {
  return (
    <Select
      {...rest}
      allowDeselect={false}
      data={of.map((value) => ({ value, label: wordsOf(value) }))}
      onChange={(next) => next && onChange(next)}
    />
  );
}

export function SwitchInput({ value, onChange, ...rest }: Props<boolean>) {
  return (
    <Switch {...rest} size="md" checked={value} onChange={(event) => onChange(event.currentTarget.checked)} />
  );
}

/** Times of day, in any order; one that is not filled in is "". */
export function TimesInput({ label, value, error, onChange }: Props<readonly string[]>) {
  const { t } = useTranslation("shared");
  const set = (at: number, time: string) =>
    onChange(value.map((each, index) => (index === at ? time : each)));
  return (
    <fieldset className={styles.times} aria-invalid={Boolean(error)}>
      <legend>{label}</legend>
      {value.map((time, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: times have no other name than their place
        <span key={at}>
          <TextInput
            type="time"
            aria-label={`${label} ${at + 1}`}
            value={time}
            error={Boolean(error)}
            onChange={(event) => set(at, event.currentTarget.value)}
          />
          <ActionIcon
            aria-label={t("times.remove", { number: at + 1 })}
            title={t("times.remove", { number: at + 1 })}
            onClick={() => onChange(value.filter((_, index) => index !== at))}
          >
            <IconTrash />
          </ActionIcon>
        </span>
      ))}
      <Button variant="default" leftSection={<IconPlus size={18} />} onClick={() => onChange([...value, ""])}>
        {t("times.add")}
      </Button>
      {error && (
        <p role="alert" className={styles.wrong}>
          {error}
        </p>
      )}
    </fieldset>
  );
}
