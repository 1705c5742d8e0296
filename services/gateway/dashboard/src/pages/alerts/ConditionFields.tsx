// The fields of a rule's condition.

import { Checkbox, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { wrongWith } from "@/parts/fields";
import { ChoiceInput, ShareInput, SwitchInput } from "@/parts/inputs";
import styles from "./alerts.module.css";
import { type Condition, type Field, fieldsFor, withField } from "./conditions";

interface Props {
  condition: Condition;
  wrong: Readonly<Record<string, string>>;
  onChange: (condition: Condition) => void;
}

export function ConditionFields({ condition, wrong, onChange }: Props) {
  return (
    <div className={styles.fields}>
      {fieldsFor(condition).map((field) => (
        <One
          key={field.name}
          field={field}
          value={(condition as unknown as Record<string, unknown>)[field.name]}
          error={wrongWith(wrong, `condition.${field.name}`, `condition.${condition.kind}.${field.name}`)}
          onChange={(value) => onChange(withField(condition, field.name, value))}
        />
      ))}
    </div>
  );
}

interface OneProps {
  field: Field;
  value: unknown;
  error: string | undefined;
  onChange: (value: unknown) => void;
}

function One({ field, value, error, onChange }: OneProps) {
  const { t } = useTranslation("alerts");
  const label = t(`field.${field.name}`);
  switch (field.as) {
    case "number":
      return (
        <NumberInput
          label={label}
          hideControls
          placeholder={field.empty ? t("field.learnt") : ""}
          allowDecimal={!field.whole}
          value={(value as number | null) ?? ""}
          onChange={(next) => onChange(next === "" ? (field.empty ? null : 0) : Number(next))}
          error={error}
        />
      );
    case "share":
      return <ShareInput label={label} value={Number(value)} onChange={onChange} error={error} />;
    case "choice":
      return (
        <ChoiceInput
          label={label}
          of={field.of}
          wordsOf={(each) => t(`choice.${each}`)}
          value={String(value)}
          onChange={onChange}
          error={error}
        />
      );
    case "switch":
      return <SwitchInput label={label} value={Boolean(value)} onChange={onChange} error={error} />;
    case "text":
      return (
        <TextInput
          label={label}
          placeholder={t("field.every")}
          value={String(value ?? "")}
          onChange={(event) => onChange(event.currentTarget.value || null)}
          error={error}
        />
      );
    case "names":
      return (
        <TagsInput
          label={label}
          size="md"
          placeholder={(value as string[]).length ? "" : t("field.every")}
          value={value as string[]}
          onChange={onChange}
          error={error}
        />
      );
    case "tests":
      return (
        <Checkbox.Group
          label={label}
          value={(value as number[]).map(String)}
          onChange={(next) => onChange(next.map(Number).sort())}
          error={error}
        >
          <div className={styles.checks}>
            {[1, 2, 3, 4].map((each) => (
              <Checkbox key={each} size="md" value={String(each)} label={t(`test.${each}`)} />
            ))}
          </div>
        </Checkbox.Group>
      );
  }
}
