import { expect, it, vi } from "vitest";
import { type Connection, Stream } from "./stream";

const EVENT = (id: number) => `id: ${id}\nevent: e\ndata: ${id}\n\n`;

/** A server that says one of these texts per connection, then hangs up. */
function server(texts: (string | number)[], awayFor = 0) {
  const asked: string[] = [];
  const heard: string[] = [];
  const states: Connection[] = [];
  let [gaps, clock] = [0, 0];
  const stream = new Stream(
    {
      now: () => clock,
      open: async (lastId) => {
        asked.push(lastId);
        const text = texts.shift();
        if (text === undefined) stream.stop();
        if (typeof text === "number") return new Response(null, { status: text });
        queueMicrotask(() =>
          setTimeout(() => {
            clock += awayFor;
          }, 5),
        );
        return new Response(text ?? "");
      },
    },
    {
      event: (said) => heard.push(said.data),
      gap: () => {
        gaps += 1;
      },
      state: (state) => states.push(state),
    },
  );
  return { stream, asked, heard, states, gaps: () => gaps };
}

async function ended(states: Connection[]) {
  await vi.waitFor(() => expect(states.at(-1)).toBe("off"), 9000);
}

it("comes back with the id of the last event it saw", async () => {
  const { stream, asked, heard, states, gaps } = server([`id: 4\n\n${EVENT(5)}`, 503, EVENT(6)]);
  stream.start();
  await ended(states);
  expect(asked.slice(0, 4)).toEqual(["", "5", "5", "6"]);
  expect(heard).toEqual(["5", "6"]);
  expect(gaps()).toBe(0);
  expect(states.slice(0, 3)).toEqual(["connecting", "live", "reconnecting"]);
}, 10_000);

it("asks anew instead of hearing hours of the past", async () => {
  const { stream, asked, states, gaps } = server([EVENT(5), EVENT(900)], 3_600_000);
  stream.start();
  await ended(states);
  expect(asked.slice(0, 2)).toEqual(["", ""]);
  expect(gaps()).toBe(1);
}, 10_000);

it("asks anew where the feed began anew", async () => {
  const { stream, states, gaps } = server([EVENT(500), EVENT(3)]);
  stream.start();
  await ended(states);
  expect(gaps()).toBe(1);
}, 10_000);
