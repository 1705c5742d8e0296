// What can be done with a version on the line, each with its effect told first.

import {
  Button,
  Checkbox,
  Group,
  Modal,
  NumberInput,
  SegmentedControl,
  Slider,
  Stack,
  TextInput,
} from "@mantine/core";
import { IconRocket, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { stationsQuery } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { count } from "@/parts/numbers";
import { told } from "@/parts/toasts";
import { activeQuery, dayQuery, type Evaluation, type Model } from "./asked";
import styles from "./models.module.css";
import { shortId } from "./reckoning";

interface Props {
  model: Model;
  evaluation: Evaluation | null;
}

export function Deploying({ model, evaluation }: Props) {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const queries = useQueryClient();
  const active = useQuery(activeQuery);
  const [open, setOpen] = useState(false);
  if (!may) return null;
  const name = model.name || shortId(model.id);
  const used = (active.data ?? []).some(
    (each) => each.version_id === model.id || each.trial?.version_id === model.id,
  );
  return (
    <div className={styles.actions}>
      <Button leftSection={<IconRocket size={20} />} onClick={() => setOpen(true)}>
        {t("deploy.open")}
      </Button>
      {!used && (
        <ConfirmButton
          variant="default"
          color="red.9"
          leftSection={<IconTrash size={20} />}
          title={t("delete.title", { name })}
          effect={t("delete.effect")}
          verb={t("delete.verb")}
          act={async () => {
            await take(api.DELETE("/api/v1/models/{id}", { params: { path: { id: model.id } } }));
            told.done(t("delete.done", { name }));
            await queries.invalidateQueries({ queryKey: ["models", "versions"] });
          }}
        >
          {t("delete.verb")}
        </ConfirmButton>
      )}
      {open && <Dialog model={model} evaluation={evaluation} onClose={() => setOpen(false)} />}
    </div>
  );
}

type How = "shadow" | "canary" | "deploy";
const HOWS: readonly How[] = ["shadow", "canary", "deploy"];

function useStart(model: Model, onDone: () => void) {
  const { t } = useTranslation("models");
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (wanted: {
      how: How;
      station_ids: string[];
      share: number;
      watch: number;
      force: boolean;
      note: string;
    }) => {
      const params = { path: { id: model.id } };
      const { how, station_ids } = wanted;
      if (how === "shadow")
        await take(
          api.POST("/api/v1/models/{id}/shadow", { params, body: { station_ids } as Schemas["TrialBody"] }),
        );
      if (how === "canary") {
        const body = { station_ids, share: wanted.share } as Schemas["CanaryBody"];
        await take(api.POST("/api/v1/models/{id}/canary", { params, body }));
      }
      if (how === "deploy") {
        const { watch: watch_minutes, force, note } = wanted;
        const body = { station_ids, everywhere: false, watch_minutes, force, note };
        await take(api.POST("/api/v1/models/{id}/deploy", { params, body }));
      }
      return how;
    },
    onSuccess: (how) => {
      told.done(t(`deploy.done.${how}`));
      void queries.invalidateQueries({ queryKey: ["models"] });
      onDone();
    },
  });
}

function Dialog({ model, evaluation, onClose }: Props & { onClose: () => void }) {
  const { t } = useTranslation("models");
  const { t: shared } = useTranslation("shared");
  const stations = useQuery(stationsQuery);
  const [how, setHow] = useState<How>("shadow");
  const [chosen, setChosen] = useState<string[]>([model.station_id]);
  const [share, setShare] = useState(10);
  const [watch, setWatch] = useState(60);
  const [force, setForce] = useState(false);
  const [note, setNote] = useState("");
  const start = useStart(model, onClose);
  const name = model.name || shortId(model.id);
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("deploy.title", { name })}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <Stack>
        <SegmentedControl
          fullWidth
          aria-label={t("deploy.how")}
          value={how}
          onChange={(value) => setHow(value as How)}
          data={HOWS.map((each) => ({ value: each, label: t(`role.${each}`) }))}
        />
        <Checkbox.Group label={t("deploy.stations")} value={chosen} onChange={setChosen}>
          <Group mt={8}>
            {(stations.data ?? []).map((each) => (
              <Checkbox key={each.id} value={each.id} label={each.name || each.id} size="md" />
            ))}
          </Group>
        </Checkbox.Group>
        {how === "canary" && (
          <div>
            <p id="share-label">{t("deploy.share", { share })}</p>
            <Slider
              value={share}
              onChange={setShare}
              min={1}
              max={100}
              size="lg"
              thumbSize={28}
              label={(value) => `${value} %`}
              thumbLabel={t("deploy.share", { share })}
            />
          </div>
        )}
        {how === "deploy" && (
          <Group grow align="start">
            <NumberInput
              label={t("deploy.watch")}
              min={0}
              max={10_080}
              suffix=" min"
              value={watch}
              onChange={(value) => setWatch(Number(value))}
            />
            <TextInput
              label={t("deploy.note")}
              maxLength={500}
              value={note}
              onChange={(event) => setNote(event.currentTarget.value)}
            />
          </Group>
        )}
        <Effect {...{ how, chosen, share: share / 100, watch, name, evaluation }} />
        {how === "deploy" && (
          <Checkbox
            label={t("deploy.force")}
            checked={force}
            onChange={(event) => setForce(event.currentTarget.checked)}
          />
        )}
        {start.error && (
          <p role="alert" className={styles.error}>
            {start.error.message}
          </p>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {shared("cancel")}
          </Button>
          <Button
            color={how === "deploy" ? "red.9" : "steel"}
            disabled={chosen.length === 0}
            loading={start.isPending}
            onClick={() => start.mutate({ how, station_ids: chosen, share: share / 100, watch, force, note })}
          >
            {t(`deploy.verb.${how}`)}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

interface EffectProps {
  how: How;
  chosen: readonly string[];
  share: number;
  watch: number;
  name: string;
  evaluation: Evaluation | null;
}

function Effect({ how, chosen, share, watch, name, evaluation }: EffectProps) {
  const { t } = useTranslation("models");
  const active = useQuery(activeQuery);
  const days = useQueries({ queries: chosen.map((id) => dayQuery(id)) });
  return (
    <div className={styles.effect} role="status">
      <strong>{t("effect.title")}</strong>
      <ul>
        {chosen.map((station, at) => {
          const now = active.data?.find((each) => each.station_id === station);
          const day = days[at]?.data ?? 0;
          const values = {
            station,
            name,
            old: now?.name || (now?.version_id ? shortId(now.version_id) : t("effect.nothing")),
            parts: count(Math.round(how === "canary" ? day * share : day)),
            share: Math.round(100 * share),
            day: count(day),
          };
          return (
            <li key={station}>
              {t(`effect.${how}`, values)}
              {now?.trial && ` ${t("effect.busy", { role: t(`role.${now.trial.role}`) })}`}
            </li>
          );
        })}
        {how === "deploy" && <li>{watch ? t("effect.watch", { watch }) : t("effect.noWatch")}</li>}
        {how === "canary" && <li>{t("effect.bounds")}</li>}
        {how !== "shadow" && !evaluation && <li className={styles.error}>{t("effect.noEvidence")}</li>}
      </ul>
    </div>
  );
}
