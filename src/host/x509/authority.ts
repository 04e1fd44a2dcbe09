import { createPrivateKey, X509Certificate } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Instant, Millis } from '../../base/env.ts';
import { readIfThere, writePrivateFile } from '../private-file.ts';
import { createAuthority, crossCertificate, type Pair } from './certificate.ts';

/** Who signs now, and who is believed beside it. */
export interface Authority {
  readonly pair: Pair;
  /** PEM: its own certificate, and those of earlier ones that are not retired. */
  readonly bundle: string;
  /** PEM: shown after a certificate that it signed, so that whoever knows an earlier one only believes it too. */
  readonly path: string;
}

const day = 24 * 60 * 60 * 1000;
export const renewBefore: Millis = 60 * day;
const certificateForm = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Made when it is missing; a new one takes its place before it ends. Never replaced silently by a stranger. */
export function openAuthority(directory: string, file: string, now: Instant): Authority {
  finishRotation(directory, file);
  const pair = readPair(directory, file) ?? keepPair(directory, file, createAuthority(`mini-k8s-${file}`, now));
  const certificate = matching(pair);
  if (!certificate)
    throw new Error(`${file}.crt and ${file}.key in ${directory} do not belong together: restore them or remove both`);
  if (certificate.validToDate.getTime() - now < renewBefore) {
    rotateAuthority(directory, file, now);
    return openAuthority(directory, file, now);
  }
  const current = (text: string) => new X509Certificate(text).validToDate.getTime() > now;
  const earlier = certificatesIn(directory, `${file}-old`).filter(current);
  const path = certificatesIn(directory, `${file}-cross`).filter(current);
  return { pair, bundle: [pair.certificate, ...earlier].join(''), path: path.join('') };
}

/**
 * A new authority signs from now on; the earlier ones stay believed. What it signs is believed by those who know the
 * earlier ones only, because the last one vouches for it.
 */
export function rotateAuthority(directory: string, file: string, now: Instant): void {
  const { pair, path } = openedForRotation(directory, file);
  const next = createAuthority(nameAfter(new X509Certificate(pair.certificate)), now);
  const earlier = [pair.certificate, ...certificatesIn(directory, `${file}-old`)];
  writePrivateFile(join(directory, `${file}-old.crt`), [...new Set(earlier)].join(''));
  writePrivateFile(join(directory, `${file}-cross.crt`), [crossCertificate(pair, next, now), ...path].join(''));
  // From the moment this pair is whole it is the authority: an interrupted rotation is finished by the next start.
  keepPair(directory, `${file}-next`, next);
  finishRotation(directory, file);
}

/** Answers how many authorities are believed no longer. */
export function retireAuthorities(directory: string, file: string): number {
  const earlier = certificatesIn(directory, `${file}-old`);
  for (const name of ['old', 'cross']) rmSync(join(directory, `${file}-${name}.crt`), { force: true });
  return earlier.length;
}

function openedForRotation(directory: string, file: string): { readonly pair: Pair; readonly path: readonly string[] } {
  finishRotation(directory, file);
  const pair = readPair(directory, file);
  if (!pair || !matching(pair))
    throw new Error(`${directory} has no whole pair ${file}.crt and ${file}.key to follow on`);
  return { pair, path: certificatesIn(directory, `${file}-cross`) };
}

/** The certificate is written last, so it says that the key is there too. */
function finishRotation(directory: string, file: string): void {
  if (readIfThere(join(directory, `${file}-next.crt`)) === undefined) return;
  for (const end of ['key', 'crt']) {
    try {
      renameSync(join(directory, `${file}-next.${end}`), join(directory, `${file}.${end}`));
    } catch (error) {
      // It was in its place already when the rotation was interrupted.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** No two have one name: who verifies would have to try them all. */
function nameAfter(certificate: X509Certificate): string {
  const name = certificate.subject.replace(/^CN=/, '');
  const [, stem = name, number = '1'] = /^(.*?)(?:-(\d+))?$/.exec(name) ?? [];
  return `${stem}-${Number(number) + 1}`;
}

const certificatesIn = (directory: string, name: string): readonly string[] =>
  [...(readIfThere(join(directory, `${name}.crt`)) ?? '').matchAll(certificateForm)].map(([text]) => `${text}\n`);

/** Undefined where the key is not the certificate's. */
export function matching(pair: Pair): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(pair.certificate);
    return certificate.checkPrivateKey(createPrivateKey(pair.key)) ? certificate : undefined;
  } catch {
    // Half a file of another program; it says the same as a pair that does not match.
    return undefined;
  }
}

export function readPair(directory: string, file: string): Pair | undefined {
  const certificate = readIfThere(join(directory, `${file}.crt`));
  const key = readIfThere(join(directory, `${file}.key`));
  return certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
}

/** The key first: a crash in between leaves a pair that is not read, never one that is believed. */
export function keepPair(directory: string, file: string, pair: Pair): Pair {
  writePrivateFile(join(directory, `${file}.key`), pair.key);
  writePrivateFile(join(directory, `${file}.crt`), pair.certificate);
  return pair;
}
