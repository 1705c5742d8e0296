// How a station asks people: how many must agree, which classes, how much it asks.

import { Button, Group, Modal, NumberInput, SegmentedControl, Select, Stack, TagsInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { stationsQuery } from "@/api/queries";
import { Asked, LoadingRows } from "@/parts/States";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import { type Policy, policyQuery } from "./asked";
import { wrongName } from "./drawing";
import styles from "./Rules.module.css";

export function Rules({ station, onClose }: { station: string | null; onClose: () => void }) {
  const { t } = useTranslation("review");
  const { t: shared } = useTranslation("shared");
  const stations = useQuery(stationsQuery);
  const [chosen, setChosen] = useState(station);
  const id = chosen ?? stations.data?.at(-1)?.id ?? "default";
  const policy = useQuery(policyQuery(id));
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("rules.title")}
      size="lg"
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <Stack>
        <Select
          label={t("filter.station")}
          allowDeselect={false}
          value={id}
          onChange={(value) => setChosen(value)}
          data={(stations.data ?? []).map((each) => ({ value: each.id, label: each.name || each.id }))}
        />
        <Asked query={policy} loading={<LoadingRows rows={4} height={60} />}>
          {(found) => <Form key={`${id} ${found.changed_at}`} policy={found} onDone={onClose} />}
        </Asked>
      </Stack>
    </Modal>
  );
}

function Form({ policy, onDone }: { policy: Policy; onDone: () => void }) {
  const { t } = useTranslation("review");
  const queries = useQueryClient();
  const [reviewers, setReviewers] = useState(policy.reviewers ?? 1);
  const [classes, setClasses] = useState<string[]>([...(policy.classes ?? [])]);
  const [audit, setAudit] = useState(100 * (policy.audit_share ?? 0.01));
  const [perHour, setPerHour] = useState(policy.per_hour ?? 60);
  const [copies, setCopies] = useState(policy.copies ?? 3);
  const wrong = classes.find((each) => wrongName(each));
  const save = useMutation({
    mutationFn: () =>
      take(
        api.PUT("/api/v1/active-learning/policies/{station_id}", {
          params: { path: { station_id: policy.station_id } },
          body: { reviewers, classes, audit_share: audit / 100, per_hour: perHour, copies },
        }),
      ),
    onSuccess: (changed) => {
      queries.setQueryData(policyQuery(policy.station_id).queryKey, changed);
      told.done(t("rules.saved", { station: policy.station_id }));
      onDone();
    },
  });
  return (
    <Stack>
      <div>
        <p className={styles.label}>{t("rules.reviewers")}</p>
        <SegmentedControl
          fullWidth
          aria-label={t("rules.reviewers")}
          value={String(reviewers)}
          onChange={(value) => setReviewers(Number(value))}
          data={[
            { value: "1", label: t("rules.one") },
            { value: "2", label: t("rules.two") },
          ]}
        />
      </div>
      <TagsInput
        label={t("rules.classes")}
        description={t("rules.classesText")}
        value={classes}
        onChange={setClasses}
        maxTags={100}
        error={wrong === undefined ? undefined : `${wrong}: ${t("class.wrong.letters")}`}
      />
      <Group grow align="end">
        <NumberInput
          label={t("rules.audit")}
          min={0}
          max={100}
          suffix=" %"
          value={audit}
          onChange={(value) => setAudit(Number(value))}
        />
        <NumberInput
          label={t("rules.perHour")}
          min={0}
          max={10_000}
          value={perHour}
          onChange={(value) => setPerHour(Number(value))}
        />
        <NumberInput
          label={t("rules.copies")}
          min={1}
          max={100}
          value={copies}
          onChange={(value) => setCopies(Number(value))}
        />
      </Group>
      {save.error && (
        <p role="alert" className={styles.error}>
          {save.error.message}
        </p>
      )}
      <Group justify="space-between">
        <span className={styles.by}>
          {policy.changed_at &&
            t("rules.changed", { by: policy.changed_by, at: dateTime(policy.changed_at) })}
        </span>
        <Button disabled={wrong !== undefined} loading={save.isPending} onClick={() => save.mutate()}>
          {t("rules.save")}
        </Button>
      </Group>
    </Stack>
  );
}
