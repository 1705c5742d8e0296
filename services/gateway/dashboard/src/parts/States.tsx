// What is shown while there is nothing to show: loading, empty, failed. Shapes of what comes, never a spinner.

import { Button, Skeleton } from "@mantine/core";
import { type Icon, IconAlertTriangle, IconInbox } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "@/api/problem";
import styles from "./States.module.css";

type Tone = "idle" | "bad";

/** A calm message in the middle of a place, with what can be done about it as children. */
export function Notice(props: {
  icon: Icon;
  title: string;
  text?: ReactNode;
  tone?: Tone;
  children?: ReactNode;
}) {
  const { icon: Shown, title, text, tone = "idle", children } = props;
  return (
    <div className={styles.notice} data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      <Shown size={40} stroke={1.4} aria-hidden="true" />
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children}
    </div>
  );
}

export function Empty({ title, text, children }: { title: string; text?: ReactNode; children?: ReactNode }) {
  return (
    <Notice icon={IconInbox} title={title} text={text}>
      {children}
    </Notice>
  );
}

/** Why something can't be shown, and a way to try again. */
export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation("shared");
  const trace = error instanceof Problem && error.traceId ? ` (${error.traceId.slice(0, 8)})` : "";
  const text = error instanceof Error ? error.message + trace : String(error);
  return (
    <Notice icon={IconAlertTriangle} title={t("failed.title")} text={text} tone="bad">
      {again && (
        <Button variant="default" onClick={again}>
          {t("failed.again")}
        </Button>
      )}
    </Notice>
  );
}

/** Grey rows where a list will be. */
export function LoadingRows({ rows = 6, height = 44 }: { rows?: number; height?: number }) {
  const { t } = useTranslation("shared");
  return (
    <div className={styles.rows} aria-busy="true" aria-label={t("loading")} role="status">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: grey rows have nothing else to be told apart by
        <Skeleton key={row} height={height} radius="sm" />
      ))}
    </div>
  );
}

/** Grey cards where cards will be. */
export function LoadingCards({ cards = 4, height = 320 }: { cards?: number; height?: number }) {
  const { t } = useTranslation("shared");
  return (
    <div className={styles.cards} aria-busy="true" aria-label={t("loading")} role="status">
      {Array.from({ length: cards }, (_, card) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above
        <Skeleton key={card} height={height} radius="sm" />
      ))}
    </div>
  );
}

export function LoadingPage() {
  return (
    <div className={styles.page}>
      <LoadingCards />
    </div>
  );
}

/** What a question gave, or that it is on its way, empty, or failed. Old data stays while new is asked for. */
export function Asked<T>(props: {
  query: UseQueryResult<T>;
  loading?: ReactNode;
  isEmpty?: (data: T) => boolean;
  empty?: ReactNode;
  children: (data: T) => ReactNode;
}) {
  const { query, loading = <LoadingRows />, isEmpty, empty, children } = props;
  if (query.data === undefined) {
    return query.error ? <Failed error={query.error} again={() => void query.refetch()} /> : loading;
  }
  return isEmpty?.(query.data) ? empty : children(query.data);
}
