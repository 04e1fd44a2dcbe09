import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as module from 'node:module';
import { join } from 'node:path';
import { makeFolder } from './record.ts';

/**
 * Memory of one shim counts once per pod. A small young generation and a small heap are all it needs, and it does
 * nothing long enough for an optimizing compiler.
 */
export const shimFlags: readonly string[] = [
  '--max-semi-space-size=1',
  '--max-old-space-size=32',
  '--max-lazy',
  '--no-opt',
  '--single-threaded-gc',
  '--v8-pool-size=1',
];

/**
 * The file to run. Run from its sources, a shim would load the machinery that strips types, which costs more than the
 * shim itself: so the agent strips the few files, once, into its own folder.
 */
export function shimProgram(root: string): string {
  const own = import.meta.filename;
  if (!own.endsWith('.ts')) return join(import.meta.dirname, 'shim.js');
  const folder = join(root, '.shim');
  makeFolder(folder);
  for (const name of sources) {
    const text = module.stripTypeScriptTypes(readFileSync(join(import.meta.dirname, `${name}.ts`), 'utf8'));
    const draft = join(folder, `${name}.${process.pid}.tmp`);
    writeFileSync(draft, text.replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.mjs'"));
    renameSync(draft, join(folder, `${name}.mjs`));
  }
  return join(folder, 'shim.mjs');
}

const sources: readonly string[] = ['shim', 'identity', 'record', 'log-writer'];
