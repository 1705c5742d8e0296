// A unified diff as rows with line numbers on both sides.

export interface DiffRow {
  kind: "hunk" | "same" | "add" | "del";
  before: number | null;
  after: number | null;
  text: string;
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/;

export function rowsOf(diff: string): DiffRow[] {
  const rows: DiffRow[] = [];
  let [before, after] = [0, 0];
  let begun = false;
  for (const line of diff.split("\n")) {
    const hunk = HUNK.exec(line);
    if (hunk) {
      begun = true;
      [before, after] = [Number(hunk[1]), Number(hunk[2])];
      rows.push({ kind: "hunk", before: null, after: null, text: line });
      continue;
    }
    const text = line.slice(1);
    if (!begun || line === "" || line.startsWith("\\")) continue;
    if (line.startsWith("+")) rows.push({ kind: "add", before: null, after: after++, text });
    else if (line.startsWith("-")) rows.push({ kind: "del", before: before++, after: null, text });
    else rows.push({ kind: "same", before: before++, after: after++, text });
  }
  return rows;
}

export const countOf = (rows: readonly DiffRow[], kind: DiffRow["kind"]): number =>
  rows.filter((row) => row.kind === kind).length;
