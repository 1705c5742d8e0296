import { expect, test } from "vitest";
import { ownSession } from "./own";

test("a token tells whose session it is, and anything else nothing", () => {
  const middle = btoa(JSON.stringify({ sid: "s-1", sub: "ü?>".normalize("NFD").replace(/\P{ASCII}/gu, "") }));
  expect(ownSession(`a.${middle.replaceAll("+", "-").replaceAll("/", "_")}.c`)).toBe("s-1");
  expect(ownSession("")).toBe("");
  expect(ownSession("a.%%%.c")).toBe("");
});
