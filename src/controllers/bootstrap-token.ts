import type { Secret } from '../api/kinds/secret.ts';
import { decodeBase64 } from '../base/base64.ts';
import { decodeText } from '../base/json.ts';

const secretType = 'bootstrap.kubernetes.io/token';
const prefix = 'bootstrap-token-';
export const tokenNamespace = 'kube-system';

/** A token with which machines join, as its Secret has it. */
export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  /** '' never; undefined where nobody can read it. */
  readonly expiresAt: number | '' | undefined;
  readonly signs: boolean;
}

export const isTokenSecret = ({ metadata, type }: Secret): boolean =>
  metadata.namespace === tokenNamespace && type === secretType;

export function readToken(secret: Secret): BootstrapToken | undefined {
  const value = (name: string) => plain(secret.data?.[name]);
  const [id, password, expiration] = [value('token-id'), value('token-secret'), value('expiration')];
  if (id === '' || password === '' || secret.metadata.name !== prefix + id) return undefined;
  const at = Date.parse(expiration);
  const expiresAt = expiration === '' ? '' : Number.isNaN(at) ? undefined : at;
  return { id, secret: password, expiresAt, signs: value('usage-bootstrap-signing') === 'true' };
}

function plain(data: string | undefined): string {
  try {
    return decodeText(decodeBase64(data ?? ''));
  } catch {
    return '';
  }
}
