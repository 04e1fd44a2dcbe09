// Packs recorded cases for compat/run.ts:  node tools/pack-compat.ts --from FOLDER
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Case, Entry } from '../compat/cases.ts';

const { values: flags } = parseArgs({ options: { from: { type: 'string' } } });
const sections = ['create', 'table', 'invalid', 'update', 'patch', 'query', 'podsecurity', 'authz'];
const packedBytesMax = 1_000_000;
const target = fileURLToPath(new URL('../compat/cases.jsonl.br', import.meta.url));

if (flags.from === undefined) throw new Error('say where the recorded cases are: --from FOLDER');
const from = flags.from;
const entries = sections.flatMap((section) =>
  readFileSync(join(from, `${section}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line)
    .map((line) => JSON.parse(line) as Entry),
);
// What does not fit is left out evenly, every kind and section alike, and said.
for (let keep = 100; keep > 0; keep -= 5) {
  const packed = compressed(entries.filter((entry, index) => entry.type !== 'case' || index % 100 < keep));
  if (packed.length > packedBytesMax) continue;
  writeFileSync(target, packed);
  const cases = entries.filter((entry): entry is Case => entry.type === 'case');
  const kept = entries.filter((entry, index) => entry.type === 'case' && index % 100 < keep).length;
  console.log(`${packed.length} bytes hold ${kept} of ${cases.length} cases; ${cases.length - kept} were left out`);
  break;
}

/** Objects and fixtures are told once, and cases of one fixture stand together, where they pack best. */
function compressed(chosen: readonly Entry[]): Buffer {
  const lines = new Map<string, string>();
  for (const entry of chosen) lines.set(`${entry.type} ${entry.id}`, JSON.stringify(entry));
  const text = Buffer.from(`${[...lines.values()].join('\n')}\n`);
  return brotliCompressSync(text, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
    },
  });
}
