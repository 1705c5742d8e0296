// What runs for longer than a request, and what it runs on.

import {
  IconBinaryTree2,
  IconCloudUp,
  IconListDetails,
  IconNotebook,
  IconServer2,
  IconStack2,
} from "@tabler/icons-react";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { NotFound } from "@/app/Lost";
import { Sections } from "@/parts/Sections";
import split from "@/parts/split.module.css";
import { Components } from "./Components";
import { Devices } from "./Devices";
import { Jobs } from "./Jobs";
import { Notebooks } from "./Notebooks";
import { Queues } from "./Queues";
import { Synced } from "./Synced";

const SECTIONS = {
  jobs: { shown: Jobs, icon: IconListDetails },
  devices: { shown: Devices, icon: IconServer2 },
  queues: { shown: Queues, icon: IconStack2 },
  notebooks: { shown: Notebooks, icon: IconNotebook },
  components: { shown: Components, icon: IconBinaryTree2 },
  sync: { shown: Synced, icon: IconCloudUp },
} as const;

export default function Work() {
  const { t } = useTranslation("work");
  const { section = "jobs" } = useParams({ strict: false }) as { section?: string };
  const here = Object.hasOwn(SECTIONS, section) ? SECTIONS[section as keyof typeof SECTIONS] : null;
  return (
    <div className={split.page}>
      <Sections
        label={t("sections")}
        sections={Object.entries(SECTIONS).map(([id, { icon }]) => ({
          to: id === "jobs" ? "/work" : `/work/${id}`,
          title: t(`section.${id}`),
          icon,
        }))}
      />
      {here ? <here.shown /> : <NotFound />}
    </div>
  );
}
