// Short messages in the corner.

import { notifications } from "@mantine/notifications";
import i18next from "i18next";

const close = () => ({ "aria-label": i18next.t("shared:close"), size: 44 });

export const told = {
  done(message: string): void {
    notifications.show({ message, color: "teal", autoClose: 4000, closeButtonProps: close() });
  },
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    notifications.show({
      title: i18next.t("shared:failed.act"),
      message,
      color: "red",
      autoClose: 9000,
      closeButtonProps: close(),
    });
  },
};
