import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest, ManifestFolder } from '../agent/static-pods.ts';

interface Read {
  readonly stamp: string;
  readonly manifest: Manifest;
}

/** Files of YAML or JSON, one object each. A file is read again when it changes; a folder that is missing is empty. */
export class ManifestFiles implements ManifestFolder {
  readonly #folder: string;
  #known = new Map<string, Read>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(): Promise<readonly Manifest[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const next = new Map<string, Read>();
    for (const name of names.filter((one) => /^[^.].*\.(ya?ml|json)$/.test(one)).sort()) {
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (!found?.isFile()) continue;
      const stamp = `${found.mtimeMs} ${found.size} ${found.ino}`;
      const known = this.#known.get(path);
      next.set(path, known?.stamp === stamp ? known : { stamp, manifest: await parsed(path) });
    }
    this.#known = next;
    return [...next.values()].map(({ manifest }) => manifest);
  }
}

async function parsed(file: string): Promise<Manifest> {
  try {
    // Loaded where there is such a file, and most nodes have none.
    const { parse } = await import('yaml');
    return { file, object: parse(await readFile(file, 'utf8')) };
  } catch (error) {
    return { file, error: error instanceof Error ? error.message : String(error) };
  }
}
