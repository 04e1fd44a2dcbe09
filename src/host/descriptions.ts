import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** What types and their fields are for, by the official client's class names; the type's own sentence is under ''. */
type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

// The same place whether this runs from src/host/ or from out/host/: out/descriptions.json.br.
const here = dirname(fileURLToPath(import.meta.url));
const packed = join(here, '..', '..', 'out', 'descriptions.json.br');
const models = join(here, '..', '..', 'node_modules', '@kubernetes', 'client-node', 'dist', 'gen', 'models');

/** Answers from them, read when first asked for. A class that two groups have is named after its group as well. */
export function describer(
  load: () => Descriptions = loadDescriptions,
): (type: string, field: string) => string | undefined {
  let all: Descriptions | undefined;
  return (type, field) => {
    all ??= load();
    const parts = type.split('.').map((part) => part.charAt(0).toUpperCase() + part.slice(1));
    const fields = all[parts.join('')] ?? all[parts.slice(1).join('')];
    return fields && Object.hasOwn(fields, field) ? fields[field] : undefined;
  };
}

/** What the build packed; from sources, in a clone that was never built, the client package itself is read. */
function loadDescriptions(): Descriptions {
  if (existsSync(packed)) return JSON.parse(brotliDecompressSync(readFileSync(packed)).toString('utf8'));
  return existsSync(models) ? readModels(models) : {};
}

/** Written by the build, never committed: the texts are Kubernetes' own, taken from the package that publishes them. */
export function packDescriptions(): { readonly types: number; readonly bytes: number } {
  const descriptions = readModels(models);
  const bytes = brotliCompressSync(JSON.stringify(descriptions), { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
  mkdirSync(dirname(packed), { recursive: true });
  writeFileSync(packed, bytes);
  return { types: Object.keys(descriptions).length, bytes: bytes.length };
}

function readModels(folder: string): Descriptions {
  const found: Record<string, Readonly<Record<string, string>>> = {};
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.d.ts')) continue;
    const fields = readModel(readFileSync(join(folder, file), 'utf8'));
    if (Object.keys(fields).length > 0) found[file.slice(0, -'.d.ts'.length)] = fields;
  }
  return found;
}

const documented = /\/\*\*\n((?:\s*\*(?!\/).*\n)*)\s*\*\/\n(?:export declare class (\w+)|\s+'([^']+)'\??:)/g;

/** The comments of a generated class and of its members. */
export function readModel(text: string): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const [, comment = '', , member] of text.matchAll(documented)) {
    const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, ''));
    const description = lines
      .join('\n')
      .trim()
      .replaceAll('*_/', '*/')
      .replace(/\\+(['"])/g, '$1')
      .replace(/\\\\+/g, '\\')
      // The generator has put blanks in the place of line ends: two of them were a paragraph's.
      .replace(/(?<=[.:!?)]) {2}(?=[A-Z])/g, '\n\n');
    // Members whose names are words of JavaScript have an underscore before them.
    if (description) fields[member === undefined ? '' : member.replace(/^_(?=[a-z])/, '')] = description;
  }
  return fields;
}
