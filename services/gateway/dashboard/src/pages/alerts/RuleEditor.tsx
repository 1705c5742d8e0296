// Writing a rule: tried on the past before it is kept, refused by field where it can't be meant.

import { Button, Group, NumberInput, Select, Switch, Tabs, Textarea, TextInput } from "@mantine/core";
import { IconDeviceFloppy, IconFlask } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { Meanwhile } from "@/parts/Meanwhile";
import { Tag } from "@/parts/Tag";
import { told } from "@/parts/toasts";
import styles from "./alerts.module.css";
import { ConditionFields } from "./ConditionFields";
import { freshCondition, KINDS, OVER_PARTS } from "./conditions";
import { type Body, bodyOf, freshBody, idOf, sameBody } from "./draft";
import { Preview } from "./Preview";
import { type Rule, SEVERITIES } from "./queries";
import { RuleHistory } from "./RuleHistory";
import { RuleReach } from "./RuleReach";

interface Props {
  /** None: a new one. */
  rule: Rule | null;
  rules: readonly Rule[];
  onSaved: (id: string) => void;
  onGone: () => void;
}

export function RuleEditor({ rule: latest, rules, onSaved, onGone }: Props) {
  const { t } = useTranslation("alerts");
  const may = useMay("configure");
  const [rule, setRule] = useState(latest);
  const [body, setBody] = useState<Body>(() => (rule ? bodyOf(rule) : freshBody()));
  const begin = (from: Rule) => {
    setRule(from);
    setBody(bodyOf(from));
  };
  const newer = latest && rule && latest.revision > rule.revision ? latest : null;
  if (newer && rule && sameBody(body, bodyOf(rule))) begin(newer);
  const [hours, setHours] = useState(24);
  const save = useMutation({
    mutationFn: () => {
      const id = rule?.id ?? idOf(body.title, new Set(rules.map((each) => each.id)));
      return take(
        api.PUT("/api/v1/alert-rules/{id}", {
          params: { path: { id } },
          body: { ...body, revision: rule ? rule.revision : null } as Schemas["PutRuleBody"],
        }),
      );
    },
    onSuccess: async (saved) => {
      for (const remark of saved.remarks) told.done(remark);
      told.done(t("rule.saved", { title: saved.rule.title }));
      begin(saved.rule);
      await queries.invalidateQueries({ queryKey: ["alert-rules"] });
      onSaved(saved.rule.id);
    },
  });
  const preview = useMutation({
    mutationFn: () => take(api.POST("/api/v1/alert-rules/preview", { body: { rule: body, hours } })),
  });
  const wrong = { ...fieldsOf(preview.error), ...fieldsOf(save.error) };
  const set = (change: Partial<Body>) => {
    setBody((before) => ({ ...before, ...change }));
    if (save.error) save.reset();
    if (preview.error) preview.reset();
  };
  function send(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <form onSubmit={send} className={styles.editor}>
      <header className={styles.top}>
        <h2>{rule ? rule.title : t("rule.new")}</h2>
        {rule?.builtin && <Tag tone="info">{t("rule.own")}</Tag>}
        {may && (
          <Group gap={8} className={styles.right}>
            {rule && <Remove rule={rule} onGone={onGone} />}
            <Button type="submit" leftSection={<IconDeviceFloppy size={18} />} loading={save.isPending}>
              {t("save")}
            </Button>
          </Group>
        )}
      </header>
      {newer && !save.isPending && (
        <Meanwhile
          by={newer.changed_by}
          onTheirs={() => begin(newer)}
          onMine={() => {
            setRule(newer);
            save.reset();
          }}
        />
      )}
      {wrong[""] && (
        <p role="alert" className={styles.refused}>
          {wrong[""]}
        </p>
      )}
      <fieldset disabled={!may} className={styles.body}>
        <div className={styles.fields}>
          <TextInput
            label={t("rule.title")}
            required
            value={body.title}
            onChange={(event) => set({ title: event.currentTarget.value })}
            error={wrongWith(wrong, "title", "rule.title")}
          />
          <Select
            label={t("inbox.severity")}
            allowDeselect={false}
            data={SEVERITIES.map((value) => ({ value, label: t(`shared:severity.${value}`) }))}
            value={body.severity}
            onChange={(value) => value && set({ severity: value as Body["severity"] })}
          />
          <Switch
            size="md"
            label={t("rule.enabled")}
            checked={body.enabled}
            onChange={(event) => set({ enabled: event.currentTarget.checked })}
            error={wrongWith(wrong, "enabled")}
          />
        </div>
        <Textarea
          label={t("rule.description")}
          autosize
          minRows={1}
          size="md"
          value={body.description}
          onChange={(event) => set({ description: event.currentTarget.value })}
          error={wrongWith(wrong, "description")}
        />
        <Tabs defaultValue="condition" keepMounted={false}>
          <Tabs.List>
            <Tabs.Tab value="condition">{t("rule.condition")}</Tabs.Tab>
            <Tabs.Tab value="reach">{t("rule.reach")}</Tabs.Tab>
            {rule && <Tabs.Tab value="history">{t("rule.history")}</Tabs.Tab>}
          </Tabs.List>
          <Tabs.Panel value="condition" className={styles.tab}>
            <Select
              label={t("rule.kind")}
              allowDeselect={false}
              disabled={rule?.builtin ?? false}
              data={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))}
              value={body.condition.kind}
              onChange={(value) =>
                value && set({ condition: freshCondition(value as (typeof KINDS)[number]) })
              }
              error={wrongWith(wrong, "condition", "condition.kind")}
            />
            <p className={styles.hint}>{t(`kindHint.${body.condition.kind}`)}</p>
            <ConditionFields
              condition={body.condition}
              wrong={inRule(wrong)}
              onChange={(condition) => set({ condition })}
            />
          </Tabs.Panel>
          <Tabs.Panel value="reach" className={styles.tab}>
            <RuleReach
              body={body}
              rules={rules}
              own={rule?.id ?? null}
              wrong={inRule(wrong)}
              onChange={set}
            />
          </Tabs.Panel>
          {rule && (
            <Tabs.Panel value="history" className={styles.tab}>
              <RuleHistory id={rule.id} onTake={(before) => set(bodyOf(before))} />
            </Tabs.Panel>
          )}
        </Tabs>
      </fieldset>
      {OVER_PARTS.has(body.condition.kind) && (
        <section className={styles.preview} aria-label={t("preview.title")}>
          <div className={styles.try}>
            <NumberInput
              label={t("preview.hours")}
              hideControls
              min={1}
              max={168}
              value={hours}
              onChange={(value) => setHours(Number(value) || 24)}
              error={wrongWith(fieldsOf(preview.error), "hours")}
              className={styles.narrow}
            />
            <Button
              variant="default"
              leftSection={<IconFlask size={18} />}
              loading={preview.isPending}
              onClick={() => preview.mutate()}
            >
              {t("preview.do")}
            </Button>
          </div>
          {preview.data && <Preview found={preview.data} title={body.title || t("rule.new")} />}
        </section>
      )}
    </form>
  );
}

/** A preview's refusals name the rule they are in. */
const inRule = (wrong: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(wrong).map(([name, why]) => [name.replace(/^rule\./, ""), why]));

function Remove({ rule, onGone }: { rule: Rule; onGone: () => void }) {
  const { t } = useTranslation("alerts");
  const words = rule.builtin ? "reset" : "delete";
  if (rule.builtin && rule.revision === 0) return null;
  return (
    <ConfirmButton
      variant="default"
      title={t(`rule.${words}Title`, { title: rule.title })}
      effect={t(`rule.${words}Effect`)}
      verb={t(`rule.${words}`)}
      act={async () => {
        await take(api.DELETE("/api/v1/alert-rules/{id}", { params: { path: { id: rule.id } } }));
        if (!rule.builtin) onGone();
        await queries.invalidateQueries({ queryKey: ["alert-rules"] });
      }}
    >
      {t(`rule.${words}`)}
    </ConfirmButton>
  );
}
