// A look at what is in a version: its images with their marks.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, signedFetch } from "@/api/client";
import { Asked, LoadingRows } from "@/parts/States";
import { type Dataset, samplesQuery } from "./asked";
import styles from "./models.module.css";
import own from "./Samples.module.css";

type Sample = Schemas["Sample"];

export function Samples({ version }: { version: Dataset }) {
  const { t } = useTranslation("models");
  const samples = useQuery(samplesQuery(version.id));
  return (
    <div>
      <h3>{t("dataset.look")}</h3>
      <Asked query={samples} loading={<LoadingRows rows={2} height={120} />}>
        {({ items, total }) => (
          <>
            <div className={styles.gallery}>
              {items.map((sample) => (
                <Picture key={sample.sha256} sample={sample} />
              ))}
            </div>
            {total > items.length && (
              <p className={styles.quiet}>{t("dataset.shown", { shown: items.length, total })}</p>
            )}
          </>
        )}
      </Asked>
    </div>
  );
}

/** An image that needs the token: read once it comes into sight, as an address of the browser's own. */
function useImage(digest: string, wanted: boolean): string | null {
  const asked = useQuery({
    queryKey: ["models", "image", digest],
    enabled: wanted,
    gcTime: 60_000,
    queryFn: async ({ signal }) => {
      const address = new URL(`/api/v1/datasets/images/${digest}`, location.origin);
      const answer = await signedFetch(new Request(address, { signal }));
      return answer.ok ? answer.blob() : null;
    },
  });
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!asked.data) return;
    const made = URL.createObjectURL(asked.data);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [asked.data]);
  return address;
}

function Picture({ sample }: { sample: Sample }) {
  const { t } = useTranslation("models");
  const [place, setPlace] = useState<HTMLElement | null>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!place || seen) return;
    const watch = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) setSeen(true);
    });
    watch.observe(place);
    return () => watch.disconnect();
  }, [place, seen]);
  const address = useImage(sample.sha256, seen);
  const what = sample.classes?.join(", ") || t(`truth.${sample.verdict === "defect" ? "defect" : "good"}`);
  return (
    <figure ref={setPlace} data-verdict={sample.verdict}>
      <div className={own.picture} style={{ aspectRatio: `${sample.width} / ${sample.height}` }}>
        {address && <img src={address} alt={t("dataset.alt", { what })} />}
        <svg viewBox={`0 0 ${sample.width} ${sample.height}`} aria-hidden="true">
          {sample.shapes?.map((shape) => {
            const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = shape.bbox as number[];
            const outline = (shape.polygon ?? []) as [number, number][];
            const points = outline.length
              ? outline
              : [
                  [x1, y1],
                  [x2, y1],
                  [x2, y2],
                  [x1, y2],
                ];
            return <polygon key={`${shape.class_name} ${shape.bbox.join(" ")}`} points={points.join(" ")} />;
          })}
        </svg>
      </div>
      <figcaption>
        {what} · {t(`split.${sample.split}`)}
        <br />
        {sample.part_id || sample.name || sample.sha256.slice(0, 8)}
      </figcaption>
    </figure>
  );
}
