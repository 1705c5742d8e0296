// A job's output: only the lines in sight are drawn, and the newest stay in sight until one scrolls up.

import { ActionIcon, Button, SegmentedControl } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconDownload, IconTextWrap } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { saveAs } from "@/api/client";
import { bytes, count } from "@/parts/numbers";
import { Failed, LoadingRows } from "@/parts/States";
import { isOver, type Job } from "./jobs";
import styles from "./LogView.module.css";
import { type Log, type Stream, useLog } from "./useLog";

const LINE = 20;
const NEAR = 24;

export function LogView({ job }: { job: Job }) {
  const { t } = useTranslation("work");
  const [stream, setStream] = useState<Stream>("stdout");
  const [wrap, setWrap] = useState(false);
  const log = useLog(job, stream);
  const save = () =>
    saveAs(new Blob([log.lines.join("\n")], { type: "text/plain" }), `${job.name}-${stream}.log`);
  return (
    <section className={styles.log} aria-label={t("log.title")}>
      <div className={styles.tools}>
        <SegmentedControl
          aria-label={t("log.stream")}
          value={stream}
          onChange={(value) => setStream(value as Stream)}
          data={[
            { value: "stdout", label: t("log.stdout") },
            { value: "stderr", label: t("log.stderr") },
          ]}
        />
        <span className={styles.size}>
          {t("log.lines", { count: log.lines.length, shown: count(log.lines.length) })}
        </span>
        {log.from > 0 && (
          <Button variant="default" leftSection={<IconArrowUp size={18} />} onClick={log.earlier}>
            {t("log.earlier", { size: bytes(log.from) })}
          </Button>
        )}
        <ActionIcon
          aria-label={t("log.wrap")}
          title={t("log.wrap")}
          aria-pressed={wrap}
          onClick={() => setWrap(!wrap)}
        >
          <IconTextWrap />
        </ActionIcon>
        <ActionIcon
          aria-label={t("log.download")}
          title={t("log.download")}
          onClick={save}
          disabled={!log.lines.length}
        >
          <IconDownload />
        </ActionIcon>
      </div>
      {log.loading ? (
        <LoadingRows rows={6} height={16} />
      ) : log.error && !log.lines.length ? (
        <Failed error={log.error} />
      ) : log.lines.length === 0 ? (
        <p className={styles.none}>{t(isOver(job.status) ? "log.none" : "log.notYet")}</p>
      ) : (
        <Tail key={stream} log={log} wrap={wrap} />
      )}
    </section>
  );
}

function Tail({ log, wrap }: { log: Log; wrap: boolean }) {
  const { t } = useTranslation("work");
  const place = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const held = useRef(log.lines.length);
  const { lines, dropped } = log;
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => place.current,
    estimateSize: () => LINE,
    overscan: 30,
    getItemKey: (index) => index + dropped,
  });
  useEffect(() => {
    if (!following || !lines.length) return;
    held.current = lines.length;
    virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [lines.length, following, virtual]);
  function scrolled() {
    const box = place.current;
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    if (atEnd !== following) setFollowing(atEnd);
  }
  const fresh = following ? 0 : Math.max(0, lines.length - held.current);
  return (
    <div className={styles.frame}>
      <div
        ref={place}
        className={styles.lines}
        onScroll={scrolled}
        role="log"
        aria-live="off"
        aria-label={t("log.title")}
        data-following={following}
        data-wrap={wrap || undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
      >
        <div style={{ height: virtual.getTotalSize() }} className={styles.all}>
          {virtual.getVirtualItems().map((item) => (
            <div
              key={item.key}
              ref={wrap ? virtual.measureElement : undefined}
              data-index={item.index}
              className={styles.line}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <i aria-hidden="true">{item.index + dropped + 1}</i>
              {lines[item.index] || " "}
            </div>
          ))}
        </div>
      </div>
      {!following && (
        <Button
          className={styles.follow}
          leftSection={<IconArrowDown size={18} />}
          onClick={() => setFollowing(true)}
        >
          {fresh ? t("log.fresh", { count: fresh, shown: count(fresh) }) : t("log.follow")}
        </Button>
      )}
    </div>
  );
}
