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
