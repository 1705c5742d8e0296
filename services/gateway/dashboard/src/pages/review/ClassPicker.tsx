// The class that is drawn in: one tap, or its number on the keyboard; a new one by its name.

import { Button, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./ClassPicker.module.css";
import { colourOf } from "./colours";
import { wrongName } from "./drawing";
import type { Classes } from "./useClasses";

interface Props {
  classes: Classes;
  chosen: string;
  onChoose: (name: string) => void;
}

export function ClassPicker({ classes, chosen, onChoose }: Props) {
  const { t } = useTranslation("review");
  const [adding, setAdding] = useState(false);
  return (
    <section className={styles.picker} aria-label={t("class.title")}>
      <h3>{t("class.title")}</h3>
      <div className={styles.chips}>
        {classes.names.map((name, at) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === chosen}
            aria-keyshortcuts={at < 9 ? String(at + 1) : undefined}
            onClick={() => onChoose(name)}
          >
            <i style={{ background: colourOf(name, classes.names) }} aria-hidden="true" />
            <span>{name}</span>
            {at < 9 && <kbd>{at + 1}</kbd>}
          </button>
        ))}
        {!classes.closed && !adding && (
          <button type="button" data-new onClick={() => setAdding(true)}>
            <IconPlus size={18} aria-hidden="true" />
            {t("class.new")}
          </button>
        )}
      </div>
      {classes.closed && <p>{t("class.closed")}</p>}
      {adding && (
        <NewClass
          onDone={(name) => {
            setAdding(false);
            if (!name) return;
            classes.add(name);
            onChoose(name);
          }}
        />
      )}
    </section>
  );
}

function NewClass({ onDone }: { onDone: (name: string) => void }) {
  const { t } = useTranslation("review");
  const [name, setName] = useState("");
  const wrong = wrongName(name);
  function submit(event: FormEvent) {
    event.preventDefault();
    if (!wrong) onDone(name);
  }
  return (
    <form className={styles.new} onSubmit={submit}>
      <TextInput
        label={t("class.name")}
        autoFocus
        maxLength={64}
        value={name}
        error={name && wrong ? t(`class.wrong.${wrong}`) : undefined}
        onChange={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onDone("");
        }}
      />
      <Button type="submit" disabled={wrong !== null}>
        {t("class.add")}
      </Button>
    </form>
  );
}
