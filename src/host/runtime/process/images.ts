import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Images, InvalidImage, type PullPolicy } from '../../../agent/runtime.ts';

/** What an image means on this machine: where it is, and what runs when the pod names no command. */
export interface Program {
  readonly id: string;
  /** The folder its relative paths start from; undefined for a command of the machine. */
  readonly folder?: string;
  readonly entry: readonly string[];
}

/** The image could be run, if only it were there. */
export class MissingImage extends Error {
  readonly reason = 'ErrImagePull';
}

/** `host`, `file:DIR` and `npm:PACKAGE`; every other name is refused, and never run as something else. */
export function programOf(reference: string, from: string): Program {
  if (reference === 'host') return { id: 'host', entry: [] };
  if (reference.startsWith('file:')) return folderProgram(resolve(from, reference.slice('file:'.length)));
  if (reference.startsWith('npm:')) return packageProgram(reference.slice('npm:'.length), from);
  throw new InvalidImage(
    `image ${JSON.stringify(reference)} needs a container engine such as Docker (--runtime docker): the process ` +
      'runtime runs only "host", "file:DIR" and "npm:PACKAGE"',
  );
}

export class ProcessImages implements Images {
  readonly #from: string;
  readonly #known = new Map<string, Set<string>>();

  /** Relative folders and packages are looked for from the folder `from`. */
  constructor(from: string) {
    this.#from = from;
  }

  async ensure(reference: string, _policy: PullPolicy): Promise<{ readonly id: string }> {
    const { id } = programOf(reference, this.#from);
    this.#known.set(id, (this.#known.get(id) ?? new Set()).add(reference));
    return { id };
  }

  /** Nothing was copied: an image takes no room of its own. */
  async list(): Promise<readonly { readonly id: string; readonly names: readonly string[]; readonly bytes: number }[]> {
    return [...this.#known].map(([id, names]) => ({ id, names: [...names], bytes: 0 }));
  }

  /** Forgets the name. The folder belongs to the user and stays. */
  async remove(id: string): Promise<void> {
    this.#known.delete(id);
  }
}

interface Manifest {
  readonly name?: string;
  readonly main?: string;
  readonly bin?: string | Readonly<Record<string, string>>;
}

function folderProgram(folder: string): Program {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new MissingImage(`there is no folder ${folder}`);
  const manifest = manifestOf(folder);
  const candidates = [binOf(manifest), manifest?.main, 'index.js', 'index.mjs', 'index.ts'];
  for (const name of candidates) {
    if (name !== undefined && existsSync(join(folder, name))) {
      return { id: `file:${folder}`, folder, entry: [process.execPath, join(folder, name)] };
    }
  }
  // A folder of scripts: fine, as long as the pod says which.
  return { id: `file:${folder}`, folder, entry: [] };
}

function packageProgram(name: string, from: string): Program {
  if (!/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i.test(name)) {
    throw new InvalidImage(`npm:${name} is no name of a package; a version is chosen by installing it`);
  }
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    const manifest = manifestOf(found);
    if (manifest !== undefined) {
      const bin = binOf(manifest) ?? manifest.main ?? 'index.js';
      return { id: `npm:${found}`, folder: found, entry: [process.execPath, join(found, bin)] };
    }
    if (dirname(folder) === folder) break;
  }
  throw new MissingImage(`package ${name} is not installed in ${from}: run "npm install ${name}" there`);
}

function binOf(manifest: Manifest | undefined): string | undefined {
  const bin = manifest?.bin;
  if (bin === undefined || typeof bin === 'string') return bin;
  return bin[basename(manifest?.name ?? '')] ?? Object.values(bin)[0];
}

function manifestOf(folder: string): Manifest | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch (cause) {
    throw new MissingImage(`${file} cannot be read`, { cause });
  }
}
