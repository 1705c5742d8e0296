// A new run: what it learns, where, and from what; what is refused says why by its field.

import {
  Button,
  Checkbox,
  Group,
  Modal,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  TextInput,
} from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { stationsQuery } from "@/api/queries";
import { withEntry } from "@/live/feeds";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { day } from "@/parts/time";
import { told } from "@/parts/toasts";
import { datasetsQuery, modelsQuery, type Run, runsQuery } from "./asked";
import styles from "./models.module.css";

type Kind = Schemas["RunKind"];
const KINDS: readonly Kind[] = ["anomaly", "regions", "detector" as Kind];
const PLACES: readonly Schemas["Place"][] = ["auto", "queue", "here"];

interface Props {
  station: string | null;
  dataset: string | null;
  onClose: () => void;
  onStarted: (run: Run) => void;
}

export function StartRun({ station: first, dataset: from, onClose, onStarted }: Props) {
  const { t } = useTranslation("models");
  const { t: shared } = useTranslation("shared");
  const queries = useQueryClient();
  const stations = useQuery(stationsQuery);
  const datasets = useQuery(datasetsQuery);
  const models = useQuery(modelsQuery);
  const [chosen, setChosen] = useState(first);
  const station = chosen ?? models.data?.[0]?.station_id ?? stations.data?.[0]?.id ?? "default";
  const trained = models.data?.some((each) => each.station_id === station) ?? false;
  const [picked, setKind] = useState<Kind | null>(null);
  const kind = picked ?? (trained ? "regions" : "anomaly");
  const [dataset, setDataset] = useState(from);
  const [name, setName] = useState("");
  const [seed, setSeed] = useState(0);
  const [place, setPlace] = useState<Schemas["Place"]>("auto");
  const [deploy, setDeploy] = useState(false);
  const start = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/training/start", {
          body: {
            kind,
            station_id: station,
            dataset_version: dataset,
            model_name: name,
            seed,
            place,
            deploy,
          } as Schemas["TrainingBody"],
        }),
      ),
    onSuccess: (run) => {
      queries.setQueryData(runsQuery.queryKey, (known) => known && withEntry(known, run));
      told.done(t("start.done"));
      onStarted(run);
      onClose();
    },
  });
  const wrong = fieldsOf(start.error);
  const other = wrongWith(wrong, "", "images", "kind", "parameters", "parent");
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("start.title")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <Stack>
        <div>
          <SegmentedControl
            fullWidth
            aria-label={t("start.kind")}
            value={kind}
            onChange={(value) => setKind(value as Kind)}
            data={KINDS.map((each) => ({ value: each, label: t(`kind.${each}`) }))}
          />
          <p className={styles.quiet}>{t(`kindText.${kind}`)}</p>
        </div>
        <Group grow align="start">
          <Select
            label={t("filter.station")}
            allowDeselect={false}
            value={station}
            onChange={setChosen}
            error={wrongWith(wrong, "station_id")}
            data={(stations.data ?? []).map((each) => ({ value: each.id, label: each.name || each.id }))}
          />
          <Select
            label={t("start.dataset")}
            placeholder={t("run.annotations")}
            clearable
            clearButtonProps={{ "aria-label": t("run.annotations") }}
            value={dataset}
            onChange={setDataset}
            error={wrongWith(wrong, "dataset_version")}
            data={(datasets.data ?? []).map((each) => ({
              value: each.id,
              label: `${each.dataset} ${each.number} · ${t(`approval.${each.approval ?? "draft"}`)} · ${day(each.created_at)}`,
            }))}
          />
        </Group>
        <Group grow align="start">
          <TextInput
            label={t("start.name")}
            maxLength={200}
            value={name}
            error={wrongWith(wrong, "name", "model_name")}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <NumberInput
            label={t("start.seed")}
            min={0}
            max={2 ** 31 - 1}
            value={seed}
            error={wrongWith(wrong, "seed")}
            onChange={(value) => setSeed(Number(value))}
          />
          <Select
            label={t("start.place")}
            allowDeselect={false}
            value={place}
            onChange={(value) => setPlace((value as Schemas["Place"] | null) ?? "auto")}
            error={wrongWith(wrong, "place")}
            data={PLACES.map((each) => ({ value: each, label: t(`place.${each}`) }))}
          />
        </Group>
        <Checkbox
          label={t("start.deploy", { station })}
          checked={deploy}
          onChange={(event) => setDeploy(event.currentTarget.checked)}
        />
        {start.error && (
          <p role="alert" className={styles.error}>
            {other ?? start.error.message}
          </p>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {shared("cancel")}
          </Button>
          <Button loading={start.isPending} onClick={() => start.mutate()}>
            {t("start.verb")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
