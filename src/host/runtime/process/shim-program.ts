import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from './record.ts';

/**
 * Memory of one shim counts once per pod: a small young generation and a small heap are all it needs. Measured: other
 * flags (no compiler, one thread, "size", "lite") save nothing and cost start time.
 */
export const shimFlags: readonly string[] = ['--max-semi-space-size=1', '--max-old-space-size=32'];

/**
 * The file to run. Run from its sources, a shim would load the machinery that strips types, which costs more than the
 * shim itself: so the agent strips the few files, once, into its own folder.
 */
export function shimProgram(root: string): string {
  const own = fileURLToPath(new URL('./shim.ts', import.meta.url));
  if (!import.meta.filename.endsWith('.ts')) return own.replace(/ts$/, 'js');
  const folder = join(root, '.shim');
  makeFolder(folder);
  for (const name of sources) {
    const text = stripped(readFileSync(join(import.meta.dirname, `${name}.ts`), 'utf8'));
    const draft = join(folder, `${name}.${process.pid}.tmp`);
    writeFileSync(draft, text.replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.mjs'"));
    renameSync(draft, join(folder, `${name}.mjs`));
  }
  return join(folder, 'shim.mjs');
}

const sources: readonly string[] = ['shim', 'control-group', 'identity', 'record', 'log-writer', 'terminal'];

/** Node warns that this call may change. It is only made from sources, by the very version they are tested with. */
function stripped(text: string): string {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = warn;
  }
}
