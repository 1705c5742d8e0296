// Notebook servers on the devices.

import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { IconExternalLink, IconNotebookOff, IconPlus } from "@tabler/icons-react";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { useLive } from "@/live/live";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { fieldsOf, wrongWith } from "@/parts/fields";
import { Asked, LoadingCards, Notice } from "@/parts/States";
import { Tag, type Tone } from "@/parts/Tag";
import styles from "./cards.module.css";
import { Age } from "./Jobs";
import { useLater } from "./useJobsLive";

type Notebook = Schemas["NotebookView"];

const TONES: Readonly<Record<Schemas["ServiceStatus"], Tone>> = {
  starting: "info",
  running: "good",
  stopping: "warn",
  stopped: "idle",
  error: "bad",
};

const notebooksQuery = queryOptions({
  queryKey: ["notebooks"],
  queryFn: ({ signal }) => take(api.GET("/v1/jupyter/services", { signal })),
});

const anew = () => queries.invalidateQueries({ queryKey: ["notebooks"] });

/** Where the server listens; whatever is no address of the web is not one. */
function addressOf({ url, token }: Notebook): string | null {
  if (!url || !/^https?:\/\//.test(url)) return null;
  if (!token || url.includes("token=")) return url;
  return `${url}${url.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
}

export function Notebooks() {
  const { t } = useTranslation("work");
  const may = useMay("configure");
  const asked = useQuery(notebooksQuery);
  const [adding, setAdding] = useState(false);
  const later = useLater(() => void anew());
  useLive(["queue.job.changed.v1", "queue.job.progressed.v1"], (heard) => {
    if (!("kind" in heard) || heard.kind === "notebook" || asked.data?.some((each) => each.id === heard.id))
      later();
  });
  const add = may && (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setAdding(true)}>
      {t("notebook.add")}
    </Button>
  );
  return (
    <div className={styles.place}>
      <Asked
        query={asked}
        loading={<LoadingCards cards={2} height={140} />}
        isEmpty={(known) => known.length === 0}
        empty={
          <Notice icon={IconNotebookOff} title={t("notebook.none")} text={t("notebook.noneHint")}>
            {add}
          </Notice>
        }
      >
        {(known) => (
          <>
            <div className={styles.top}>
              <p className={styles.quiet}>{t("notebook.hint")}</p>
              {add}
            </div>
            <ul className={styles.cards}>
              {known.map((each) => (
                <Card key={each.id} notebook={each} />
              ))}
            </ul>
          </>
        )}
      </Asked>
      {adding && <AddNotebook onClose={() => setAdding(false)} />}
    </div>
  );
}

function Card({ notebook }: { notebook: Notebook }) {
  const { t } = useTranslation("work");
  const may = useMay("configure");
  const address = may && notebook.status === "running" ? addressOf(notebook) : null;
  const going = notebook.status === "running" || notebook.status === "starting";
  return (
    <li className={styles.card}>
      <header>
        <h2>{notebook.name}</h2>
        <Tag tone={TONES[notebook.status]}>{t(`notebook.${notebook.status}`)}</Tag>
      </header>
      <p className={styles.quiet}>
        {t("job.made")} <Age at={notebook.created_at} />
      </p>
      {notebook.error && <p className={styles.warn}>{notebook.error}</p>}
      <Group gap={8}>
        {address && (
          <Button
            component="a"
            href={address}
            target="_blank"
            rel="noreferrer noopener"
            leftSection={<IconExternalLink size={18} />}
          >
            {t("notebook.go")}
          </Button>
        )}
        <Link to="/work" search={{ job: notebook.id, tab: "log" } as never} className={styles.link}>
          {t("log.title")}
        </Link>
        {may && going && (
          <ConfirmButton
            variant="default"
            title={t("notebook.stopTitle", { name: notebook.name })}
            effect={t("notebook.stopEffect")}
            verb={t("notebook.stop")}
            act={() =>
              take(
                api.DELETE("/v1/jupyter/services/{service_id}", {
                  params: { path: { service_id: notebook.id } },
                }),
              ).then(anew)
            }
          >
            {t("notebook.stop")}
          </ConfirmButton>
        )}
      </Group>
    </li>
  );
}

function AddNotebook({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("work");
  const { t: parts } = useTranslation("shared");
  const [name, setName] = useState("");
  const add = useMutation({
    mutationFn: () => take(api.POST("/v1/jupyter/services", { body: { name } as Schemas["NotebookBody"] })),
    onSuccess: () => {
      void anew();
      onClose();
    },
  });
  const wrong = fieldsOf(add.error);
  function send(event: FormEvent) {
    event.preventDefault();
    add.mutate();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("notebook.add")}
      closeButtonProps={{ "aria-label": parts("close") }}
    >
      <form onSubmit={send}>
        <Stack>
          <TextInput
            label={t("job.name")}
            required
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={wrongWith(wrong, "name", "")}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {parts("cancel")}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {t("notebook.start")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
