import { decodeText } from '../../base/json.ts';
import { type Element, elementsOf, nameIn, pemBlocks, textIn } from './certificate-form.ts';

/** What somebody asks to have certified. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  readonly addresses: readonly string[];
  readonly uris: readonly string[];
  /** SubjectPublicKeyInfo, DER. */
  readonly key: Uint8Array;
}

const octetsTag = 0x04;
const attributesTag = 0xa0;
const emailTag = 0x81;
const dnsTag = 0x82;
const uriTag = 0x86;
const addressTag = 0x87;
const sequenceTag = 0x30;
// Object identifiers, as they stand in the bytes.
const commonName = '55 04 03';
const organization = '55 04 0a';
const extensionRequest = '2a 86 48 86 f7 0d 01 09 0e';
const alternativeNames = '55 1d 11';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
const inside = ({ content }: Element): readonly Element[] => elementsOf(content) ?? [];

/** Reads a request that is base64 of its PEM form; undefined where it cannot be read. */
export function readRequest(encoded: string): CertificateRequest | undefined {
  const [block] = pemBlocks(textIn(encoded));
  const [said] = (block && elementsOf(block.bytes)?.flatMap(inside)) ?? [];
  if (!said) return undefined;
  const [, subject, key, attributes] = inside(said);
  if (!subject || !key) return undefined;
  const names = inside(subject).flatMap(inside).map(inside);
  const named = (id: string) =>
    names.flatMap(([type, value]) => (type && value && hex(type.content) === id ? [nameIn(value)] : []));
  const others = attributes?.tag === attributesTag ? alternatives(attributes) : [];
  const texts = (wanted: number) =>
    others.filter(({ tag }) => tag === wanted).map(({ content }) => decodeText(content));
  return {
    // Where a name stands twice, the last one counts.
    commonName: named(commonName).at(-1) ?? '',
    organizations: named(organization),
    dnsNames: texts(dnsTag),
    emails: texts(emailTag),
    uris: texts(uriTag),
    addresses: others.filter(({ tag }) => tag === addressTag).map(({ content }) => addressText(content)),
    key: whole(key),
  };
}

function alternatives(attributes: Element): readonly Element[] {
  const asked = inside(attributes)
    .map(inside)
    .filter(([type]) => type && hex(type.content) === extensionRequest)
    .flatMap(([, values]) => (values ? inside(values).flatMap(inside) : []));
  return asked
    .map(inside)
    .filter(([type]) => type && hex(type.content) === alternativeNames)
    .flatMap((parts) => parts.filter(({ tag }) => tag === octetsTag))
    .flatMap(inside)
    .flatMap(inside);
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
  return groups.map((group) => group.toString(16)).join(':');
}

/** The element with its head again. */
function whole({ content }: Element): Uint8Array {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([sequenceTag, ...size, ...content]);
}
