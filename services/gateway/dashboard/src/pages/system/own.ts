/** The session that an access token is of; "" for one that can't be read. */
export function ownSession(token: string): string {
  try {
    const [, middle = ""] = token.split(".");
    const claims = JSON.parse(atob(middle.replaceAll("-", "+").replaceAll("_", "/"))) as Record<
      string,
      unknown
    >;
    return String(claims.sid ?? "");
  } catch {
    return "";
  }
}
