// Have nobody told of some alerts for a while.

import { Button, Group, Modal, MultiSelect, SegmentedControl, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { serverNow } from "@/api/clock";
import { queries, stationsQuery } from "@/api/queries";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { told } from "@/parts/toasts";
import styles from "./alerts.module.css";
import { local } from "./moments";
import { rulesQuery } from "./queries";

const HOURS = ["1", "4", "8", "24", "until"] as const;
const HOUR = 3_600_000;

interface Props {
  about?: { rules: readonly string[]; stations: readonly string[] };
  onClose: () => void;
}

export function SilenceForm({ about, onClose }: Props) {
  const { t } = useTranslation("alerts");
  const { t: parts } = useTranslation("shared");
  const rules = useQuery(rulesQuery);
  const stations = useQuery(stationsQuery);
  const [reason, setReason] = useState("");
  const [hours, setHours] = useState<string>("1");
  const [begins, setBegins] = useState("");
  const [ends, setEnds] = useState(() => local(serverNow() + HOUR));
  const [chosen, setChosen] = useState({
    rules: [...(about?.rules ?? [])],
    stations: [...(about?.stations ?? [])],
  });
  const save = useMutation({
    mutationFn: () => {
      const from = begins ? new Date(begins).getTime() : serverNow();
      const until = hours === "until" ? new Date(ends).getTime() : from + Number(hours) * HOUR;
      const body: Partial<Schemas["SilenceBody"]> = {
        reason,
        ends_at: new Date(until).toISOString(),
        rules: chosen.rules,
        stations: chosen.stations,
        ...(begins ? { begins_at: new Date(from).toISOString() } : {}),
      };
      return take(api.POST("/api/v1/alert-silences", { body: body as Schemas["SilenceBody"] }));
    },
    onSuccess: () => {
      told.done(t("silence.made"));
      void queries.invalidateQueries({ queryKey: ["alert-silences"] });
      onClose();
    },
  });
  const wrong = fieldsOf(save.error);
  function send(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("silence.new")}
      closeButtonProps={{ "aria-label": parts("close") }}
    >
      <form onSubmit={send}>
        <Stack>
          <p className={styles.hint}>{t("silence.effect")}</p>
          <TextInput
            label={t("silence.reason")}
            required
            data-autofocus
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            error={wrongWith(wrong, "reason")}
          />
          <SegmentedControl
            aria-label={t("silence.long")}
            value={hours}
            onChange={setHours}
            data={HOURS.map((value) => ({ value, label: t(`silence.hours.${value}`) }))}
          />
          <div className={styles.pair}>
            <TextInput
              type="datetime-local"
              label={t("silence.begins")}
              description={t("silence.beginsHint")}
              value={begins}
              onChange={(event) => setBegins(event.currentTarget.value)}
              error={wrongWith(wrong, "begins_at")}
            />
            {hours === "until" && (
              <TextInput
                type="datetime-local"
                label={t("silence.ends")}
                description={t("silence.endsHint")}
                value={ends}
                onChange={(event) => setEnds(event.currentTarget.value)}
                error={wrongWith(wrong, "ends_at")}
              />
            )}
          </div>
          <MultiSelect
            label={t("section.rules")}
            placeholder={chosen.rules.length ? "" : t("silence.everyRule")}
            searchable
            data={rules.data?.map(({ id, title }) => ({ value: id, label: title })) ?? []}
            value={chosen.rules}
            onChange={(value) => setChosen({ ...chosen, rules: value })}
            error={wrongWith(wrong, "rules")}
          />
          <MultiSelect
            label={t("silence.stations")}
            placeholder={chosen.stations.length ? "" : t("silence.everyStation")}
            searchable
            data={stations.data?.map(({ id, name }) => ({ value: id, label: name || id })) ?? []}
            value={chosen.stations}
            onChange={(value) => setChosen({ ...chosen, stations: value })}
            error={wrongWith(wrong, "stations")}
          />
          {(wrong[""] ?? (hours === "until" ? undefined : wrong.ends_at)) && (
            <p role="alert" className={styles.wrong}>
              {wrong[""] ?? wrong.ends_at}
            </p>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {parts("cancel")}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {t("do.silence")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
