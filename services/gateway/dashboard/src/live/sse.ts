// Reads server-sent events out of text that comes in any pieces.

export interface Said {
  id: string;
  name: string;
  data: string;
}

const LONGEST = 8 << 20;

/** Give it each piece; it calls `tell` for each whole event, and for a lone id that moves the place. */
export class Parser {
  private rest = "";
  private id = "";
  private name = "";
  private data: string[] = [];
  private readonly tell: (said: Said) => void;

  constructor(tell: (said: Said) => void) {
    this.tell = tell;
  }

  push(piece: string): void {
    this.rest += piece;
    if (this.rest.length > LONGEST) throw new Error("an event without an end");
    let from = 0;
    for (let end = this.rest.indexOf("\n"); end >= 0; end = this.rest.indexOf("\n", from)) {
      const line = this.rest.slice(from, this.rest[end - 1] === "\r" && end > from ? end - 1 : end);
      from = end + 1;
      this.line(line);
    }
    this.rest = this.rest.slice(from);
  }

  private line(line: string): void {
    if (line === "") {
      this.done();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment that keeps the connection alive
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "id") this.id = value;
    else if (field === "event") this.name = value;
    else if (field === "data") this.data.push(value);
  }

  private done(): void {
    if (this.data.length || this.id) this.tell({ id: this.id, name: this.name, data: this.data.join("\n") });
    this.name = "";
    this.data = [];
  }
}
