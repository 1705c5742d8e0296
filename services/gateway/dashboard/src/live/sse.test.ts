import { expect, it } from "vitest";
import { Parser, type Said } from "./sse";

function heard(...pieces: string[]): Said[] {
  const told: Said[] = [];
  const parser = new Parser((said) => told.push(said));
  for (const piece of pieces) parser.push(piece);
  return told;
}

const EVENT = 'id: 7\nevent: a.b.c.v1\ndata: {"x":1}\n\n';

it("reads an event whatever pieces it comes in", () => {
  const whole = heard(EVENT);
  expect(whole).toEqual([{ id: "7", name: "a.b.c.v1", data: '{"x":1}' }]);
  expect(heard(...EVENT)).toEqual(whole);
  expect(heard(EVENT.replaceAll("\n", "\r\n"))).toEqual(whole);
});

it("tells a lone id, passes over comments, and joins lines of data", () => {
  expect(heard("retry: 2000\nid: 41\n\n: still here\n\n")[0]).toEqual({ id: "41", name: "", data: "" });
  expect(heard("data: a\ndata: b\n\n")[0]?.data).toBe("a\nb");
});

it("keeps an event that has not ended to itself", () => {
  expect(heard("id: 1\ndata: x\n")).toEqual([]);
});
