import { membersIn, namesIn, Stride } from '../../base/steps.ts';
import { byteLength } from '../../base/text.ts';
import { tooLong } from '../field-error.ts';
import { configKey } from '../names.ts';
import { rulesInSteps } from './checks.ts';
import { base64Bytes, dataBytesMax, frozenWhenImmutable } from './secret-rules.ts';

export const configMapRules = rulesInSteps(function* (root, previous) {
  const data = root.at('data');
  const binary = root.at('binaryData');
  const stride = new Stride();
  let size = 0;
  const both = !binary.isAbsent;
  // There may be many, most of them right: nothing is put together for those.
  for (const key of namesIn(data.part)) {
    const value = data.part[key];
    if (stride.isLong(membersIn(value))) yield stride.taken();
    for (const sentence of configKey(key)) data.key(key).invalidAs(key, sentence);
    if (both && !binary.key(key).isAbsent) {
      data.key(key).invalidAs(key, 'duplicate of key present in binaryData');
    }
    size += byteLength(String(value ?? ''));
  }
  for (const key of namesIn(binary.part)) {
    const value = binary.part[key];
    if (stride.isLong(membersIn(value))) yield stride.taken();
    for (const sentence of configKey(key)) binary.key(key).invalidAs(key, sentence);
    size += base64Bytes(String(value ?? ''));
  }
  if (size > dataBytesMax) root.add(tooLong('', dataBytesMax));
  if (previous) yield* frozenWhenImmutable(root, previous, ['data', 'binaryData']);
});
