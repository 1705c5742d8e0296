// A button whose effect is told, and asked for again, before it happens.

import { Button, type ButtonProps, Group, Modal, Stack } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { told } from "./toasts";

interface Asked extends Omit<ButtonProps, "onClick"> {
  children: ReactNode;
  /** "Delete part A-17?" */
  title: string;
  /** What it does, and whether it can be taken back. */
  effect: ReactNode;
  /** What the button that does it says. */
  verb: string;
  act: () => Promise<unknown>;
}

export function ConfirmButton({ children, title, effect, verb, act, ...rest }: Asked) {
  const { t } = useTranslation("shared");
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);

  async function doIt() {
    setBusy(true);
    try {
      await act();
      setAsking(false);
    } catch (error) {
      told.failed(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      <Button {...rest} onClick={() => setAsking(true)}>
        {children}
      </Button>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={title}
        closeButtonProps={{ "aria-label": t("close") }}
      >
        <Stack>
          <div>{effect}</div>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
              {t("cancel")}
            </Button>
            <Button color={rest.color ?? "red"} loading={busy} onClick={() => void doIt()}>
              {verb}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
