import type { Kind } from '../api/kind.ts';

/** The kinds that are served, found by path. Custom kinds come and go at run time; `version` rises when they do. */
export class KindRegistry {
  readonly #byPath = new Map<string, Kind>();
  version = 0;
  readonly #listeners: (() => void)[] = [];

  constructor(kinds: readonly Kind[]) {
    for (const kind of kinds) this.add(kind);
  }

  add(kind: Kind): void {
    this.#byPath.set(pathKey(kind.group, kind.version, kind.plural), kind);
    this.#changed();
  }

  remove(kind: Kind): void {
    this.#byPath.delete(pathKey(kind.group, kind.version, kind.plural));
    this.#changed();
  }

  /** Told after each change. */
  onChange(run: () => void): void {
    this.#listeners.push(run);
  }

  #changed(): void {
    this.version++;
    for (const run of this.#listeners) run();
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#byPath.get(pathKey(group, version, plural));
  }

  all(): readonly Kind[] {
    return [...this.#byPath.values()];
  }
}

const pathKey = (group: string, version: string, plural: string) => `${group}/${version}/${plural}`;

/** Where the objects of a kind are stored: all versions of one resource share a prefix. */
export function storagePrefix(kind: Kind): string {
  const { group, plural } = kind.rules.storedAs ?? kind;
  return `/${group || 'core'}/${plural}/`;
}
export const storageKey = (kind: Kind, namespace: string, name: string): string =>
  `${storagePrefix(kind)}${kind.namespaced ? `${namespace}/` : ''}${name}`;
