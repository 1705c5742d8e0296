// A new version of a dataset, put together from what people said and what stations were taught.

import { Autocomplete, Button, Checkbox, Group, Modal, MultiSelect, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { stationsQuery } from "@/api/queries";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { Building } from "./Building";
import styles from "./models.module.css";

interface Props {
  names: readonly string[];
  onClose: () => void;
  onMade: (versionId: string) => void;
}

export function BuildDataset({ names, onClose, onMade }: Props) {
  const { t } = useTranslation("models");
  const { t: shared } = useTranslation("shared");
  const stations = useQuery(stationsQuery);
  const [dataset, setDataset] = useState(names[0] ?? "");
  const [base, setBase] = useState(names.length > 0);
  const [annotations, setAnnotations] = useState(true);
  const [taught, setTaught] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const [description, setDescription] = useState("");
  const known = names.includes(dataset);
  const build = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/datasets", {
          body: {
            dataset,
            base: base && known ? "latest" : null,
            annotations,
            taught,
            stations: chosen,
            description,
            fractions: { train: 0.7, val: 0.15, test: 0.15 },
          },
        }),
      ),
  });
  const wrong = fieldsOf(build.error);
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("build.title")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      {build.data ? (
        <Building build={build.data} onClose={onClose} onMade={onMade} />
      ) : (
        <Stack>
          <Autocomplete
            label={t("dataset.name")}
            data={[...names]}
            value={dataset}
            onChange={setDataset}
            maxLength={64}
            error={wrongWith(wrong, "dataset", "base")}
            size="md"
          />
          {known && (
            <Checkbox
              label={t("build.base", { name: dataset })}
              checked={base}
              onChange={(event) => setBase(event.currentTarget.checked)}
            />
          )}
          <Checkbox
            label={t("build.annotations")}
            checked={annotations}
            onChange={(event) => setAnnotations(event.currentTarget.checked)}
          />
          <Checkbox
            label={t("build.taught")}
            checked={taught}
            onChange={(event) => setTaught(event.currentTarget.checked)}
          />
          <MultiSelect
            label={t("build.stations")}
            placeholder={chosen.length ? "" : t("filter.all")}
            value={chosen}
            onChange={setChosen}
            error={wrongWith(wrong, "stations", "taught")}
            data={(stations.data ?? []).map((each) => ({ value: each.id, label: each.name || each.id }))}
          />
          <TextInput
            label={t("build.description")}
            maxLength={2000}
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
          {build.error && (
            <p role="alert" className={styles.error}>
              {build.error.message}
            </p>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {shared("cancel")}
            </Button>
            <Button
              disabled={!dataset || (taught && chosen.length === 0)}
              title={taught && chosen.length === 0 ? t("build.nameStations") : undefined}
              loading={build.isPending}
              onClick={() => build.mutate()}
            >
              {t("build.verb")}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
