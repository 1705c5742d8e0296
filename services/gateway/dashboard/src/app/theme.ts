// How Mantine looks here: calm steel, targets that a glove hits, no shadows where a line does.

import { ActionIcon, Badge, Button, createTheme, type MantineColorsTuple, Modal } from "@mantine/core";
import styles from "./controls.module.css";

const steel: MantineColorsTuple = [
  "#eaf3fb",
  "#d3e4f3",
  "#a6c8e6",
  "#76aad8",
  "#4f91cc",
  "#3680c2",
  "#2470b3",
  "#1a609d",
  "#11507f",
  "#083d63",
];

const dark: MantineColorsTuple = [
  "#e3e9ef",
  "#b9c4cf",
  "#94a2b0",
  "#6b7a89",
  "#33404d",
  "#26313c",
  "#1b242d",
  "#151c23",
  "#10151b",
  "#0a0e12",
];

const TARGET = 44;
const target = { minHeight: TARGET };
const field = { input: target, label: { marginBottom: 6 } };
const choice = { ...field, option: target };
const checked = { defaultProps: { size: "md" }, classNames: { body: styles.body, label: styles.label } };

export const theme = createTheme({
  primaryColor: "steel",
  primaryShade: { light: 7, dark: 6 },
  colors: { steel, dark },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', monospace",
  headings: { fontFamily: "'Inter Variable', system-ui, sans-serif", fontWeight: "600" },
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: Button.extend({ defaultProps: { size: "md" }, styles: { root: target } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { size: TARGET, variant: "subtle", color: "gray" } }),
    Badge: Badge.extend({
      defaultProps: { variant: "light", radius: "sm" },
      styles: { root: { textTransform: "none" } },
    }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.6, blur: 2 },
        closeButtonProps: { size: TARGET },
      },
    }),
    TextInput: { defaultProps: { size: "md" }, styles: field },
    PasswordInput: { defaultProps: { size: "md" }, styles: field },
    NumberInput: { defaultProps: { size: "md" }, styles: field },
    Select: { defaultProps: { size: "md" }, styles: choice },
    MultiSelect: { defaultProps: { size: "md" }, styles: choice },
    TagsInput: { defaultProps: { size: "md" }, styles: choice },
    Autocomplete: { defaultProps: { size: "md" }, styles: choice },
    Textarea: { defaultProps: { size: "md" }, styles: field },
    FileInput: { defaultProps: { size: "md" }, styles: field },
    Switch: checked,
    Checkbox: checked,
    Radio: checked,
    Notification: { defaultProps: { closeButtonProps: { size: TARGET } } },
    SegmentedControl: {
      styles: {
        label: {
          minHeight: TARGET,
          minWidth: TARGET,
          display: "flex",
          alignItems: "center",
          justifyContent: "center",
        },
      },
    },
    Tabs: { styles: { tab: target } },
    MenuItem: { styles: { item: target } },
  },
});

/** The gateway's policy lets in styles that carry the word it gave this page, and no others. */
export const styleNonce = (): string =>
  document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? "";
