// Packs the documents that tools/schema.ts makes its tables from:  node tools/pack-schema.ts --from FOLDER
// So a clone can check by itself that the tables are what would be made.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';

const { values: flags } = parseArgs({ options: { from: { type: 'string' } } });
if (!flags.from) throw new Error('pack-schema needs --from FOLDER');
const from = flags.from;
const target = fileURLToPath(new URL('../compat/schema.json.br', import.meta.url));

const text = (file: string): string => readFileSync(join(from, file), 'utf8');
const versions = readdirSync(join(from, 'openapi-v3'))
  .sort()
  .map((file) => `openapi-v3/${file}`);
const files: Record<string, string> = {};
for (const file of [...versions, 'discovery-aggregated.json']) files[file] = JSON.stringify(JSON.parse(text(file)));
files['field-numbers.tsv'] = text('field-numbers.tsv');
// Of the answers only the sentences that name a type.
const sentences = readdirSync(join(from, 'answers')).flatMap((file) =>
  [...text(`answers/${file}`).matchAll(/Go struct field \w+\.[\w.$-]+ of type (?:\[\])?[\w.]+/g)].map(
    ([found]) => found,
  ),
);
files['answers/types.txt'] = [...new Set(sentences)].sort().join('\n');
const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
const packed = brotliCompressSync(JSON.stringify(files), { params });
writeFileSync(target, packed);
process.stdout.write(`${Object.keys(files).length} documents: ${packed.length} bytes\n`);
