// How a station does, as an andon lamp: colour, icon and word together.

import {
  IconAlertOctagon,
  IconAlertTriangle,
  IconClockPause,
  IconPlayerPause,
  IconPlayerPlay,
  IconSchool,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import styles from "./StationState.module.css";

export type Lamp = "running" | "attention" | "stopped" | "silent" | "teaching" | "paused";

const ICONS = {
  running: IconPlayerPlay,
  attention: IconAlertTriangle,
  stopped: IconAlertOctagon,
  silent: IconClockPause,
  teaching: IconSchool,
  paused: IconPlayerPause,
} as const;

export const COLOUR: Record<Lamp, "good" | "warn" | "bad" | "info" | "idle"> = {
  running: "good",
  attention: "warn",
  stopped: "bad",
  silent: "idle",
  teaching: "info",
  paused: "idle",
};

export function StationState({ lamp, title }: { lamp: Lamp; title?: string }) {
  const { t } = useTranslation("shared");
  const Shown = ICONS[lamp];
  return (
    <span className={styles.state} data-colour={COLOUR[lamp]} data-lamp={lamp} title={title}>
      <Shown size={18} stroke={2} aria-hidden="true" />
      {t(`lamp.${lamp}`)}
    </span>
  );
}
