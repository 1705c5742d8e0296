// The one way to the gateway: typed by its OpenAPI document, signed in, patient with an expired session.

import createClient from "openapi-fetch";
import { heardClock } from "./clock";
import { Problem, problemOf } from "./problem";
import type { components, paths } from "./schema.gen";
import { session } from "./session";

export type Schemas = components["schemas"];

/** As `fetch`, in the name of who is signed in. A refused token is renewed, by a person if need be. */
export async function signedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const used = session.accessToken;
  const answer = await sent(request, used);
  if (answer.status !== 401) return answer;
  await session.renewed(used);
  return sent(again, session.accessToken);
}

async function sent(request: Request, token: string): Promise<Response> {
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  const began = Date.now();
  let answer: Response;
  try {
    answer = await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new Problem(0, "The server can't be reached.");
  }
  heardClock(answer.headers.get("date"), Date.now(), Date.now() - began);
  return answer;
}

/** `api.GET("/api/v1/stations")` and its like; wrap it in `take`. */
export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "http://localhost",
  fetch: signedFetch,
});

type Answered<T> = { data?: T; error?: unknown; response: Response };

/** The content of an answer; throws Problem for everything that is no success. */
export async function take<T>(asking: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await asking;
  if (!response.ok) throw problemOf(response, error);
  return data as T;
}

/** A file of the gateway, given to the person as a download. */
export async function download(path: string, name: string): Promise<void> {
  const answer = await signedFetch(new Request(new URL(path, location.origin)));
  if (!answer.ok) throw problemOf(answer, await answer.json().catch(() => null));
  saveAs(await answer.blob(), name);
}

export function saveAs(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
