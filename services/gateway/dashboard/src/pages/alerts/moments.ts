/** A moment as an input of type datetime-local wants it, in this browser's zone. */
export function local(moment: number): string {
  const date = new Date(moment);
  return new Date(moment - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
