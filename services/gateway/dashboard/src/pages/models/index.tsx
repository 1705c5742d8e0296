// Models: what judges on the line, what is learned, from what, and how it holds.

import { IconActivity, IconDatabase, IconSchool, IconTrafficLights, IconVersions } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { NotFound } from "@/app/Lost";
import { Sections } from "@/parts/Sections";
import { rolloutsQuery, useModelsHearing } from "./asked";
import { Datasets } from "./Datasets";
import { Drift } from "./Drift";
import styles from "./models.module.css";
import { OnLine } from "./OnLine";
import { isOver } from "./reckoning";
import { Training } from "./Training";
import { Versions } from "./Versions";

const SECTIONS = {
  line: { shown: OnLine, icon: IconTrafficLights },
  versions: { shown: Versions, icon: IconVersions },
  training: { shown: Training, icon: IconSchool },
  datasets: { shown: Datasets, icon: IconDatabase },
  drift: { shown: Drift, icon: IconActivity },
} as const;

type Name = keyof typeof SECTIONS;

export default function Models() {
  const { t } = useTranslation("models");
  useModelsHearing();
  const { section = "line" } = useParams({ strict: false }) as { section?: string };
  const rollouts = useQuery(rolloutsQuery);
  const here = Object.hasOwn(SECTIONS, section) ? SECTIONS[section as Name] : null;
  const trials = rollouts.data?.filter((each) => !isOver(each) && each.role !== "watch").length ?? 0;
  return (
    <div className={styles.page}>
      <Sections
        label={t("sections")}
        sections={(Object.keys(SECTIONS) as Name[]).map((id) => ({
          to: id === "line" ? "/models" : `/models/${id}`,
          title: t(`section.${id}`),
          icon: SECTIONS[id].icon,
          wants: id === "line" ? trials : 0,
        }))}
      />
      {here ? <here.shown /> : <NotFound />}
    </div>
  );
}
