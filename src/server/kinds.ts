import type { Kind } from '../api/kind.ts';

interface Found {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: Kind | undefined;
}

const nothingFound: Found = { group: '', version: '', plural: '', kind: undefined };

/** The kinds that are served, found by path. Custom kinds come and go at run time; `version` rises when they do. */
export class KindRegistry {
  readonly #byPath = new Map<string, Kind>();
  version = 0;
  /** Who asks for a kind mostly asks for it again. */
  #last = nothingFound;
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
    this.#last = nothingFound;
    for (const run of this.#listeners) run();
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    const last = this.#last;
    if (last.plural === plural && last.group === group && last.version === version) return last.kind;
    const kind = this.#byPath.get(pathKey(group, version, plural));
    this.#last = { group, version, plural, kind };
    return kind;
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
