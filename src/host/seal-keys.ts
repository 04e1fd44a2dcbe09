import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { CryptoKeys } from './crypto.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';

const keyBytes = 32;

/** The keys that seal secrets: one a line in base64, the one in use first. Made when there is none. */
export function readSealKeys(directory: string): Required<Pick<CryptoKeys, 'sealKey' | 'oldSealKeys'>> {
  const file = fileIn(directory);
  const text = readIfThere(file) ?? written(file, [fresh()]);
  const [sealKey, ...oldSealKeys] = text
    .trim()
    .split('\n')
    .map((line) => Buffer.from(line, 'base64'));
  if (!sealKey || [sealKey, ...oldSealKeys].some((key) => key.length !== keyBytes)) {
    throw new Error(`${file} does not hold ${keyBytes} bytes in base64 on each line`);
  }
  return { sealKey, oldSealKeys };
}

/** From now on a new key seals; the earlier ones still open. */
export function addSealKey(directory: string): void {
  const { sealKey, oldSealKeys } = readSealKeys(directory);
  written(fileIn(directory), [fresh(), ...[sealKey, ...oldSealKeys].map(textOf)]);
}

/** Nothing that the earlier keys have sealed is there any more. */
export function dropOldSealKeys(directory: string): void {
  written(fileIn(directory), [textOf(readSealKeys(directory).sealKey)]);
}

function written(file: string, keys: readonly string[]): string {
  const text = `${keys.join('\n')}\n`;
  writePrivateFile(file, text);
  return text;
}

const fileIn = (directory: string): string => join(directory, 'seal.key');
const fresh = (): string => textOf(randomBytes(keyBytes));
const textOf = (key: Uint8Array): string => Buffer.from(key).toString('base64');
