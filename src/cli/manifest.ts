import { type Document, isCollection, LineCounter, type Node, parseAllDocuments, type Tags } from 'yaml';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { CommandFailure, type Io } from './command.ts';
import { UsageError } from './flags.ts';

/** An object as a file says it, and where it says so. */
export interface ManifestObject {
  readonly object: JsonObject;
  /** `web.yaml:12:5`, for the value at a path or for the nearest thing around it. */
  place(path: Path): string;
}
export type Path = readonly (string | number)[];

interface Source {
  readonly name: string;
  readonly text: string;
}

const manifestName = /\.(ya?ml|json)$/;

/** All objects of files, folders and `-`, in order. Every mistake of form is told before anything is done. */
export async function readManifests(io: Io, paths: readonly string[]): Promise<readonly ManifestObject[]> {
  const sources: Source[] = [];
  for (const path of paths) sources.push(...(await sourcesOf(io, path)));
  const objects: ManifestObject[] = [];
  const mistakes: string[] = [];
  for (const source of sources) {
    try {
      objects.push(...parseManifest(source.name, source.text));
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      mistakes.push(error.message);
    }
  }
  if (mistakes.length > 0) throw new CommandFailure(mistakes.join('\n'));
  if (objects.length === 0) throw new CommandFailure('error: no objects passed to apply');
  return objects;
}

async function sourcesOf(io: Io, path: string): Promise<readonly Source[]> {
  if (path === '-') return [{ name: 'standard input', text: await io.stdin() }];
  const content = await readOr(io, path);
  if ('text' in content) return [{ name: path, text: content.text }];
  const names = content.folder.filter((name) => manifestName.test(name)).sort();
  if (names.length === 0) throw new UsageError(`${path} has no file that ends in .yaml, .yml or .json`);
  const nested = await Promise.all(names.map((name) => readOr(io, name)));
  return names.flatMap((name, index) => {
    const inside = nested[index];
    return inside && 'text' in inside ? [{ name, text: inside.text }] : [];
  });
}

async function readOr(io: Io, path: string): ReturnType<Io['read']> {
  try {
    return await io.read(path);
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    throw new UsageError(
      code === 'ENOENT' ? `the path ${JSON.stringify(path)} does not exist` : `cannot read ${path}: ${message}`,
    );
  }
}

// As Kubernetes reads YAML 1.1: dates stay texts, and 12:30 is no number of minutes.
const customTags = (tags: Tags): Tags =>
  tags.filter(
    (tag) => typeof tag === 'string' || !(tag.tag.endsWith(':timestamp') || ('format' in tag && tag.format === 'TIME')),
  );

/** The objects of one text: several documents, and the members of lists. */
export function parseManifest(name: string, text: string): readonly ManifestObject[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: lines,
    prettyErrors: false,
    customTags,
    merge: true,
  });
  const documents = Array.isArray(parsed) ? parsed : [];
  const mistakes = documents.flatMap((document) => document.errors);
  if (mistakes.length > 0) {
    throw new CommandFailure(
      mistakes.map(({ pos, message }) => `${positioned(name, lines, pos[0])}: ${oneLine(message)}`).join('\n'),
    );
  }
  return documents.flatMap((document) => objectsOf({ name, lines, document }));
}

interface Parsed {
  readonly name: string;
  readonly lines: LineCounter;
  readonly document: Document.Parsed;
}

function objectsOf(parsed: Parsed): readonly ManifestObject[] {
  const value = parsed.document.toJS({ maxAliasCount: 1000 }) as Json | undefined;
  if (value === null || value === undefined) return [];
  return membersOf(parsed, value, []);
}

function membersOf(parsed: Parsed, value: Json, root: Path): readonly ManifestObject[] {
  const place = (path: Path) => placeOf(parsed, [...root, ...path]);
  if (!isObject(value))
    throw new CommandFailure(`${place([])}: an object was expected, with apiVersion, kind and metadata`);
  const { apiVersion, kind, items } = value;
  for (const [field, given] of Object.entries({ apiVersion, kind })) {
    if (typeof given === 'string' && given !== '') continue;
    const wrong = given === undefined || given === null ? 'is missing' : 'must be a text';
    throw new CommandFailure(`${place([field])}: ${field} ${wrong}`);
  }
  if (!(kind as string).endsWith('List') || !Array.isArray(items)) return [{ object: value, place }];
  return items.flatMap((item, index) => membersOf(parsed, item, [...root, 'items', index]));
}

function placeOf({ name, lines, document }: Parsed, path: Path): string {
  let offset = document.contents?.range?.[0] ?? 0;
  let node: unknown = document.contents;
  for (const step of path) {
    if (!isCollection(node)) break;
    const key = keyOffset(node, step);
    node = node.get(step, true);
    const own = (node as Node | undefined)?.range?.[0];
    const next = own ?? key;
    if (next === undefined) break;
    offset = key ?? next;
  }
  return positioned(name, lines, offset);
}

/** Where the key stands: there the reader finds the field by its name, whatever its value looks like. */
function keyOffset(node: { readonly items: readonly unknown[] }, step: string | number): number | undefined {
  for (const item of node.items) {
    const key = (
      item as { readonly key?: { readonly value?: unknown; readonly range?: readonly number[] | null } } | null
    )?.key;
    if (key && key.value === step) return key.range?.[0];
  }
  return undefined;
}

function positioned(name: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${name}:${Math.max(1, line)}:${Math.max(1, col)}`;
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();
