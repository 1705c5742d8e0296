import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pages } from "./page";

it("finds each page, under the name of its folder", () => {
  const folders = readdirSync(join(import.meta.dirname, "../pages"));
  expect(pages.map((page) => page.id).sort()).toEqual(folders.sort());
  for (const page of pages) {
    for (const path of page.below ?? []) expect(path.startsWith(`/${page.id}/`)).toBe(true);
  }
});

it("stands in an order of its own", () => {
  const orders = pages.map((page) => page.order);
  expect(new Set(orders).size).toBe(orders.length);
});
