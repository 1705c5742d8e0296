// One of a few filters, each a button of its own.

import styles from "./Chips.module.css";

interface Props {
  label: string;
  /** The first one is the one that filters nothing. */
  choices: readonly { value: string; title: string; count?: number | undefined }[];
  value: string;
  onChange: (value: string) => void;
}

export function Chips({ label, choices, value, onChange }: Props) {
  return (
    <fieldset className={styles.chips} aria-label={label}>
      {choices.map((each) => (
        <button
          key={each.value}
          type="button"
          aria-pressed={each.value === value}
          onClick={() => onChange(each.value)}
        >
          {each.title}
          {each.count !== undefined && <b>{each.count}</b>}
        </button>
      ))}
    </fieldset>
  );
}
