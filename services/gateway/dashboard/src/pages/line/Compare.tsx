// A part beside the last good one of its station, the same size, with what the model saw.

import { Modal, Slider } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { DecisionBadge } from "@/parts/Decision";
import { decimal, percent } from "@/parts/numbers";
import { type Part, PartImage, partName } from "@/parts/PartImage";
import { Empty, Failed, LoadingCards } from "@/parts/States";
import { dateTime } from "@/parts/time";
import styles from "./Compare.module.css";

interface Props {
  part: Part;
  lastGood: Part | null;
  onClose: () => void;
}

export function Compare({ part, lastGood, onClose }: Props) {
  const { t } = useTranslation("line");
  const { t: shared } = useTranslation("shared");
  const [overlay, setOverlay] = useState(100);
  const [known] = useState(lastGood && lastGood.id !== part.id ? lastGood : null);
  const asked = useQuery({
    queryKey: ["line", part.station_id, "good before", part.id],
    enabled: known === null,
    queryFn: async ({ signal }) => {
      const query = { station_id: part.station_id, decision: "pass", limit: 2 } as const;
      const { items } = await take(api.GET("/api/v1/inspections", { signal, params: { query } }));
      return items.find((each) => each.id !== part.id) ?? null;
    },
  });
  const good = known ?? asked.data;
  return (
    <Modal
      opened
      onClose={onClose}
      size="min(1200px, 94vw)"
      title={t("compare.title", { part: partName(part) })}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <div className={styles.pair}>
        <Side title={t("compare.this")} part={part} overlay={overlay / 100} />
        {good && <Side title={t("compare.good")} part={good} overlay={overlay / 100} />}
        {good === undefined &&
          (asked.error ? (
            <Failed error={asked.error} again={() => void asked.refetch()} />
          ) : (
            <LoadingCards cards={1} />
          ))}
        {good === null && <Empty title={t("compare.none")} />}
      </div>
      <div className={styles.overlay}>
        <span id="overlay-label">{t("compare.overlay")}</span>
        <Slider
          value={overlay}
          onChange={setOverlay}
          label={(value) => `${value} %`}
          size="lg"
          thumbSize={28}
          thumbLabel={t("compare.overlay")}
        />
      </div>
    </Modal>
  );
}

function Side({ title, part, overlay }: { title: string; part: Part; overlay: number }) {
  const { t } = useTranslation("line");
  const classes = part.detections
    .map((each) => `${each.class_name} ${percent(each.confidence, 0)}`)
    .join(", ");
  return (
    <figure className={styles.side}>
      <PartImage part={part} overlay={overlay} eager className={styles.image ?? ""} />
      <figcaption>
        <div className={styles.what}>
          <DecisionBadge decision={part.decision} />
          <strong>{title}</strong>
          <span>{partName(part)}</span>
        </div>
        <p>{dateTime(part.timestamp)}</p>
        <p>{t("station.score", { score: decimal(part.anomaly_score), limit: decimal(part.fail_above) })}</p>
        {classes && <p>{classes}</p>}
      </figcaption>
    </figure>
  );
}
