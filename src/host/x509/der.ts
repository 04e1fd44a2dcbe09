/** The distinguished encoding of ASN.1: as much of it as certificates need. */
export const der = {
  sequence: (...parts: readonly Uint8Array[]) => tagged(0x30, ...parts),
  set: (...parts: readonly Uint8Array[]) => tagged(0x31, ...parts),
  octets: (...parts: readonly Uint8Array[]) => tagged(0x04, ...parts),
  utf8: (text: string) => tagged(0x0c, Buffer.from(text, 'utf8')),
  boolean: (value: boolean) => tagged(0x01, Buffer.of(value ? 0xff : 0)),
  integer,
  objectId,
  bits,
  time,
  /** A context tag that wraps: [number] { ... }. */
  explicit: (number: number, ...parts: readonly Uint8Array[]) => tagged(0xa0 | number, ...parts),
  /** A context tag that stands in place of the type's own, for primitive types. */
  implicit: (number: number, bytes: Uint8Array) => tagged(0x80 | number, bytes),
};

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.of(tag, ...lengthBytes(length)), ...parts]);
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  return [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
}

/** Not negative: a leading zero keeps the sign bit clear, and there are no other leading zeros. */
function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const rest = bytes.subarray(start);
  return (rest[0] ?? 0) & 0x80 ? tagged(0x02, Buffer.of(0), rest) : tagged(0x02, rest);
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left % 128));
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function bits(bytes: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.of(unused), bytes);
}

/** Two digits of the year up to 2049, four from then on: the standard wants it so. */
function time(instant: number): Buffer {
  const text = `${new Date(instant).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return text < '2050' ? tagged(0x17, Buffer.from(text.slice(2))) : tagged(0x18, Buffer.from(text));
}
