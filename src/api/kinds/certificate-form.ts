import { decodeBase64 } from '../../base/base64.ts';
import { decodeText } from '../../base/json.ts';

// What the text of a certificate, or of the request for one, must be made of. The core checks its form, not its keys.

interface PemBlock {
  readonly type: string;
  readonly headers: boolean;
  readonly bytes: Uint8Array;
}
const blockPattern = /-----BEGIN ([^\n-]*)-----[ \t]*\r?\n([\s\S]*?)-----END \1-----/g;

export function pemBlocks(text: string): readonly PemBlock[] {
  return [...text.matchAll(blockPattern)].flatMap(([, type = '', body = '']) => {
    const headers = /^[^\n:]+:/.test(body);
    const encoded = (headers ? body.slice(body.search(/\r?\n\r?\n/)) : body).replace(/\s/g, '');
    return /^[A-Za-z0-9+/]*={0,2}$/.test(encoded) ? [{ type, headers, bytes: decodeBase64(encoded) }] : [];
  });
}

/** Each byte as a letter: the form is plain letters, and whatever else there is must not match. */
export const textIn = (encoded: string): string =>
  Array.from(decodeBase64(encoded), (byte) => String.fromCharCode(byte)).join('');

/** What is wrong with a request for a certificate, as base64 of its PEM form; undefined: nothing. */
export function requestFault(encoded: string): string | undefined {
  const [block] = pemBlocks(textIn(encoded));
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  return signedFault(block.bytes, isRequest);
}

/** What is wrong with a chain of certificates, as base64 of its PEM form; undefined: nothing. */
export function certificateFault(encoded: string): string | undefined {
  const blocks = pemBlocks(textIn(encoded));
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, headers, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (headers) return 'no PEM block headers are permitted';
    const fault = signedFault(bytes, isCertificate);
    if (fault) return fault;
  }
  return undefined;
}

export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}
const integerTag = 0x02;
const bitsTag = 0x03;
const sequenceTag = 0x30;
const attributesTag = 0xa0;

/** The elements that the bytes are made of, or undefined where they are not. */
export function elementsOf(bytes: Uint8Array): readonly Element[] | undefined {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++] as number;
    const first = bytes[at++];
    if (first === undefined || (tag & 0x1f) === 0x1f) return undefined;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > 4) return undefined;
      length = 0;
      for (let step = 0; step < count; step++) length = length * 256 + (bytes[at++] ?? Number.NaN);
    }
    if (!(at + length <= bytes.length)) return undefined;
    found.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

/** Both are what is said, how it is signed, and the signature. */
function signedFault(bytes: Uint8Array, holds: (said: readonly Element[]) => boolean): string | undefined {
  const outer = elementsOf(bytes);
  if (!outer || outer[0]?.tag !== sequenceTag) return "asn1: structure error: tags don't match";
  if (outer.length > 1) return 'asn1: syntax error: trailing data';
  const [said, algorithm, signature, ...more] = elementsOf(outer[0].content) ?? [];
  const shaped = said?.tag === sequenceTag && algorithm?.tag === sequenceTag && signature?.tag === bitsTag;
  if (!shaped || more.length > 0) return "asn1: structure error: tags don't match";
  return holds(elementsOf(said.content) ?? []) ? undefined : "asn1: structure error: tags don't match";
}

const isRequest = ([version, subject, key, attributes]: readonly Element[]): boolean =>
  version?.tag === integerTag &&
  subject?.tag === sequenceTag &&
  key?.tag === sequenceTag &&
  (attributes === undefined || attributes.tag === attributesTag);

/** Serial, algorithm, issuer, validity, subject and key; a version before them where it is not the first one. */
function isCertificate(said: readonly Element[]): boolean {
  const [serial, ...parts] = said[0]?.tag === attributesTag ? said.slice(1) : said;
  return serial?.tag === integerTag && parts.length >= 5 && parts.slice(0, 5).every(({ tag }) => tag === sequenceTag);
}

const bmpTag = 0x1e;

/** A name in whatever letters it was written. */
export function nameIn({ tag, content }: Element): string {
  if (tag !== bmpTag) return decodeText(content);
  const letters: string[] = [];
  for (let at = 0; at + 1 < content.length; at += 2) {
    letters.push(String.fromCharCode((content[at] as number) * 256 + (content[at + 1] as number)));
  }
  return letters.join('');
}
