const blockBytes = 512;

export interface TarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
}

/** Plain files as one archive, owned by root and without dates: the same files, the same bytes. */
export function tarOf(files: readonly TarFile[]): Buffer {
  return Buffer.concat([...files.flatMap(entry), Buffer.alloc(2 * blockBytes)]);
}

function entry({ name, bytes, mode }: TarFile): readonly Uint8Array[] {
  const head = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, width: number) =>
    head.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  head.write(name, 0, 'utf8');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes.length, 124, 12);
  octal(0, 136, 12);
  head.write('0', 156, 'latin1');
  head.write('ustar\x0000', 257, 'latin1');
  head.write('        ', 148, 'latin1');
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return [head, bytes, Buffer.alloc((blockBytes - (bytes.length % blockBytes)) % blockBytes)];
}

/** The contents of the first entry; nothing where it is no file. */
export function firstFile(archive: Buffer): Buffer {
  let at = 0;
  // Long names and extended attributes come as entries of their own before the one that they are about.
  while (at + blockBytes <= archive.length && /[xgLK]/.test(archive.toString('latin1', at + 156, at + 157))) {
    at += blockBytes + Math.ceil(bytesAt(archive, at) / blockBytes) * blockBytes;
  }
  if (at + blockBytes > archive.length) return Buffer.alloc(0);
  return archive.subarray(at + blockBytes, at + blockBytes + bytesAt(archive, at));
}

const bytesAt = (archive: Buffer, at: number): number =>
  Number.parseInt(archive.toString('latin1', at + 124, at + 136).replace(/\0.*$/, ''), 8) || 0;
