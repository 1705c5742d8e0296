// How far a build is; it tells its end, good or bad, with what was wrong by file and line.

import { Alert, Button, Group, Stack } from "@mantine/core";
import { IconAlertCircle, IconCheck } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { datasetsQuery } from "./asked";
import styles from "./models.module.css";

const AGAIN = 1000; // a build tells the bus of its good end alone

interface Props {
  build: Schemas["Build"];
  onClose: () => void;
  onMade: (versionId: string) => void;
}

export function Building({ build, onClose, onMade }: Props) {
  const { t } = useTranslation("models");
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: ["models", "build", build.id],
    initialData: build,
    staleTime: 0,
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/datasets/builds/{id}", { signal, params: { path: { id: build.id } } })),
    refetchInterval: ({ state }) =>
      state.data?.state === "succeeded" || state.data?.state === "failed" ? false : AGAIN,
  });
  const made = data.state === "succeeded" ? data.version_id : null;
  useEffect(() => {
    if (made) void queries.invalidateQueries({ queryKey: datasetsQuery.queryKey });
  }, [made, queries]);
  const failed = data.state === "failed";
  return (
    <Stack data-build={data.state}>
      {failed && (
        <Alert color="red" icon={<IconAlertCircle />} role="alert" title={t("build.failed")}>
          <span className={styles.mono}>{data.message}</span>
        </Alert>
      )}
      {made && (
        <Alert color="teal" icon={<IconCheck />} title={t("build.done", { count: data.samples })}>
          {data.message}
        </Alert>
      )}
      {!failed && !made && <p role="status">{t("build.running", { count: data.samples })}</p>}
      <Group justify="flex-end">
        <Button
          onClick={() => {
            if (made) onMade(made);
            onClose();
          }}
        >
          {t(made ? "build.show" : "build.close")}
        </Button>
      </Group>
    </Stack>
  );
}
