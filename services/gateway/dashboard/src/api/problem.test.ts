import { expect, it } from "vitest";
import { problemOf } from "./problem";

const answer = (status: number, headers = {}) => new Response(null, { status, headers });

it("reads all three forms of an error", () => {
  expect(problemOf(answer(404), { detail: "no such part" }).message).toBe("no such part");
  expect(
    problemOf(answer(409), { detail: { title: "Conflict", detail: "taken", code: "conflict" } }),
  ).toMatchObject({
    message: "taken",
    code: "conflict",
  });
  expect(problemOf(answer(422), { error: "bad", code: "invalid" })).toMatchObject({
    message: "bad",
    code: "invalid",
  });
});

it("says something of an answer that says nothing, and when to come again", () => {
  const problem = problemOf(answer(429, { "retry-after": "7" }), null);
  expect(problem).toMatchObject({ retryAfter: 7, passing: true, message: "The server answered 429." });
  expect(problemOf(answer(400), "x").passing).toBe(false);
});
