import { describe, expect, test } from "vitest";
import { NONE, withEarlier, withText } from "./lines";

describe("lines of a log", () => {
  test("come together from any pieces", () => {
    const whole = "one\ntwo\n\nthree\n";
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const read = withText(withText(NONE, whole.slice(0, cut)), whole.slice(cut));
      expect(read.lines).toEqual(["one", "two", "", "three"]);
      expect(read.open).toBe("");
    }
  });
  test("the last one is shown before it ends", () => {
    const read = withText(withText(NONE, "epoch 1\nep"), "och 2");
    expect(read.lines).toEqual(["epoch 1", "epoch 2"]);
    expect(withText(read, "\n").lines).toEqual(["epoch 1", "epoch 2"]);
  });
  test("are shown as a terminal shows what was written over", () => {
    expect(withText(NONE, " 10 %\r 20 %\r\nrest\r\n").lines).toEqual([" 20 %", "rest"]);
  });
  test("earlier ones go before, halves joined", () => {
    expect(withEarlier(withText(NONE, "wo\nthree\n"), "one\nt").lines).toEqual(["one", "two", "three"]);
    expect(withEarlier(withText(NONE, "two\n"), "one\n").lines).toEqual(["one", "two"]);
  });
});
