import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, findEngine } from './engine.ts';
import { isEngineError } from './engine-client.ts';

/** An image of one static program, made from a Debian package: no registry is needed. */
export const busybox = 'mini-k8s-test/busybox:3';
const program = '/bin/busybox';
const applets = [
  'sh',
  'sleep',
  'echo',
  'cat',
  'nc',
  'httpd',
  'ls',
  'tar',
  'true',
  'false',
  'id',
  'kill',
  'grep',
  'stat',
  'od',
  'nslookup',
];

/** An engine and an image to test with, or why not. In continuous integration on Linux its absence is a failure. */
export async function testEngine(): Promise<{ readonly engine: Engine } | { readonly missing: string }> {
  const found = await findEngine();
  const missing = 'missing' in found ? `no container engine answers: ${found.missing}` : programMissing();
  if (missing !== undefined) {
    if (process.env['CI'] === 'true' && process.platform === 'linux') throw new Error(missing);
    return { missing };
  }
  const { engine } = found as { readonly engine: Engine };
  await ensureBusybox(engine);
  return { engine };
}

function programMissing(): string | undefined {
  if (process.platform !== 'linux') return 'the test image is made of a Linux program of this machine';
  return existsSync(program) ? undefined : `there is no ${program}: it comes with Debian's busybox-static`;
}

export async function ensureBusybox({ client }: Engine): Promise<void> {
  try {
    await client.json('GET', `/images/${busybox}/json`);
    return;
  } catch (error) {
    if (!isEngineError(error, 404)) throw error;
  }
  const folder = mkdtempSync(join(tmpdir(), 'busybox-image-'));
  try {
    mkdirSync(join(folder, 'bin'));
    mkdirSync(join(folder, 'tmp'));
    mkdirSync(join(folder, 'etc'));
    copyFileSync(program, join(folder, 'bin', 'busybox'));
    for (const applet of applets) symlinkSync('busybox', join(folder, 'bin', applet));
    const bytes = execFileSync('tar', ['-c', '--owner=0', '--group=0', '-C', folder, '.'], { maxBuffer: 32 * 2 ** 20 });
    const [repo, tag] = busybox.split(':');
    await client.json('POST', '/images/create', { query: { fromSrc: '-', repo, tag }, bytes });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
