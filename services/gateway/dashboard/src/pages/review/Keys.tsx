// All keys of the page, shown by "?".

import { Modal } from "@mantine/core";
import { useTranslation } from "react-i18next";
import styles from "./Keys.module.css";

const KEYS: readonly (readonly [string, string])[] = [
  ["V B P R E H", "tools"],
  ["1 – 9", "class"],
  ["A", "accept"],
  ["Enter", "save"],
  ["G", "good"],
  ["U", "unsure"],
  ["S", "skip"],
  ["J  K", "next"],
  ["Ctrl Z  Ctrl Y", "undo"],
  ["Del", "delete"],
  ["N", "box"],
  ["← ↑ → ↓", "move"],
  ["Alt ← ↑ → ↓", "size"],
  ["Tab", "walk"],
  ["Esc", "escape"],
  ["+  −  0", "zoom"],
  ["[  ]", "brush"],
  ["O", "heat"],
];

export function Keys({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("review");
  const { t: shared } = useTranslation("shared");
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("keys.title")}
      size="lg"
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <dl className={styles.keys}>
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{t(`keys.${what}`)}</dd>
          </div>
        ))}
      </dl>
      <p className={styles.touch}>{t("keys.touch")}</p>
    </Modal>
  );
}
