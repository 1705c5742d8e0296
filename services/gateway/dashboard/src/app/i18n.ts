// Words: one namespace a page, read when the page is, English where a translation is missing.

import i18next, { type BackendModule } from "i18next";
import { initReactI18next } from "react-i18next";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "andon.language";
const own = import.meta.glob<Record<string, unknown>>("./words/*.json", { import: "default" });
const parts = import.meta.glob<Record<string, unknown>>("../parts/words/*.json", { import: "default" });
const ofPages = import.meta.glob<Record<string, unknown>>("../pages/*/words/*.json", { import: "default" });

const files: BackendModule = {
  type: "backend",
  init() {},
  read(language, namespace, done) {
    const load =
      namespace === "app"
        ? own[`./words/${language}.json`]
        : namespace === "shared"
          ? parts[`../parts/words/${language}.json`]
          : ofPages[`../pages/${namespace}/words/${language}.json`];
    if (!load) return done(new Error(`no words: ${namespace} ${language}`), null);
    load().then(
      (words) => done(null, words),
      (error: Error) => done(error, null),
    );
  },
};

export const language = (): Language => (i18next.resolvedLanguage === "de" ? "de" : "en");

export async function startWords(): Promise<void> {
  await i18next
    .use(files)
    .use(initReactI18next)
    .init({
      lng: kept() ?? (navigator.language.startsWith("de") ? "de" : "en"),
      fallbackLng: "en",
      supportedLngs: Object.keys(LANGUAGES),
      load: "languageOnly",
      ns: ["app", "shared"],
      defaultNS: "app",
      interpolation: { escapeValue: false }, // React escapes
      react: { useSuspense: true },
    });
  document.documentElement.lang = language();
  i18next.on("languageChanged", () => {
    document.documentElement.lang = language();
  });
}

export const wordsOf = (namespace: string): Promise<void> => i18next.loadNamespaces(namespace);

export async function speak(wanted: Language): Promise<void> {
  localStorage.setItem(KEY, wanted);
  await i18next.changeLanguage(wanted);
}

function kept(): Language | null {
  const found = localStorage.getItem(KEY);
  return found === "en" || found === "de" ? found : null;
}
