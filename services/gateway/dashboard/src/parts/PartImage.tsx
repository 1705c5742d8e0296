// A part's picture with what the model saw laid over it.

import { IconPhotoOff } from "@tabler/icons-react";
import { type CSSProperties, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import styles from "./PartImage.module.css";

export type Part = Schemas["InspectionView"];

/** What a person calls the part. */
export const partName = (part: Pick<Part, "part_id" | "id">): string => part.part_id || part.id.slice(0, 8);

/** Addresses come from the server, but only ours are ever loaded. */
const ours = (address: string | null): string | null =>
  address?.startsWith("/static/images/") ? address : null;

const PATIENCE = 2000;

/** The latest part whose picture is here, so that a verdict never stands over the picture of another part. */
export function useArrived(part: Part | null): Part | null {
  const [arrived, setArrived] = useState(part);
  const [coming, setComing] = useState<Part | null>(null);
  useEffect(() => {
    if (coming || part?.id === arrived?.id) return;
    part ? setComing(part) : setArrived(null);
  }, [part, coming, arrived]);
  useEffect(() => {
    if (!coming) return;
    let over = false;
    const done = () => {
      if (over) return;
      over = true;
      setArrived(coming);
      setComing(null);
    };
    const picture = new Image();
    picture.src = ours(coming.annotated_url) ?? ours(coming.image_url) ?? "data:,";
    picture.decode().then(done, done);
    const late = setTimeout(done, PATIENCE);
    return () => {
      over = true;
      clearTimeout(late);
    };
  }, [coming]);
  return part?.id === arrived?.id ? part : arrived;
}

interface Shown {
  part: Part;
  /** 0 shows the picture alone, 1 heatmap and boxes in full. */
  overlay?: number;
  /** The picture of at most 256 pixels a side, without overlay. */
  small?: boolean;
  fit?: "contain" | "cover";
  eager?: boolean;
  className?: string;
}

export function PartImage({
  part,
  overlay = 1,
  small = false,
  fit = "contain",
  eager = false,
  className,
}: Shown) {
  const { t } = useTranslation("shared");
  const plain = ours(small ? part.thumbnail : part.image_url) ?? ours(part.image_url);
  const drawn = small || part.annotated_url === part.image_url ? null : ours(part.annotated_url);
  const base = plain ?? drawn;
  const [broken, setBroken] = useState("");
  if (!base || broken === base) {
    return (
      <div className={`${styles.none} ${className ?? ""}`}>
        <IconPhotoOff size={28} stroke={1.4} aria-hidden="true" />
        {t(base ? "image.gone" : "image.none")}
      </div>
    );
  }
  const alt = t("image.alt", {
    part: partName(part),
    station: part.station_id,
    decision: t(`decision.${part.decision}`),
    count: part.objects_found,
  });
  const whole = drawn && overlay >= 1 ? drawn : base;
  const loading = eager ? "eager" : "lazy";
  const style: CSSProperties = { objectFit: fit };
  return (
    <div className={`${styles.frame} ${className ?? ""}`}>
      <img
        src={whole}
        alt={alt}
        loading={loading}
        decoding="async"
        style={style}
        onError={() => setBroken(base)}
      />
      {drawn && overlay > 0 && overlay < 1 && (
        <img
          src={drawn}
          alt=""
          decoding="async"
          style={{ ...style, opacity: overlay }}
          className={styles.over}
        />
      )}
    </div>
  );
}
