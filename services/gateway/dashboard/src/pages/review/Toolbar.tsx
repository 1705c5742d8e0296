// Tools beside the part: what the hand does, how near one is, and back.

import { ActionIcon, Slider, Tooltip } from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconFlame,
  IconKeyboard,
  IconMaximize,
  IconZoomIn,
  IconZoomOut,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import styles from "./Toolbar.module.css";
import { TOOLS, type Tool } from "./tools";

interface Props {
  tool: Tool;
  onTool: (tool: Tool) => void;
  /** Pixels of the image, and the most of them that make sense. */
  radius: number;
  most: number;
  onRadius: (radius: number) => void;
  canUndo: boolean;
  canRedo: boolean;
  onUndo: () => void;
  onRedo: () => void;
  onZoom: (factor: number) => void;
  onFit: () => void;
  heat: boolean | null;
  onHeat: () => void;
  onKeys: () => void;
}

function Act(props: {
  name: string;
  hint?: string;
  pressed?: boolean;
  disabled?: boolean;
  act: () => void;
  children: ReactNode;
}) {
  const { name, hint, pressed, disabled = false, act, children } = props;
  return (
    <Tooltip label={hint ? `${name} (${hint})` : name} openDelay={500} position="right">
      <ActionIcon
        aria-label={name}
        aria-pressed={pressed}
        aria-keyshortcuts={hint}
        variant={pressed ? "filled" : "subtle"}
        color={pressed ? "steel" : "gray"}
        disabled={disabled}
        onClick={act}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

export function Toolbar(props: Props) {
  const { t } = useTranslation("review");
  const { tool, onTool, radius, most, onRadius, heat } = props;
  const brush = tool === "brush" || tool === "erase";
  return (
    <div className={styles.bar} role="toolbar" aria-label={t("tool.title")}>
      {TOOLS.map(({ tool: each, icon: Shown, key }) => (
        <Act
          key={each}
          name={t(`tool.${each}`)}
          hint={key.toUpperCase()}
          pressed={tool === each}
          act={() => onTool(each)}
        >
          <Shown />
        </Act>
      ))}
      <hr />
      <Act name={t("tool.undo")} hint="Control+Z" disabled={!props.canUndo} act={props.onUndo}>
        <IconArrowBackUp />
      </Act>
      <Act name={t("tool.redo")} hint="Control+Y" disabled={!props.canRedo} act={props.onRedo}>
        <IconArrowForwardUp />
      </Act>
      <hr />
      <Act name={t("tool.zoomIn")} hint="+" act={() => props.onZoom(1.5)}>
        <IconZoomIn />
      </Act>
      <Act name={t("tool.zoomOut")} hint="-" act={() => props.onZoom(1 / 1.5)}>
        <IconZoomOut />
      </Act>
      <Act name={t("tool.fit")} hint="0" act={props.onFit}>
        <IconMaximize />
      </Act>
      {heat !== null && (
        <Act name={t("tool.heat")} hint="O" pressed={heat} act={props.onHeat}>
          <IconFlame />
        </Act>
      )}
      <Act name={t("tool.keys")} hint="?" act={props.onKeys}>
        <IconKeyboard />
      </Act>
      {brush && (
        <div className={styles.size}>
          <span id="brush-size">{t("tool.size")}</span>
          <Slider
            value={Math.round(radius * 2)}
            onChange={(value) => onRadius(value / 2)}
            min={2}
            max={Math.round(most * 2)}
            size="lg"
            thumbSize={28}
            label={(value) => `${value} px`}
            thumbLabel={t("tool.size")}
          />
        </div>
      )}
    </div>
  );
}
