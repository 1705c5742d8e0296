// The lines of a log that comes in pieces.

const MOST = 200_000;

/** What a terminal would show of a line that was written over. */
const shown = (line: string): string => {
  const rest = line.endsWith("\r") ? line.slice(0, -1) : line;
  return rest.slice(rest.lastIndexOf("\r") + 1);
};

export interface Lines {
  /** Whole lines, and the last one as far as it has come. */
  readonly lines: readonly string[];
  /** The last line as it came, without an end yet; "" where the text ended with one. */
  readonly open: string;
  /** Lines that were let go at the beginning. */
  readonly dropped: number;
}

export const NONE: Lines = { lines: [], open: "", dropped: 0 };

/** The lines with more text at their end. */
export function withText({ lines, open, dropped }: Lines, text: string): Lines {
  if (!text) return { lines, open, dropped };
  const pieces = (open + text).split("\n");
  const rest = pieces.pop() ?? "";
  const whole = open ? lines.slice(0, -1) : [...lines];
  for (const piece of pieces) whole.push(shown(piece));
  if (rest) whole.push(shown(rest));
  const over = Math.max(0, whole.length - MOST);
  return { lines: over ? whole.slice(over) : whole, open: rest, dropped: dropped + over };
}

/** The lines with earlier text before them; the text ends where they begin. */
export function withEarlier(known: Lines, text: string): Lines {
  const earlier = withText(NONE, text);
  if (!earlier.open) return { ...known, lines: [...earlier.lines, ...known.lines] };
  // The text ended in the middle of a line: its other half is the first one known.
  const [first = "", ...others] = known.lines;
  const joined = shown(earlier.open + first);
  return { ...known, lines: [...earlier.lines.slice(0, -1), joined, ...others] };
}
