import { decodeText, encodeText, isObject, type JsonObject } from '../../base/json.ts';

/** A token in JSON Web Token form, taken apart and not believed yet. */
export interface ParsedToken {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  /** What the signature is over. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

const tokenBytesMax = 16_384;
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const values = new Map([...letters].map((letter, value) => [letter, value]));

export function encodeBase64Url(bytes: Uint8Array): string {
  let out = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const three = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    out += letters[three >> 18];
    out += letters[(three >> 12) & 63];
    if (at + 1 < bytes.length) out += letters[(three >> 6) & 63];
    if (at + 2 < bytes.length) out += letters[three & 63];
  }
  return out;
}

/** Undefined where it is not base64url, or not the one spelling of these bytes: two texts never are the same token. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    const value = values.get(letter);
    if (value === undefined) return undefined;
    held = (held << 6) | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 0xff;
    held &= (1 << bits) - 1;
  }
  return held === 0 ? bytes : undefined;
}

export function parseToken(token: string): ParsedToken | undefined {
  if (token.length > tokenBytesMax) return undefined;
  const [head, body, tail, ...more] = token.split('.');
  if (head === undefined || body === undefined || tail === undefined || more.length > 0) return undefined;
  const header = decodedObject(head);
  const claims = decodedObject(body);
  const signature = decodeBase64Url(tail);
  if (!header || !claims || !signature) return undefined;
  return { header, claims, signature, signed: encodeText(`${head}.${body}`) };
}

function decodedObject(text: string): JsonObject | undefined {
  const bytes = decodeBase64Url(text);
  if (!bytes) return undefined;
  try {
    const value: unknown = JSON.parse(decodeText(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function makeToken(header: JsonObject, claims: JsonObject, sign: (bytes: Uint8Array) => Uint8Array): string {
  const part = (value: JsonObject) => encodeBase64Url(encodeText(JSON.stringify(value)));
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${encodeBase64Url(sign(encodeText(text)))}`;
}

/** A claim that is one audience or a list of them. */
export function audiencesOf({ aud }: JsonObject): readonly string[] {
  if (typeof aud === 'string') return [aud];
  return Array.isArray(aud) ? aud.filter((one) => typeof one === 'string') : [];
}
