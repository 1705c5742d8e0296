import { describe, expect, test } from "vitest";
import { fieldsFor, freshCondition, KINDS, withField } from "./conditions";

describe("conditions", () => {
  test("every kind has a field for everything that it is made of", () => {
    for (const kind of KINDS) {
      const condition = freshCondition(kind);
      const names = Object.keys(condition).filter((name) => name !== "kind");
      expect(
        fieldsFor(condition)
          .map((field) => field.name)
          .sort(),
        kind,
      ).toEqual(names.sort());
    }
  });
  test("another metric comes with a limit of its kind", () => {
    const slow = withField(freshCondition("threshold"), "metric", "latency_ms");
    expect(slow).toMatchObject({ metric: "latency_ms", limit: 2000 });
    expect(fieldsFor(slow).find((field) => field.name === "limit")?.as).toBe("number");
    const pass = withField(slow, "metric", "pass_rate");
    expect(pass).toMatchObject({ limit: 0.9 });
    expect(fieldsFor(pass).find((field) => field.name === "limit")?.as).toBe("share");
  });
  test("a class stands only with the fail rate", () => {
    const scratch = withField(freshCondition("threshold"), "class_name", "scratch");
    expect(withField(scratch, "metric", "pass_rate")).toMatchObject({ class_name: null });
  });
});
