// Packs upstream's compatibility samples for compat/run.ts:  node tools/pack-roundtrip.ts --from FOLDER
// The folder holds NAME.json and NAME.pb (or only one of them, which is left out).
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Sample } from '../compat/roundtrip.ts';

const { values: flags } = parseArgs({ options: { from: { type: 'string' } } });
const target = fileURLToPath(new URL('../compat/roundtrip.jsonl.br', import.meta.url));
if (!flags.from) throw new Error('pack-roundtrip needs --from FOLDER');
const from = flags.from;

const samples: Sample[] = [];
for (const file of readdirSync(from).sort()) {
  const name = file.replace(/\.json$/, '');
  if (name === file || !existsSync(join(from, `${name}.pb`))) continue;
  const json = JSON.stringify(JSON.parse(readFileSync(join(from, file), 'utf8')));
  samples.push({ name, json, protobuf: readFileSync(join(from, `${name}.pb`)).toString('base64') });
}
const packed = brotliCompressSync(samples.map((sample) => JSON.stringify(sample)).join('\n'), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
});
writeFileSync(target, packed);
process.stdout.write(`${samples.length} samples: ${packed.length} bytes\n`);
