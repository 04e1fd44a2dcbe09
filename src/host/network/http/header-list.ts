/** Headers in order. A line stands as it came: it is only cut apart where its value is asked for. */
export class HeaderList {
  /** In lower case. */
  readonly names: string[] = [];
  /** `Name: value`. */
  readonly lines: string[] = [];

  push(name: string, line: string): void {
    this.names.push(name);
    this.lines.push(line);
  }

  add(name: string, value: string): void {
    this.names.push(name.toLowerCase());
    this.lines.push(`${name}: ${value}`);
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  remove(name: string): void {
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
