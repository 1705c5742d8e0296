// Have a command run on a device.

import { Button, Group, Modal, NumberInput, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { queries } from "@/api/queries";
import { fieldsOf, wrongWith } from "@/parts/fields";
import type { Job } from "./jobs";
import styles from "./work.module.css";

const FRESH = {
  name: "",
  command: "",
  project: "default",
  queue: "default",
  priority: 50,
  cpu: 0,
  memory_gb: 0,
  gpu: 0,
  max_retries: 0,
  tags: [],
};

export function SubmitJob({ onClose, onDone }: { onClose: () => void; onDone: (job: Job) => void }) {
  const { t } = useTranslation("work");
  const { t: parts } = useTranslation("shared");
  const [body, setBody] = useState(FRESH);
  const submit = useMutation({
    mutationFn: () => take(api.POST("/api/v1/jobs", { body })),
    onSuccess: (job) => {
      void queries.invalidateQueries({ queryKey: ["jobs", "list"] });
      onDone(job);
    },
  });
  const wrong = fieldsOf(submit.error);
  const set = (change: Partial<typeof FRESH>) => setBody((before) => ({ ...before, ...change }));
  const number = (name: "priority" | "cpu" | "memory_gb" | "gpu" | "max_retries", max: number) => (
    <NumberInput
      hideControls
      label={t(`submit.${name}`)}
      min={0}
      max={max}
      value={body[name]}
      onChange={(value) => set({ [name]: Number(value) || 0 })}
      error={wrongWith(wrong, name)}
    />
  );
  function send(event: FormEvent) {
    event.preventDefault();
    submit.mutate();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("submit.title")}
      size="lg"
      closeButtonProps={{ "aria-label": parts("close") }}
    >
      <form onSubmit={send}>
        <Stack>
          <TextInput
            label={t("job.name")}
            required
            data-autofocus
            value={body.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            error={wrongWith(wrong, "name")}
          />
          <Textarea
            label={t("submit.command")}
            description={t("submit.commandHint")}
            required
            autosize
            minRows={2}
            maxRows={8}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
            value={body.command}
            onChange={(event) => set({ command: event.currentTarget.value })}
            error={wrongWith(wrong, "command")}
          />
          <div className={styles.fields}>
            <TextInput
              label={t("job.project")}
              value={body.project}
              onChange={(event) => set({ project: event.currentTarget.value })}
              error={wrongWith(wrong, "project")}
            />
            <TextInput
              label={t("job.queue")}
              value={body.queue}
              onChange={(event) => set({ queue: event.currentTarget.value })}
              error={wrongWith(wrong, "queue")}
            />
            {number("priority", 100)}
            {number("cpu", 4096)}
            {number("memory_gb", 65536)}
            {number("gpu", 64)}
            {number("max_retries", 100)}
          </div>
          {wrong[""] && (
            <p role="alert" className={styles.wrong}>
              {wrong[""]}
            </p>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {parts("cancel")}
            </Button>
            <Button type="submit" loading={submit.isPending}>
              {t("submit.do")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
