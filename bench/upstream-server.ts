import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../src/host/free-port.test-data.ts';
import {
  type Measured,
  processorMicrosecondsOf,
  residentMegabytesOf,
  ServerUser,
  tokenFileOf,
  tokenOf,
} from './measured-server.ts';

const longestStartMs = 60_000;
const lookMs = 20;

export interface Programs {
  readonly apiServer: string;
  readonly etcd: string;
}

/** Upstream's kube-apiserver with an etcd of its own, as programs that somebody has: measured as ours is. */
export class UpstreamServer implements Measured {
  readonly readyMs: number;
  readonly url: URL;
  readonly #folder: string;
  readonly #children: readonly ChildProcess[];

  private constructor(url: URL, folder: string, children: readonly ChildProcess[], readyMs: number) {
    this.url = url;
    this.#folder = folder;
    this.#children = children;
    this.readyMs = readyMs;
  }

  static async start(users: readonly string[], programs: Programs): Promise<UpstreamServer> {
    const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-bench-upstream-'));
    const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
    const [tokens, key] = [join(folder, 'tokens.csv'), join(folder, 'key.pem')];
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(tokens, tokenFileOf(users));
    writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const begun = performance.now();
    const etcd = spawn(programs.etcd, [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${client}`,
      `--advertise-client-urls=http://127.0.0.1:${client}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      '--log-level=error',
    ]);
    const server = spawn(programs.apiServer, [
      `--etcd-servers=http://127.0.0.1:${client}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(folder, 'certificates')}`,
      `--token-auth-file=${tokens}`,
      '--authorization-mode=Node,RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--allow-privileged=true',
    ]);
    let said = '';
    for (const child of [etcd, server]) child.stderr?.on('data', (bytes) => (said = (said + bytes).slice(-4_000)));
    const url = new URL(`https://127.0.0.1:${port}`);
    const upstream = (readyMs: number) => new UpstreamServer(url, folder, [server, etcd], readyMs);
    const user = new ServerUser(url, tokenOf(users[0] ?? ''));
    try {
      while ((await user.send('GET', '/readyz').catch(() => undefined))?.status !== 200) {
        if (performance.now() - begun > longestStartMs) throw new Error('upstream did not become ready');
        if (etcd.exitCode !== null || server.exitCode !== null) throw new Error('upstream ended before it was ready');
        await sleep(lookMs);
      }
    } catch (error) {
      await upstream(0).remove();
      throw new Error(`${error}:\n${said}`);
    } finally {
      user.close();
    }
    return upstream(performance.now() - begun);
  }

  user(name: string): ServerUser {
    return new ServerUser(this.url, tokenOf(name));
  }

  residentMegabytes(): number {
    return this.#children.reduce((sum, child) => sum + residentMegabytesOf(child), 0);
  }

  processorMicroseconds(): number {
    return this.#children.reduce((sum, child) => sum + processorMicrosecondsOf(child), 0);
  }

  async remove(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // It has nothing to keep.
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
