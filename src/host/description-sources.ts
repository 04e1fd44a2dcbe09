import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a type and its fields are for; the type's own sentence is under ''. */
export type Fields = Readonly<Record<string, string>>;
/** By class, named after its version and, where two groups have it, after its group. */
export type Descriptions = Readonly<Record<string, Fields>>;

/**
 * Two packages publish the words of the release. The official client has all of it, but nothing of fields that are
 * objects, and blanks for line ends; the other one has both, perhaps of a release that is a little older.
 */
export function readPackages(modules: string): Descriptions {
  const client = readClient(join(modules, '@kubernetes', 'client-node', 'dist', 'gen', 'models'));
  const more = ['kubernetes-models', join('@kubernetes-models', 'apimachinery')].map((name) =>
    readInterfaces(join(modules, name)),
  );
  return withMore(client, Object.assign({}, ...more) as Descriptions);
}

/** The words of `first`, as `more` writes them where it has the same, and those of its types that only `more` has. */
export function withMore(first: Descriptions, more: Descriptions): Descriptions {
  const all: Record<string, Fields> = { ...first };
  for (const [name, fields] of Object.entries(more)) {
    const short = /V\d(?:(?:alpha|beta)\d+)?[A-Z].*$/.exec(name)?.[0] ?? name;
    const known = first[name] ? name : short;
    const before = first[known];
    if (!before) continue;
    const merged: Record<string, string> = { ...before };
    for (const [field, text] of Object.entries(fields)) {
      const old = before[field];
      if (old === undefined || isBetter(words(text), words(old))) merged[field] = text;
    }
    all[known] = merged;
  }
  return all;
}

/** The client says no more than the type of fields whose type has a form of its own, and nothing of single values. */
const isBetter = (text: string, old: string): boolean =>
  text === old ||
  text.startsWith(`${old} Possible enum values: `) ||
  /^(?:IntOrString|MicroTime|Quantity) is /.test(old);
const words = (text: string): string => text.replace(/\s+/g, ' ').trim();

function readClient(folder: string): Descriptions {
  const found: Record<string, Fields> = {};
  for (const file of declarations(folder)) {
    const fields = readModel(readFileSync(join(folder, file), 'utf8'));
    if (Object.keys(fields).length > 0) found[file.slice(0, -'.d.ts'.length)] = fields;
  }
  return found;
}

function readInterfaces(folder: string): Descriptions {
  const found: Record<string, Fields> = {};
  for (const file of declarations(folder)) {
    const read = readInterface(readFileSync(join(folder, file), 'utf8'));
    if (read) found[read.name] = read.fields;
  }
  return found;
}

function declarations(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.d.ts')).sort();
}

const documented = /\/\*\*\n((?:\s*\*(?!\/).*\n)*)\s*\*\/\n(?:export declare class (\w+)|\s+'([^']+)'\??:)/g;

/** The comments of a generated class and of its members. */
export function readModel(text: string): Fields {
  const fields: Record<string, string> = {};
  for (const [, comment = '', , member] of text.matchAll(documented)) {
    const description = plain(comment)
      .replace(/\\+(['"])/g, '$1')
      .replace(/\\\\+/g, '\\')
      // The generator has put blanks in the place of line ends: two of them were a paragraph's.
      .replace(/(?<=[.:!?)]) {2}(?=[A-Z])/g, '\n\n');
    // Members whose names are words of JavaScript have an underscore before them.
    if (description) fields[member === undefined ? '' : member.replace(/^_(?=[a-z])/, '')] = description;
  }
  return fields;
}

const member = /\/\*\*\n((?:\s*\*(?!\/).*\n)*)\s*\*\/\n(?:export interface (\w+)| {4}"([^"]+)"\??:)/g;
/** `IIoK8sApiCoreV1Pod`, `IIoK8sApimachineryPkgApisMetaV1ObjectMeta`: what it is called outside. */
const named = /\bas IIo(?:K8s(?:ApimachineryPkgApis|ApiextensionsApiserverPkgApis|KubeAggregatorPkgApis|Api))(\w+)/;

/** The same of an interface, whose members may be objects. */
export function readInterface(text: string): { readonly name: string; readonly fields: Fields } | undefined {
  const name = named.exec(text)?.[1];
  if (name === undefined) return undefined;
  const fields: Record<string, string> = {};
  for (const [, comment = '', , key = ''] of text.matchAll(member)) {
    const description = plain(comment)
      .replaceAll('\\*', '*')
      .replace(/\s*@deprecated$/, '');
    if (description && fields[key] === undefined) fields[key] = description;
  }
  return Object.keys(fields).length > 0 ? { name, fields } : undefined;
}

function plain(comment: string): string {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, ''));
  return lines.join('\n').trim().replaceAll('*_/', '*/');
}
