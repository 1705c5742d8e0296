// Whether a station's detector only names what is wrong with a part, or fails parts by itself.

import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries, stationsQuery } from "@/api/queries";
import { useMay } from "@/api/session";
import { withEntry } from "@/live/feeds";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { percent } from "@/parts/numbers";
import { Tag } from "@/parts/Tag";
import { told } from "@/parts/toasts";
import styles from "./models.module.css";

type Station = Schemas["StationView"];

export function DetectorUse({ station }: { station: Station }) {
  const { t } = useTranslation("models");
  const may = useMay("configure");
  const { recipe } = station;
  const detector = recipe?.model?.detector;
  if (!recipe || !detector) return null;
  const decides = recipe.detector === "decides";
  const wish = decides ? "names" : "decides";
  const limit = detector.fails_above ?? null;
  const able = decides || limit !== null;
  return (
    <section aria-label={t("detector.title")}>
      <h3>{t("detector.title")}</h3>
      <div className={styles.actions}>
        <Tag tone={decides ? "info" : "idle"}>{t(decides ? "detector.decides" : "detector.names")}</Tag>
        {may && able && (
          <ConfirmButton
            variant="default"
            title={t(`detector.${wish}Title`, { station: station.name || station.id })}
            effect={t(`detector.${wish}Effect`, { limit: limit === null ? "–" : percent(limit) })}
            verb={t(`detector.${wish}Verb`)}
            act={async () => {
              const params = { path: { id: station.id } };
              const after = await take(
                api.PUT("/api/v1/stations/{id}", { params, body: { detector: wish } }),
              );
              queries.setQueryData(stationsQuery.queryKey, (known) => known && withEntry(known, after));
              told.done(t(`detector.${wish}Done`));
            }}
          >
            {t(`detector.${wish}Verb`)}
          </ConfirmButton>
        )}
      </div>
      {!able && <p className={styles.quiet}>{t("detector.noLimit")}</p>}
    </section>
  );
}
