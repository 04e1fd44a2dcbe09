import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { type Descriptions, readPackages } from './description-sources.ts';

// The same place whether this runs from src/host/ or from out/host/: out/descriptions.json.br.
const here = dirname(fileURLToPath(import.meta.url));
const packed = join(here, '..', '..', 'out', 'descriptions.json.br');
const modules = join(here, '..', '..', 'node_modules');

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

/** What the build packed; from sources, in a clone that was never built, the packages themselves are read. */
function loadDescriptions(): Descriptions {
  if (existsSync(packed)) return JSON.parse(brotliDecompressSync(readFileSync(packed)).toString('utf8'));
  return readPackages(modules);
}

/** Written by the build, never committed: the texts are Kubernetes' own, taken from the packages that publish them. */
export function packDescriptions(): void {
  const text = JSON.stringify(readPackages(modules));
  mkdirSync(dirname(packed), { recursive: true });
  writeFileSync(packed, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
}
