/** Headers in order. A line stands as it came: it is only cut apart where its value is asked for. */
export class HeaderList {
  /** In lower case. */
  readonly names: string[] = [];
  /** `Name: value`. */
  readonly lines: string[] = [];
  #text: string | undefined;
  /** What was made of them for a backend: see forward-head.ts. */
  next: { readonly host: string; readonly asker: object; readonly headers: HeaderList } | undefined;

  /** All lines, each with its end: made once, because the same headers come again and again. */
  get text(): string {
    if (this.#text === undefined) this.#text = this.lines.length === 0 ? '' : `${this.lines.join('\r\n')}\r\n`;
    return this.#text;
  }

  copy(): HeaderList {
    const copy = new HeaderList();
    copy.names.push(...this.names);
    copy.lines.push(...this.lines);
    return copy;
  }

  push(name: string, line: string): void {
    this.#text = undefined;
    this.names.push(name);
    this.lines.push(line);
  }

  add(name: string, value: string): void {
    this.#text = undefined;
    this.names.push(name.toLowerCase());
    this.lines.push(`${name}: ${value}`);
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  remove(name: string): void {
    this.#text = undefined;
    for (let at = this.names.indexOf(name); at >= 0; at = this.names.indexOf(name, at)) {
      this.names.splice(at, 1);
      this.lines.splice(at, 1);
    }
  }

  value(index: number): string {
    const line = this.lines[index] as string;
    return line.slice((this.names[index] as string).length + 1).trim();
  }

  /** All values of one name, joined by commas. */
  get(name: string): string | undefined {
    let found: string | undefined;
    for (let at = this.names.indexOf(name); at >= 0; at = this.names.indexOf(name, at + 1)) {
      found = found === undefined ? this.value(at) : `${found}, ${this.value(at)}`;
    }
    return found;
  }
}
