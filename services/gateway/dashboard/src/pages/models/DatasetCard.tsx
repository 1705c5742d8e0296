// One dataset version: what is in it, a look at it, how it differs, who stands for it, and the way out.

import { Button, Group, Menu, Modal, Select, Stack, Textarea } from "@mantine/core";
import { IconCheck, IconDownload, IconSchool, IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, download, take } from "@/api/client";
import { useMay } from "@/api/session";
import { withEntry } from "@/live/feeds";
import { bytes, count } from "@/parts/numbers";
import { Asked, LoadingRows } from "@/parts/States";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import { type Dataset, datasetsQuery, diffQuery } from "./asked";
import { Approval } from "./Datasets";
import styles from "./models.module.css";
import { Samples } from "./Samples";

const FORMATS = ["coco", "yolo", "voc", "mvtec", "andon"] as const;
const SPLITS = ["train", "val", "test"] as const;

export function DatasetCard({ version, all }: { version: Dataset; all: readonly Dataset[] }) {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const navigate = useNavigate();
  return (
    <section
      className={styles.card}
      aria-label={`${version.dataset} ${version.number}`}
      data-dataset-card={version.id}
    >
      <header>
        <h2>
          {version.dataset} {version.number}
        </h2>
        <Approval version={version} />
        <span data-end className={styles.actions}>
          {may && <Approving version={version} />}
          {may && (
            <Button
              variant="default"
              leftSection={<IconSchool size={20} />}
              onClick={() =>
                void navigate({ to: "/models/training", search: { dataset: version.id } as never })
              }
            >
              {t("dataset.train")}
            </Button>
          )}
          <Export version={version} />
        </span>
      </header>
      <div className={styles.body}>
        {version.description && <p>{version.description}</p>}
        <p className={styles.quiet}>
          {dateTime(version.created_at)} · {version.by} · <span className={styles.mono}>{version.id}</span>
        </p>
        {version.approved_by && (
          <p className={styles.quiet}>
            {t("dataset.stands", {
              by: version.approved_by,
              at: version.approved_at ? dateTime(version.approved_at) : "",
              what: t(`approval.${version.approval ?? "draft"}`),
            })}
            {version.approval_note && `: “${version.approval_note}”`}
          </p>
        )}
        <Counts version={version} />
        {version.notes?.map((note) => (
          <p key={note} className={styles.quiet}>
            {note}
          </p>
        ))}
        <Difference version={version} all={all} />
        <Samples version={version} />
      </div>
    </section>
  );
}

function Counts({ version }: { version: Dataset }) {
  const { t } = useTranslation("models");
  const { counts } = version;
  return (
    <>
      <dl className={styles.facts}>
        <div>
          <dt>{t("dataset.images")}</dt>
          <dd data-big>{count(counts.samples)}</dd>
        </div>
        <div>
          <dt>{t("dataset.groups")}</dt>
          <dd data-big>{count(counts.groups)}</dd>
        </div>
        <div>
          <dt>{t("dataset.size")}</dt>
          <dd data-big>{bytes(counts.bytes)}</dd>
        </div>
        <div data-wide>
          <dt>{t("dataset.classes")}</dt>
          <dd>
            {Object.entries(counts.classes)
              .map(([name, number]) => `${name} ${number}`)
              .join(", ") || "–"}
          </dd>
        </div>
      </dl>
      <div className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>{t("dataset.split")}</th>
              <th>{t("truth.good")}</th>
              <th>{t("truth.defect")}</th>
            </tr>
          </thead>
          <tbody>
            {SPLITS.map((split) => (
              <tr key={split}>
                <td>{t(`split.${split}`)}</td>
                <td>{counts.splits[split]?.good ?? 0}</td>
                <td>{counts.splits[split]?.defect ?? 0}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Approving({ version }: { version: Dataset }) {
  const { t } = useTranslation("models");
  const { t: shared } = useTranslation("shared");
  const queries = useQueryClient();
  const [asking, setAsking] = useState<boolean | null>(null);
  const [note, setNote] = useState("");
  const approve = useMutation({
    mutationFn: (approved: boolean) =>
      take(
        api.POST("/api/v1/datasets/{id}/approval", {
          params: { path: { id: version.id } },
          body: { approved, note },
        }),
      ),
    onSuccess: (changed) => {
      queries.setQueryData(datasetsQuery.queryKey, (known) => known && withEntry(known, changed));
      setAsking(null);
    },
    onError: told.failed,
  });
  return (
    <>
      {version.approval !== "approved" && (
        <Button color="teal.9" leftSection={<IconCheck size={20} />} onClick={() => setAsking(true)}>
          {t("approval.approve")}
        </Button>
      )}
      {version.approval !== "rejected" && (
        <Button variant="default" leftSection={<IconX size={20} />} onClick={() => setAsking(false)}>
          {t("approval.reject")}
        </Button>
      )}
      <Modal
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={t(asking ? "approval.approveTitle" : "approval.rejectTitle", {
          name: `${version.dataset} ${version.number}`,
        })}
        closeButtonProps={{ "aria-label": shared("close") }}
      >
        <Stack>
          <p>{t(asking ? "approval.approveEffect" : "approval.rejectEffect")}</p>
          <Textarea
            label={t("deploy.note")}
            maxLength={2000}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(null)}>
              {shared("cancel")}
            </Button>
            <Button
              color={asking ? "teal.9" : "red.9"}
              loading={approve.isPending}
              onClick={() => approve.mutate(asking === true)}
            >
              {t(asking ? "approval.approve" : "approval.reject")}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function Export({ version }: { version: Dataset }) {
  const { t } = useTranslation("models");
  const save = (format: (typeof FORMATS)[number]) => {
    const ending = format === "andon" ? ".json" : `-${format}.zip`;
    const path = `/api/v1/datasets/${version.id}/export?format=${format}`;
    download(path, `${version.dataset}-${version.number}${ending}`).catch(told.failed);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={20} />}>
          {t("export.open")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map((format) => (
          <Menu.Item key={format} onClick={() => save(format)}>
            {t(`format.${format}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Difference({ version, all }: { version: Dataset; all: readonly Dataset[] }) {
  const { t } = useTranslation("models");
  const others = all.filter((each) => each.id !== version.id);
  const before = others.find((each) => each.dataset === version.dataset && each.number < version.number);
  const [chosen, setChosen] = useState<string | null>(version.base ?? before?.id ?? null);
  const other = others.some((each) => each.id === chosen) ? chosen : null;
  const diff = useQuery({ ...diffQuery(version.id, other ?? ""), enabled: other !== null });
  if (!others.length) return null;
  return (
    <div>
      <Select
        label={t("diff.title")}
        placeholder={t("diff.choose")}
        value={other}
        onChange={setChosen}
        data={others.map((each) => ({ value: each.id, label: `${each.dataset} ${each.number}` }))}
        maw={300}
      />
      {other && (
        <Asked query={diff} loading={<LoadingRows rows={1} />}>
          {(found) => (
            <dl className={styles.facts} style={{ marginTop: 12 }}>
              {(["added", "removed", "relabelled", "moved", "same"] as const).map((each) => (
                <div key={each}>
                  <dt>{t(`diff.${each}`)}</dt>
                  <dd data-big>{count(found[each])}</dd>
                </div>
              ))}
            </dl>
          )}
        </Asked>
      )}
    </div>
  );
}
