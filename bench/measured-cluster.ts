import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Client } from '../src/client/client.ts';
import { httpTransport } from '../src/host/http/client.ts';
import { readKubeconfig } from '../src/host/kubeconfig-file.ts';

const program = join(import.meta.dirname, '..', 'bin', 'mini-k8s.cjs');
const bytesPerMegabyte = 1e6;
const bytesPerKilobyte = 1024;
/** What /proc counts processor time in, on every Linux that Node runs on. */
const ticksPerSecond = 100;
// Behind the name, which may hold spaces and parentheses: state is the third field of the line, utime the 14th.
const userTimeAfterName = 11;
const systemTimeAfterName = 12;

/** A mini-k8s of the built files, in a process of its own, with a data folder that goes with it. */
export class MeasuredCluster {
  readonly readyMs: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, readyMs: number) {
    this.#child = child;
    this.#folder = folder;
    this.readyMs = readyMs;
  }

  /** Resolved at the ready line. `folder` starts it on what an earlier one left. */
  static async start(words: readonly string[], folder = mkdtempSync(join(tmpdir(), 'mini-k8s-bench-'))) {
    const begun = performance.now();
    const where = ['--data-dir', folder, '--kubeconfig', join(folder, 'kubeconfig'), '--listen', '127.0.0.1:0'];
    const child = spawn(process.execPath, [program, ...words, ...where, '--log-level', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout as Readable }).once('line', () => resolve());
      child.once('exit', (code) => reject(new Error(`mini-k8s ${words.join(' ')} ended with ${code} before ready`)));
    });
    return new MeasuredCluster(child, folder, performance.now() - begun);
  }

  client(): Client {
    return new Client(httpTransport(readKubeconfig(join(this.#folder, 'kubeconfig'))));
  }

  /** Of this process alone: pods and their shims are not the cluster's own. Linux only. */
  residentMegabytes(): number {
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(this.#proc('status'))?.[1]);
    return (kilobytes * bytesPerKilobyte) / bytesPerMegabyte;
  }

  /** Processor time so far, user and system. Linux only. */
  processorSeconds(): number {
    const line = this.#proc('stat');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[userTimeAfterName]) + Number(fields[systemTimeAfterName])) / ticksPerSecond;
  }

  /** Ends it as its user would, pods too; answers its folder, which stays. */
  async end(): Promise<string> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
    return this.#folder;
  }

  async remove(): Promise<void> {
    rmSync(await this.end(), { recursive: true, force: true });
  }

  #proc(file: string): string {
    return readFileSync(`/proc/${this.#child.pid}/${file}`, 'utf8');
  }
}
