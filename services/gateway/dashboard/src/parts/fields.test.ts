import { describe, expect, test } from "vitest";
import { Problem } from "@/api/problem";
import { fieldsOf } from "./fields";

describe("what the gateway refused", () => {
  test("is told by field", () => {
    const text = "title: is empty; condition.limit: can never fire: no share is above 1; a pity";
    expect(fieldsOf(new Problem(422, text))).toEqual({
      title: "is empty",
      "condition.limit": "can never fire: no share is above 1; a pity",
    });
  });
  test("stands alone where it names none", () => {
    expect(fieldsOf(new Problem(409, "It has ended."))).toEqual({ "": "It has ended." });
    expect(fieldsOf(new Problem(503, "auth: is away"))).toEqual({ "": "auth: is away" });
    expect(fieldsOf(null)).toEqual({});
  });
});
