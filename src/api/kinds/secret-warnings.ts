import { decodeText } from '../../base/json.ts';
import { fromBase64 } from '../protobuf-wire.ts';
import type { Secret } from './secret.ts';

/** What upstream says of a pair of certificate and key that nobody could serve with. */
export function secretWarnings({ type, data = {} }: Secret): readonly string[] {
  if (type !== 'kubernetes.io/tls') return [];
  const found = certificateProblem(blocksOf(data['tls.crt'])) ?? keyProblem(blocksOf(data['tls.key']));
  return found === undefined ? [] : [found];
}

/** The types of the PEM blocks in a value. */
function blocksOf(value: string | undefined): readonly string[] {
  try {
    const text = decodeText(fromBase64(value ?? ''));
    return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)].map(
      ([, kind]) => kind as string,
    );
  } catch {
    return [];
  }
}

function certificateProblem(blocks: readonly string[]): string | undefined {
  if (blocks.length === 0) return 'tls: failed to find any PEM data in certificate input';
  if (blocks.includes('CERTIFICATE')) return undefined;
  if (blocks.length === 1 && blocks[0]?.endsWith('PRIVATE KEY')) {
    return 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched';
  }
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${blocks.join(' ')}]`;
}

function keyProblem(blocks: readonly string[]): string | undefined {
  if (blocks.length === 0) return 'tls: failed to find any PEM data in key input';
  if (blocks.some((kind) => kind === 'PRIVATE KEY' || kind.endsWith(' PRIVATE KEY'))) return undefined;
  if (blocks.length === 1 && blocks[0] === 'CERTIFICATE') {
    return 'tls: found a certificate rather than a key in the PEM for the private key';
  }
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${blocks.join(' ')}]`;
}
