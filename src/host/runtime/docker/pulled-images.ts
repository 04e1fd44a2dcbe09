import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The images that were pulled for this node's pods, by id, in a file: an engine does not remember for whom. */
export class PulledImages {
  readonly #file: string;
  #known: Set<string> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  list(): readonly string[] {
    return [...this.#all()];
  }

  add(id: string): void {
    const all = this.#all();
    if (all.has(id)) return;
    all.add(id);
    this.#write(all);
  }

  forget(id: string): void {
    const all = this.#all();
    if (all.delete(id)) this.#write(all);
  }

  #all(): Set<string> {
    this.#known ??= new Set(read(this.#file));
    return this.#known;
  }

  /** Whole or not at all: a file that is cut off would make images somebody's who never asked for them. */
  #write(all: ReadonlySet<string>): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    const beside = `${this.#file}.new`;
    writeFileSync(beside, JSON.stringify([...all]));
    renameSync(beside, this.#file);
  }
}

function read(file: string): readonly string[] {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(found) ? found.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}
