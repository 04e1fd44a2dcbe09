import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { type Access, pause } from './client.ts';

const program = fileURLToPath(new URL('../src/main/mini-k8s.ts', import.meta.url));
const startMs = 20_000;

export interface RunningServer {
  readonly access: Access;
  stop(): Promise<void>;
}

/** A server of its own: in memory, on any free port, gone afterwards. */
export async function startServer(): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'compat-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const flags = ['--data-dir', ':memory:', '--listen', '127.0.0.1:0', '--kubeconfig', kubeconfig];
  const child = spawn(process.execPath, [program, 'server', ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  for (let waited = 0; !existsSync(kubeconfig); waited += 50) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode} before it was ready`);
    if (waited >= startMs) {
      child.kill('SIGKILL');
      throw new Error(`the server wrote no kubeconfig within ${startMs} ms`);
    }
    await pause(50);
  }
  return {
    access: accessOf(readFileSync(kubeconfig, 'utf8')),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function accessOf(kubeconfig: string): Access {
  const { clusters, users } = parse(kubeconfig);
  const decoded = (text: string) => Buffer.from(text, 'base64').toString('utf8');
  const { cluster } = clusters[0];
  const { user } = users[0];
  return {
    server: cluster.server,
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  };
}
