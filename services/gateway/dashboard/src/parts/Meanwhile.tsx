// Somebody else saved what is being edited here: nothing typed is lost, and the person decides.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import styles from "./Meanwhile.module.css";

interface Props {
  by: string;
  /** Give up what was typed. */
  onTheirs: () => void;
  /** Go on; saving then writes over theirs. */
  onMine: () => void;
}

export function Meanwhile({ by, onTheirs, onMine }: Props) {
  const { t } = useTranslation("shared");
  return (
    <div role="alert" className={styles.told}>
      <p>{t("meanwhile.told", { by })}</p>
      <Button variant="default" onClick={onTheirs}>
        {t("meanwhile.theirs")}
      </Button>
      <Button variant="default" onClick={onMine}>
        {t("meanwhile.mine")}
      </Button>
    </div>
  );
}
