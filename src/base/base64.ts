import { decodeText } from './json.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
const padding = '='.charCodeAt(0);

/**
 * The padded form, as Kubernetes writes bytes in JSON. Made as bytes: a megabyte that is put together letter by letter
 * is a million texts to be collected.
 */
export function encodeBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  const whole = bytes.length - (bytes.length % 3);
  let to = 0;
  for (let at = 0; at < whole; at += 3, to += 4) {
    const three = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    out[to] = codes[three >> 18] as number;
    out[to + 1] = codes[(three >> 12) & 63] as number;
    out[to + 2] = codes[(three >> 6) & 63] as number;
    out[to + 3] = codes[three & 63] as number;
  }
  if (whole < bytes.length) {
    const rest = ((bytes[whole] as number) << 16) | ((bytes[whole + 1] ?? 0) << 8);
    out[to] = codes[rest >> 18] as number;
    out[to + 1] = codes[(rest >> 12) & 63] as number;
    out[to + 2] = whole + 1 < bytes.length ? (codes[(rest >> 6) & 63] as number) : padding;
    out[to + 3] = padding;
  }
  return decodeText(out);
}

const values = new Uint8Array(128);
for (let value = 0; value < codes.length; value++) values[codes[value] as number] = value;

/** The bytes of a text that is known to be base64; padding and white space count for nothing. */
export function decodeBase64(text: string): Uint8Array {
  const digits = text.replace(/[=\s]/g, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 6) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < digits.length; index++) {
    held = ((held << 6) | (values[digits.charCodeAt(index)] ?? 0)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 0xff;
  }
  return bytes;
}
