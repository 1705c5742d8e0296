// Who is signed in: tokens that renew themselves, and requests that wait for a person when they can't.

import { useSyncExternalStore } from "react";
import { Problem, problemOf } from "./problem";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];
export type User = Schemas["UserView"];
export type Permission = Schemas["Permission"];
type Tokens = Pick<Schemas["TokensView"], "access_token" | "refresh_token" | "user">;

const KEY = "andon.session";
const HEARD = 250;

/** What a copy of this tab traded its refresh token for. */
interface Renewal {
  used: string;
  tokens: Tokens;
}
const OF_ROLE: Record<Schemas["Role"], readonly Permission[]> = {
  operator: ["inspect", "view_history"],
  engineer: ["inspect", "view_history", "configure"],
  admin: ["inspect", "view_history", "configure", "manage_users"],
};

export type Standing =
  | { state: "out" }
  | { state: "in"; user: User }
  /** The session ended in mid-work: the page stays, a dialog asks who is there. */
  | { state: "expired"; user: User };

export class Session {
  private tokens: Tokens | null;
  private expired = false;
  private standing: Standing;
  private renewing: Promise<void> | null = null;
  private readonly listeners = new Set<() => void>();
  private waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  /** Told when somebody else is signed in than before, or nobody. */
  onChangedHands: () => void = () => {};
  private readonly store: Storage;
  private readonly copies: Pick<BroadcastChannel, "postMessage" | "onmessage"> | null;

  /** `copies` reaches the tabs that were duplicated from this one: they have its refresh token, too. */
  constructor(store: Storage, copies: Session["copies"] = null) {
    this.store = store;
    this.copies = copies;
    if (copies) copies.onmessage = (event: MessageEvent<Renewal>) => this.follow(event.data);
    this.tokens = read(store);
    this.standing = this.stand();
  }

  get accessToken(): string {
    return this.tokens?.access_token ?? "";
  }

  readonly now = (): Standing => this.standing;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  async signIn(username: string, password: string): Promise<void> {
    const before = this.tokens?.user.id;
    const tokens = await post<Tokens>("login", { username, password });
    const same = this.expired && before === tokens.user.id;
    this.expired = false;
    this.keep(tokens);
    const waiting = this.waiting;
    this.waiting = [];
    if (!same) this.onChangedHands();
    for (const each of waiting)
      same ? each.resolve() : each.reject(new Problem(401, "Somebody else signed in."));
  }

  async signOut(): Promise<void> {
    const { access_token = "", refresh_token } = this.tokens ?? {};
    this.end();
    await post("logout", { refresh_token }, access_token).catch(() => {});
  }

  /** Give up an expired session's work and begin at the sign-in page. */
  end(): void {
    this.expired = false;
    this.tokens = null;
    this.store.removeItem(KEY);
    const waiting = this.waiting;
    this.waiting = [];
    for (const each of waiting) each.reject(new Problem(401, "Signed out."));
    this.tell();
    this.onChangedHands();
  }

  /**
   * Resolves once there is a good access token again, be it that a person signs in.
   * `used` is the token that was refused.
   */
  async renewed(used: string): Promise<void> {
    if (this.expired) return this.person();
    if (used !== this.accessToken) return;
    // One renewal at a time: a refresh token is good once, and using it twice ends the session.
    this.renewing ??= this.renew().finally(() => {
      this.renewing = null;
    });
    await this.renewing;
    if (this.expired) await this.person();
  }

  private async renew(): Promise<void> {
    const refresh_token = this.tokens?.refresh_token ?? "";
    if (!refresh_token) throw new Problem(401, "Signed out.");
    try {
      await inTurn(refresh_token, async () => {
        if (this.tokens?.refresh_token !== refresh_token) return; // a copy was first
        const tokens = await post<Tokens>("refresh", { refresh_token });
        this.keep(tokens);
        this.copies?.postMessage({ used: refresh_token, tokens } satisfies Renewal);
      });
    } catch (error) {
      if (!(error instanceof Problem) || error.passing) throw error;
      this.expired = true;
      this.tell();
    }
  }

  private follow({ used, tokens }: Renewal): void {
    if (used === this.tokens?.refresh_token) this.keep(tokens);
  }

  private person(): Promise<void> {
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  private keep(tokens: Tokens): void {
    this.tokens = {
      access_token: tokens.access_token,
      refresh_token: tokens.refresh_token,
      user: tokens.user,
    };
    this.store.setItem(KEY, JSON.stringify(this.tokens));
    this.tell();
  }

  private tell(): void {
    this.standing = this.stand();
    for (const listener of this.listeners) listener();
  }

  private stand(): Standing {
    if (!this.tokens) return { state: "out" };
    return { state: this.expired ? "expired" : "in", user: this.tokens.user };
  }
}

export const permissionsOf = (user: User | null): ReadonlySet<Permission> =>
  new Set((user?.roles ?? []).flatMap((role) => OF_ROLE[role] ?? []));

/** One copy of a tab after the other, and the next only when it has heard of it; at once without locks. */
function inTurn(name: string, act: () => Promise<void>): Promise<void> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return act();
  return new Promise((resolve, reject) => {
    locks
      .request(`andon.renewing.${name}`, async () => {
        await act().then(resolve, reject);
        await new Promise((heard) => setTimeout(heard, HEARD));
      })
      .catch(reject);
  });
}

function read(store: Storage): Tokens | null {
  try {
    const kept = JSON.parse(store.getItem(KEY) ?? "null") as Partial<Tokens> | null;
    return kept?.access_token && kept.refresh_token && kept.user ? (kept as Tokens) : null;
  } catch {
    return null;
  }
}

async function post<T>(what: string, body: unknown, token = ""): Promise<T> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer: Response;
  try {
    answer = await fetch(`/api/v1/auth/${what}`, { method: "POST", headers, body: JSON.stringify(body) });
  } catch {
    throw new Problem(0, "The server can't be reached.");
  }
  const content: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw problemOf(answer, content);
  return content as T;
}

const nowhere: Pick<Storage, "getItem" | "setItem" | "removeItem"> = {
  getItem: () => null,
  setItem: () => {},
  removeItem: () => {},
};

/** This tab's session; a reload keeps it, a copy of the tab shares it, any other tab has its own. */
export const session = new Session(
  globalThis.sessionStorage ?? (nowhere as Storage),
  globalThis.BroadcastChannel ? new BroadcastChannel(KEY) : null,
);

export const useStanding = (): Standing => useSyncExternalStore(session.subscribe, session.now);

/** Who is signed in, or was until the session ended in mid-work. */
export function useUser(): User | null {
  const standing = useStanding();
  return standing.state === "out" ? null : standing.user;
}

/** Whether the role lets do it. The gateway decides; this only hides what it would forbid. */
export const useMay = (permission: Permission): boolean => permissionsOf(useUser()).has(permission);
