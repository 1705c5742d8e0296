// Numbers as people read them, in the language of the page.

import i18next from "i18next";

const locale = (): string => (i18next.resolvedLanguage === "de" ? "de-DE" : "en-GB");

/** 12,345 */
export const count = (value: number): string => value.toLocaleString(locale());

/** 0.9731 -> 97.3 % */
export const percent = (share: number, digits = 1): string =>
  `${(100 * share).toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })} %`;

/** 3.14159 -> 3.14 */
export const decimal = (value: number, digits = 2): string =>
  value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** 1536000 -> 1.5 MB */
export function bytes(value: number): string {
  let [left, unit] = [value, 0];
  while (left >= 1000 && unit < UNITS.length - 1) {
    left /= 1000;
    unit += 1;
  }
  return `${unit ? decimal(left, 1) : count(left)} ${UNITS[unit]}`;
}
