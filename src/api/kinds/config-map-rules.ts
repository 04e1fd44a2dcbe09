import { byteLength } from '../../base/text.ts';
import { tooLong } from '../field-error.ts';
import { configKey } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';
import { base64Bytes, dataBytesMax, frozenWhenImmutable } from './secret-rules.ts';

export const configMapRules = rulesOf((root, previous) => {
  const data = root.at('data');
  const binary = root.at('binaryData');
  let size = 0;
  const both = !binary.isAbsent;
  // There may be many, most of them right: nothing is put together for those.
  for (const [key, value] of Object.entries(data.part)) {
    for (const sentence of configKey(key)) data.key(key).invalidAs(key, sentence);
    if (both && !binary.key(key).isAbsent) {
      data.key(key).invalidAs(key, 'duplicate of key present in binaryData');
    }
    size += byteLength(String(value ?? ''));
  }
  for (const entry of binary.entries()) {
    validateKey(entry);
    size += base64Bytes(entry.text);
  }
  if (size > dataBytesMax) root.add(tooLong('', dataBytesMax));
  if (previous) frozenWhenImmutable(root, previous, ['data', 'binaryData']);
});

function validateKey(entry: Checked): void {
  for (const sentence of configKey(entry.lastKey)) entry.invalidAs(entry.lastKey, sentence);
}
