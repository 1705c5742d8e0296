import i18next from "i18next";
import { beforeAll, expect, it } from "vitest";
import { heardClock, serverNow } from "@/api/clock";
import { csv } from "./csv";
import { bytes, percent } from "./numbers";
import { ago, duration } from "./time";

beforeAll(async () => {
  await i18next.init({ lng: "en", resources: {} });
});

it("writes tables that a spreadsheet does not run", () => {
  expect(
    csv([
      ["part", "n"],
      ['=cmd|"x"', 1],
      ["a,b", null],
    ]),
  ).toBe('part,n\r\n"\'=cmd|""x""",1\r\n"a,b",\r\n');
});

it("tells spans of time", () => {
  expect([5, 95, 7500].map(duration)).toEqual(["5 s", "1:35 min", "2:05 h"]);
  expect(ago(0, 180_000)).toContain("3 min");
  expect(ago(60_000, 0)).toBe("now"); // what the server's clock has not reached yet
});

it("tells shares and sizes", () => {
  expect(percent(0.9731)).toBe("97.3 %");
  expect([12, 1_536_000].map(bytes)).toEqual(["12 B", "1.5 MB"]);
});

it("goes by the server's clock where ours is off", () => {
  const wrong = Date.now();
  heardClock(new Date(wrong + 600_000).toUTCString(), wrong, 0);
  expect(serverNow() - Date.now()).toBeGreaterThan(590_000);
  heardClock("nonsense", wrong, 0);
  expect(serverNow() - Date.now()).toBeGreaterThan(590_000);
});
