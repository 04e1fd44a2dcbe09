import { byteLength } from '../../base/text.ts';
import { invalid, tooLong } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';

const parametersMax = 512;
const parametersBytesMax = 256 * 1024;

/** What a driver is told, in words of its own. */
export function parameterRules(parameters: Checked): void {
  const pairs = Object.entries(parameters.part);
  if (pairs.length > parametersMax) parameters.add(tooLong(parameters.path, parametersMax));
  let size = 0;
  for (const [key, value] of pairs) {
    if (key === '') parameters.add(invalid(parameters.path, key, 'field can not be empty.'));
    size += byteLength(key) + byteLength(String(value));
  }
  if (size > parametersBytesMax) parameters.add(tooLong(parameters.path, parametersBytesMax));
}

/** The name of whoever makes volumes or changes them: like a label's key, written large or small. */
export function provisionerRules(name: Checked): void {
  if (!name.needed()) return;
  const text = name.text.toLowerCase();
  for (const sentence of qualifiedName(text)) name.add(invalid(name.path, text, sentence));
}
