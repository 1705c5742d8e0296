import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const SOURCES = join(import.meta.dirname, "..");
const folders = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith("words/en.json"))
  .map((path) => join(SOURCES, path, ".."));

function keysOf(words: object, before = ""): string[] {
  return Object.entries(words).flatMap(([key, value]) =>
    typeof value === "object" ? keysOf(value, `${before}${key}.`) : [`${before}${key}`],
  );
}

const read = (folder: string, language: string): object =>
  JSON.parse(readFileSync(join(folder, `${language}.json`), "utf8"));

/** Keys that the sources beside ask for by name, in the namespace that is theirs. */
function asked(folder: string): string[] {
  const beside = join(folder, "..");
  const files = readdirSync(beside, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".tsx"),
  );
  return files.flatMap((name) =>
    [...readFileSync(join(beside, name), "utf8").matchAll(/[^\w.]t\("([\w.]+)"/g)].map(
      (found) => found[1] ?? "",
    ),
  );
}

describe.each(folders)("%s", (folder) => {
  const keys = keysOf(read(folder, "en"));

  it("has the same keys in German", () => {
    expect(keysOf(read(folder, "de")).sort()).toEqual([...keys].sort());
  });

  it("has every key that is asked for", () => {
    const known = new Set(keys.map((key) => key.replace(/_(zero|one|other)$/, "")));
    expect(asked(folder).filter((key) => !known.has(key))).toEqual([]);
  });
});

it("finds the words of the shell, of shared parts and of pages", () => {
  expect(folders.length).toBeGreaterThanOrEqual(3);
});
