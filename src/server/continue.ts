import { ApiError } from '../api/error.ts';
import { fromBase64, toBase64 } from '../api/protobuf-wire.ts';
import { decodeText, encodeText, isObject, type Json } from '../base/json.ts';
import type { Revision } from '../store/store.ts';

const tokenVersion = 'meta.k8s.io/v1';
/** Revision of a token that goes on over whatever is there now. */
const anyRevision = -1;

/** Where a list goes on: as opaque to clients as upstream's, and of the same form. */
export interface Resume {
  /** None: over the newest revision. */
  readonly revision: Revision | undefined;
  /** The last key that was told. */
  readonly after: string;
}

export function makeToken(revision: Revision, after: string, prefix: string): string {
  const token = { v: tokenVersion, rv: revision, start: `${after.slice(prefix.length)}\u0000` };
  const text = toBase64(encodeText(JSON.stringify(token)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export function openToken(text: string, prefix: string): Resume {
  const token = contentOf(text);
  if (token.v !== tokenVersion) throw bad(`server does not recognize this encoded version ${String(token.v ?? '')}`);
  const { rv = 0, start = '' } = token;
  if (typeof rv !== 'number' || typeof start !== 'string') throw bad('json: cannot unmarshal the token');
  if (rv === 0) throw bad(`incorrect encoded start resourceVersion (version ${tokenVersion})`);
  if (start === '') throw bad(`encoded start key empty (version ${tokenVersion})`);
  if (start.split('/').some((part) => part === '' || part === '.' || part === '..')) throw bad(start);
  // A key that ends in a zero is the one right behind the last that was told.
  const after = start.endsWith('\u0000') ? start.slice(0, -1) : start;
  return { revision: rv === anyRevision ? undefined : rv, after: prefix + after };
}

function contentOf(text: string): { readonly [key: string]: Json } {
  const alphabet = /^[A-Za-z0-9_-]*$/.exec(text);
  if (!alphabet || text.length % 4 === 1) throw bad(`illegal base64 data at input byte ${badByte(text)}`);
  try {
    const padded = `${text.replaceAll('-', '+').replaceAll('_', '/')}${'='.repeat((4 - (text.length % 4)) % 4)}`;
    const value = JSON.parse(decodeText(fromBase64(padded))) as Json;
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw bad('invalid character in the token');
}

function badByte(text: string): number {
  const odd = text.search(/[^A-Za-z0-9_-]/);
  return odd < 0 ? text.length - (text.length % 4) : odd;
}

const bad = (why: string) => new ApiError('BadRequest', `invalid continue token: continue key is not valid: ${why}`);

/** The revision of the pages before is gone: the answer carries a token for the rest as it is now. */
export class ExpiredPage extends ApiError {
  override readonly metadata: { readonly continue: string };

  constructor(token: string) {
    super(
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list ' +
        'without the continue parameter, or use the continue token in this response to retrieve the remainder of the ' +
        'results. Continuing with the provided token results in an inconsistent list - objects that were created, ' +
        'modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
    this.metadata = { continue: token };
  }
}
