import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isServed, judge, readSamples } from '../compat/roundtrip.ts';

const samples = readSamples(fileURLToPath(new URL('../compat/roundtrip.jsonl.br', import.meta.url)));

test('Every served kind goes from JSON to protobuf and back without losing a byte.', () => {
  const served = samples.filter(isServed);
  assert.ok(served.length >= 30, `${served.length} samples`);
  for (const sample of served) assert.deepEqual(judge(sample), [], sample.name);
});
