const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The padded form, as Kubernetes writes bytes in JSON. */
export function encodeBase64(bytes: Uint8Array): string {
  let out = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const three = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    out += letters[three >> 18] as string;
    out += letters[(three >> 12) & 63] as string;
    out += at + 1 < bytes.length ? letters[(three >> 6) & 63] : '=';
    out += at + 2 < bytes.length ? letters[three & 63] : '=';
  }
  return out;
}

const values: ReadonlyMap<string, number> = new Map([...letters].map((letter, value) => [letter, value]));

/** The bytes of a text that is known to be base64; padding and white space count for nothing. */
export function decodeBase64(text: string): Uint8Array {
  const digits = text.replace(/[=\s]/g, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 6) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    held = ((held << 6) | (values.get(digit) ?? 0)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 0xff;
  }
  return bytes;
}
