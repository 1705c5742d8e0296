// Queues with what waits and runs in each, their limits, and how the whole is shared out.

import { Button, Group, Modal, NumberInput, Select, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { IconAdjustments, IconPlayerPause, IconPlayerPlay, IconPlus } from "@tabler/icons-react";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { count } from "@/parts/numbers";
import { Asked, LoadingCards, LoadingRows } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { told } from "@/parts/toasts";
import styles from "./cards.module.css";
import { useJobsLive } from "./useJobsLive";

type Info = Schemas["QueueInfo"];
type Configuration = Schemas["ConfigurationView"];

export const queuesQuery = queryOptions({
  queryKey: ["queues"],
  queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/queues", { signal }))).queues],
});

const configurationQuery = queryOptions({
  queryKey: ["queues", "configuration"],
  queryFn: async ({ signal }) => (await take(api.GET("/api/queue/configuration", { signal }))).data,
});

const anew = () => queries.invalidateQueries({ queryKey: ["queues"] });

const put = (name: string, body: Partial<Schemas["QueueBody"]>) =>
  take(
    api.PUT("/api/v1/queues/{name}", { params: { path: { name } }, body: body as Schemas["QueueBody"] }),
  ).then(anew);

export function Queues() {
  const { t } = useTranslation("work");
  const may = useMay("configure");
  const asked = useQuery(queuesQuery);
  const [edited, setEdited] = useState<Info | "new" | null>(null);
  useJobsLive();
  return (
    <div className={styles.place}>
      <Asked query={asked} loading={<LoadingCards cards={3} height={170} />}>
        {(queues) => (
          <>
            <div className={styles.top}>
              <p className={styles.quiet}>{t("queue.hint")}</p>
              {may && (
                <Button
                  variant="default"
                  leftSection={<IconPlus size={18} />}
                  onClick={() => setEdited("new")}
                >
                  {t("queue.add")}
                </Button>
              )}
            </div>
            <ul className={styles.cards}>
              {queues.map((info) => (
                <Card key={info.queue.name} info={info} onEdit={() => setEdited(info)} />
              ))}
            </ul>
          </>
        )}
      </Asked>
      {edited && <EditQueue info={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
      <Shared />
    </div>
  );
}

function Card({ info: { queue, waiting, active }, onEdit }: { info: Info; onEdit: () => void }) {
  const { t } = useTranslation("work");
  const may = useMay("configure");
  const { name, held } = queue;
  return (
    <li className={styles.card} data-queue={name}>
      <header>
        <h2>{name}</h2>
        {held ? (
          <Tag tone="warn" icon={IconPlayerPause}>
            {t("queue.held")}
          </Tag>
        ) : (
          <Tag tone="good" icon={IconPlayerPlay}>
            {t("queue.open")}
          </Tag>
        )}
      </header>
      {queue.description && <p className={styles.quiet}>{queue.description}</p>}
      <dl className={styles.counts}>
        <div>
          <dt>{t("queue.waiting")}</dt>
          <dd>
            <Link to="/work" search={{ queue: name, state: "waiting" } as never}>
              {count(waiting)}
            </Link>
          </dd>
        </div>
        <div>
          <dt>{t("queue.active")}</dt>
          <dd>
            <Link to="/work" search={{ queue: name, state: "live" } as never}>
              {count(active)}
            </Link>
          </dd>
        </div>
        <div>
          <dt>{t("queue.limit")}</dt>
          <dd>{queue.max_concurrent ?? t("queue.noLimit")}</dd>
        </div>
      </dl>
      {may && (
        <Group gap={8}>
          {held ? (
            <Button
              variant="default"
              leftSection={<IconPlayerPlay size={18} />}
              onClick={() => void put(name, { held: false }).catch(told.failed)}
            >
              {t("queue.release")}
            </Button>
          ) : (
            <ConfirmButton
              variant="default"
              color="yellow"
              leftSection={<IconPlayerPause size={18} />}
              title={t("queue.holdTitle", { name })}
              effect={t("queue.holdEffect")}
              verb={t("queue.hold")}
              act={() => put(name, { held: true })}
            >
              {t("queue.hold")}
            </ConfirmButton>
          )}
          <Button variant="default" leftSection={<IconAdjustments size={18} />} onClick={onEdit}>
            {t("queue.edit")}
          </Button>
        </Group>
      )}
    </li>
  );
}

function EditQueue({ info, onClose }: { info: Info | null; onClose: () => void }) {
  const { t } = useTranslation("work");
  const { t: parts } = useTranslation("shared");
  const [name, setName] = useState(info?.queue.name ?? "");
  const [limit, setLimit] = useState<number | string>(info?.queue.max_concurrent ?? "");
  const [description, setDescription] = useState(info?.queue.description ?? "");
  const save = useMutation({
    mutationFn: () => put(name, { description, max_concurrent: limit === "" ? null : Number(limit) }),
    onSuccess: onClose,
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
      title={t(info ? "queue.editTitle" : "queue.add", { name })}
      closeButtonProps={{ "aria-label": parts("close") }}
    >
      <form onSubmit={send}>
        <Stack>
          {!info && (
            <TextInput
              label={t("job.name")}
              required
              data-autofocus
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={wrongWith(wrong, "name", "")}
            />
          )}
          <NumberInput
            hideControls
            label={t("queue.limitLong")}
            description={t("queue.limitHint")}
            min={0}
            allowDecimal={false}
            value={limit}
            onChange={setLimit}
            error={wrongWith(wrong, "max_concurrent")}
          />
          <Textarea
            label={t("queue.description")}
            autosize
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
            error={wrongWith(wrong, "description")}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {parts("cancel")}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {t("save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Shared() {
  const { t } = useTranslation("work");
  const asked = useQuery(configurationQuery);
  return (
    <section className={styles.block} aria-labelledby="shared-title">
      <h2 id="shared-title">{t("shared.title")}</h2>
      <Asked query={asked} loading={<LoadingRows rows={2} />}>
        {(known) => <SharedForm key={JSON.stringify(known)} known={known} />}
      </Asked>
    </section>
  );
}

const NUMBERS = [
  "max_concurrent_jobs",
  "max_jobs_per_device",
  "default_job_timeout_hours",
  "cleanup_completed_jobs_after_hours",
] as const;
const STRATEGIES = ["resource_aware", "least_loaded", "round_robin"] as const;

function SharedForm({ known }: { known: Configuration }) {
  const { t } = useTranslation("work");
  const may = useMay("configure");
  const [wish, setWish] = useState<Configuration>(known);
  const set = (change: Partial<Configuration>) => setWish((before) => ({ ...before, ...change }));
  const save = useMutation({
    mutationFn: () =>
      take(api.PUT("/api/queue/configuration", { body: wish as Schemas["ConfigurationBody"] })),
    onSuccess: () => {
      told.done(t("saved"));
      void anew();
    },
  });
  const wrong = fieldsOf(save.error);
  function send(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <form onSubmit={send}>
      <Stack>
        <div className={styles.fields}>
          {NUMBERS.map((name) => (
            <NumberInput
              hideControls
              key={name}
              label={t(`shared.${name}`)}
              placeholder={t("queue.noLimit")}
              min={0}
              disabled={!may}
              value={wish[name] ?? ""}
              onChange={(value) => set({ [name]: value === "" ? null : Number(value) })}
              error={wrongWith(wrong, name)}
            />
          ))}
          <Select
            label={t("shared.load_balancing_strategy")}
            data={STRATEGIES.map((each) => ({ value: each, label: t(`strategy.${each}`) }))}
            allowDeselect={false}
            disabled={!may}
            value={wish.load_balancing_strategy}
            onChange={(value) => value && set({ load_balancing_strategy: value })}
          />
          {(["enable_priority_scheduling", "enable_resource_matching"] as const).map((name) => (
            <Switch
              key={name}
              size="md"
              label={t(`shared.${name}`)}
              disabled={!may}
              checked={wish[name]}
              onChange={(event) => set({ [name]: event.currentTarget.checked })}
            />
          ))}
        </div>
        {wrong[""] && <p role="alert">{wrong[""]}</p>}
        {may && (
          <Group>
            <Button type="submit" loading={save.isPending} disabled={wish === known}>
              {t("save")}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}
