// What the gateway refused, whichever of its three forms the answer had.

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds to wait, where the gateway named them. */
  readonly retryAfter: number | null;
  readonly traceId: string;

  constructor(status: number, message: string, code = "", retryAfter: number | null = null, traceId = "") {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
    this.traceId = traceId;
  }

  /** Whether the same request may succeed a little later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function problemOf(response: Response, body: unknown): Problem {
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  const { text, code } = told(body);
  return new Problem(
    response.status,
    text || `The server answered ${response.status}.`,
    code,
    Number.isFinite(wait) ? wait : null,
    response.headers.get("x-trace-id") ?? "",
  );
}

function told(body: unknown): { text: string; code: string } {
  if (typeof body !== "object" || body === null) return { text: "", code: "" };
  const { detail, error, code } = body as Record<string, unknown>;
  if (typeof detail === "object" && detail !== null) {
    const nested = detail as Record<string, unknown>;
    return { text: words(nested.detail) || words(nested.title), code: words(nested.code) };
  }
  return { text: words(detail) || words(error), code: words(code) };
}

const words = (value: unknown): string => (typeof value === "string" ? value : "");
