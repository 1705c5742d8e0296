import { afterEach, expect, it, vi } from "vitest";
import { Problem } from "./problem";
import { permissionsOf, Session } from "./session";

const user = (id: string) => ({ id, username: id, email: null, roles: ["operator" as const] });
const tokens = (name: string, id = "ada") => ({
  access_token: name,
  refresh_token: `${name}-r`,
  user: user(id),
});

function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as Storage;
}

/** Answers each call of the auth service by the end of its path. */
function auth(answers: Record<string, () => Response>) {
  const calls: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    calls.push(path.split("/").at(-1) ?? "");
    return answers[calls.at(-1) ?? ""]?.() ?? new Response(null, { status: 500 });
  });
  return calls;
}

afterEach(() => vi.unstubAllGlobals());

const ok = (content: unknown) => () => Response.json(content);
const refused = () => Response.json({ detail: "over" }, { status: 401 });

it("renews once for all requests whose token was refused", async () => {
  const calls = auth({ login: ok(tokens("one")), refresh: ok(tokens("two")) });
  const session = new Session(memory());
  await session.signIn("ada", "x");
  await Promise.all([session.renewed("one"), session.renewed("one")]);
  await session.renewed("one");
  expect(session.accessToken).toBe("two");
  expect(calls).toEqual(["login", "refresh"]);
});

it("lets requests wait for the same person to sign in again", async () => {
  auth({ login: ok(tokens("one")), refresh: refused });
  const session = new Session(memory());
  await session.signIn("ada", "x");
  let done = false;
  const waiting = session.renewed("one").then(() => {
    done = true;
  });
  await vi.waitFor(() => expect(session.now().state).toBe("expired"));
  expect(done).toBe(false);
  await session.signIn("ada", "x");
  await waiting;
  expect(session.now().state).toBe("in");
});

it("gives another person none of the first one's work", async () => {
  let who = "ada";
  auth({ login: () => Response.json(tokens("one", who)), refresh: refused });
  const session = new Session(memory());
  await session.signIn("ada", "x");
  const changed = vi.fn();
  session.onChangedHands = changed;
  const waiting = expect(session.renewed("one")).rejects.toBeInstanceOf(Problem);
  await vi.waitFor(() => expect(session.now().state).toBe("expired"));
  who = "eve";
  await session.signIn("eve", "x");
  await waiting;
  expect(changed).toHaveBeenCalledOnce();
});

it("stays signed in while the server is away", async () => {
  auth({ login: ok(tokens("one")), refresh: () => new Response(null, { status: 503 }) });
  const session = new Session(memory());
  await session.signIn("ada", "x");
  await expect(session.renewed("one")).rejects.toMatchObject({ status: 503 });
  expect(session.now().state).toBe("in");
});

it("outlives a reload, and whatever else is in the store", () => {
  const store = memory();
  store.setItem("andon.session", JSON.stringify(tokens("kept")));
  expect(new Session(store).accessToken).toBe("kept");
  store.setItem("andon.session", "{nonsense");
  expect(new Session(store).now().state).toBe("out");
});

it("renews once for a tab and its copy", async () => {
  const calls = auth({ refresh: ok(tokens("two")) });
  const channels = [new BroadcastChannel("copies"), new BroadcastChannel("copies")];
  const [one, copy] = channels.map((channel) => {
    const store = memory();
    store.setItem("andon.session", JSON.stringify(tokens("one")));
    return new Session(store, channel);
  }) as [Session, Session];
  await one.renewed("one");
  await vi.waitFor(() => expect(copy.accessToken).toBe("two"));
  await copy.renewed("one");
  expect(calls).toEqual(["refresh"]);
  for (const channel of channels) channel.close();
});

it("knows what roles may", () => {
  expect(permissionsOf(user("ada")).has("configure")).toBe(false);
  expect(permissionsOf(null).size).toBe(0);
});
