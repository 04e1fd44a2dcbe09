import { createPublicKey } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CryptoKeys } from './crypto.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';
import { createSigningKey } from './x509/certificate.ts';

const publicKeyForm = /-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g;

/** The key that signs tokens of ServiceAccounts, made when there is none, and earlier ones that still verify them. */
export function readSigningKeys(directory: string): Required<Pick<CryptoKeys, 'signingKey' | 'verifyKeys'>> {
  const kept = readIfThere(keyIn(directory));
  const signingKey = kept ?? createSigningKey();
  if (kept === undefined) writePrivateFile(keyIn(directory), signingKey);
  return { signingKey, verifyKeys: earlierKeys(directory) };
}

/** From now on a new key signs; what the earlier ones have signed stays good. */
export function addSigningKey(directory: string): void {
  const { signingKey, verifyKeys } = readSigningKeys(directory);
  const last = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }) as string;
  // The earlier one first: an interruption in between leaves a key that is believed twice, never one that is lost.
  writePrivateFile(earlierIn(directory), [...new Set([last, ...verifyKeys])].join(''));
  writePrivateFile(keyIn(directory), createSigningKey());
}

/** Tokens of the earlier keys are believed no longer. Answers how many keys went. */
export function retireSigningKeys(directory: string): number {
  const { length } = earlierKeys(directory);
  rmSync(earlierIn(directory), { force: true });
  return length;
}

const keyIn = (directory: string): string => join(directory, 'sa.key');
const earlierIn = (directory: string): string => join(directory, 'sa-old.pub');
const earlierKeys = (directory: string): readonly string[] =>
  [...(readIfThere(earlierIn(directory)) ?? '').matchAll(publicKeyForm)].map(([text]) => `${text}\n`);
