// A zip of labelled images from elsewhere, as a version of a dataset.

import { Autocomplete, Button, Checkbox, FileInput, Group, Modal, Select, Stack } from "@mantine/core";
import { IconFileZip } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, signedFetch } from "@/api/client";
import { problemOf } from "@/api/problem";
import { stationsQuery } from "@/api/queries";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { bytes } from "@/parts/numbers";
import { Building } from "./Building";
import styles from "./models.module.css";

const FORMATS = ["coco", "yolo", "voc", "mvtec"] as const;

interface Props {
  names: readonly string[];
  onClose: () => void;
  onMade: (versionId: string) => void;
}

async function sent(fields: Readonly<Record<string, string | File | null>>): Promise<Schemas["Build"]> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  const address = new URL("/api/v1/datasets/imports", location.origin);
  const answer = await signedFetch(new Request(address, { method: "POST", body: form }));
  const content: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw problemOf(answer, content);
  return content as Schemas["Build"];
}

export function ImportDataset({ names, onClose, onMade }: Props) {
  const { t } = useTranslation("models");
  const { t: shared } = useTranslation("shared");
  const stations = useQuery(stationsQuery);
  const [file, setFile] = useState<File | null>(null);
  const [dataset, setDataset] = useState("");
  const [format, setFormat] = useState<string>("coco");
  const [station, setStation] = useState<string | null>(null);
  const [base, setBase] = useState(false);
  const known = names.includes(dataset);
  const bring = useMutation({
    mutationFn: () =>
      sent({ dataset, format, station_id: station, base: base && known ? "latest" : null, file }),
  });
  const wrong = fieldsOf(bring.error);
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("import.title")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      {bring.data ? (
        <Building build={bring.data} onClose={onClose} onMade={onMade} />
      ) : (
        <Stack>
          <FileInput
            label={t("import.file")}
            description={file ? bytes(file.size) : t("import.fileText")}
            placeholder={t("import.choose")}
            leftSection={<IconFileZip size={20} />}
            accept=".zip,application/zip"
            value={file}
            onChange={setFile}
            clearable
            size="md"
            error={wrongWith(wrong, "file", "archive")}
          />
          <Group grow align="start">
            <Autocomplete
              label={t("dataset.name")}
              data={[...names]}
              value={dataset}
              onChange={setDataset}
              maxLength={64}
              size="md"
              error={wrongWith(wrong, "dataset", "base")}
            />
            <Select
              label={t("import.format")}
              allowDeselect={false}
              value={format}
              onChange={(value) => setFormat(value ?? "coco")}
              data={FORMATS.map((each) => ({ value: each, label: t(`format.${each}`) }))}
              error={wrongWith(wrong, "format")}
            />
          </Group>
          <Select
            label={t("import.station")}
            clearable
            clearButtonProps={{ "aria-label": t("filter.all") }}
            value={station}
            onChange={setStation}
            data={(stations.data ?? []).map((each) => ({ value: each.id, label: each.name || each.id }))}
            error={wrongWith(wrong, "station_id")}
          />
          {known && (
            <Checkbox
              label={t("build.base", { name: dataset })}
              checked={base}
              onChange={(event) => setBase(event.currentTarget.checked)}
            />
          )}
          {bring.error && (
            <p role="alert" className={styles.error}>
              {bring.error.message}
            </p>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {shared("cancel")}
            </Button>
            <Button disabled={!file || !dataset} loading={bring.isPending} onClick={() => bring.mutate()}>
              {t("import.verb")}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
