// Who is signed in, and requests in their name.

const KEY = "andon.session";

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Session {
  #tokens = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  #refreshing = null;
  #running = new AbortController();
  onEnded = () => {};

  get user() { return this.#tokens?.user ?? null; }
  get accessToken() { return this.#tokens?.access_token ?? ""; }

  async signIn(username, password) {
    this.#keep(await call("POST", "/api/v1/auth/login", { username, password }));
  }

  async signOut() {
    const { access_token, refresh_token } = this.#tokens ?? {};
    this.#end();
    await call("POST", "/api/v1/auth/logout", { refresh_token }, access_token);
  }

  // A request with the access token; renews it once when it is refused.
  async request(method, path, body) {
    const used = this.accessToken;
    const { signal } = this.#running;
    try {
      return await call(method, path, body, used, signal);
    } catch (error) {
      if (error.status !== 401) throw error;
      if (used === this.accessToken) await this.refresh();
      return call(method, path, body, this.accessToken, signal);
    }
  }

  // One renewal at a time: a refresh token is good once, and using it twice ends the session.
  refresh() {
    this.#refreshing ??= this.#refresh().finally(() => { this.#refreshing = null; });
    return this.#refreshing;
  }

  async #refresh() {
    try {
      const refresh_token = this.#tokens?.refresh_token ?? "";
      if (!refresh_token) throw new Refused(401, "Signed out.");
      const renewed = await call("POST", "/api/v1/auth/refresh", { refresh_token });
      this.#keep({ ...this.#tokens, ...renewed });
    } catch (error) {
      if (error instanceof Refused && error.status < 500 && error.status !== 429) this.#end();
      throw error;
    }
  }

  #keep(tokens) {
    this.#tokens = tokens;
    sessionStorage.setItem(KEY, JSON.stringify(tokens));
  }

  // Whatever was still being asked in this session's name is of no interest any more.
  #end() {
    this.#running.abort();
    this.#running = new AbortController();
    this.#tokens = null;
    sessionStorage.removeItem(KEY);
    this.onEnded();
  }
}

export async function call(method, path, body, token, signal) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const answer = await fetch(path, { method, headers, body: sent, signal });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, content.detail ?? `The server answered ${answer.status}.`);
  return content;
}
