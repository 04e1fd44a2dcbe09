import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../free-port.test-data.ts';
import { busybox } from './busybox.test-data.ts';
import { encodeCredentials } from './credentials.ts';
import type { EngineClient } from './engine-client.ts';

const program = '/usr/bin/docker-registry';
export const reader = { username: 'reader', password: 'open-sesame' } as const;
/** The same, as htpasswd writes it. */
const line = 'reader:$2b$04$z1xj.4MabZy1tIawPb2Td.3QOK/UeloDQvlhJi/bfXRMuqs9Vn9iC';
const answersTries = 100;
const pauseMs = 50;

/** Why there can be no registry here. In continuous integration on Linux its absence is a failure. */
export function whyNoRegistry(): string | false {
  if (existsSync(program)) return false;
  if (process.env['CI'] === 'true' && process.platform === 'linux') throw new Error(`there is no ${program}`);
  return `there is no ${program}: it comes with Debian's docker-registry`;
}

/** A real registry on this machine, with the test image in it. */
export class TestRegistry {
  readonly host: string;
  /** By name. */
  readonly reference: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(host: string, folder: string, child: ChildProcess) {
    this.host = host;
    this.reference = `${host}/team/tool:1`;
    this.#folder = folder;
    this.#child = child;
  }

  /** `closed` lets nobody in but the reader. */
  static async start(closed: boolean): Promise<TestRegistry> {
    const folder = mkdtempSync(join(tmpdir(), 'registry-'));
    const host = `127.0.0.1:${await freePort()}`;
    writeFileSync(join(folder, 'users'), line);
    const config = [
      'version: 0.1',
      'log: {level: error}',
      `storage: {filesystem: {rootdirectory: ${folder}/data}}`,
      `http: {addr: '${host}'}`,
      ...(closed ? [`auth: {htpasswd: {realm: test, path: ${folder}/users}}`] : []),
    ];
    writeFileSync(join(folder, 'config.yml'), config.join('\n'));
    const child = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
    for (let tries = 0; tries < answersTries && !(await answers(host)); tries++) await sleep(pauseMs);
    return new TestRegistry(host, folder, child);
  }

  /** Puts the test image into it, and answers how it is called by its contents. */
  async push(client: EngineClient): Promise<string> {
    const repo = `${this.host}/team/tool`;
    await client.json('POST', `/images/${busybox}/tag`, { query: { repo, tag: '1' } });
    const headers = { 'x-registry-auth': encodeCredentials({ ...reader, serveraddress: this.host }) };
    const pushed = await client.stream('POST', `/images/${repo}/push`, { query: { tag: '1' }, headers });
    const text = (await buffer(pushed)).toString('utf8');
    const digest = /"Digest":"(sha256:\w+)"/.exec(text)?.[1];
    if (digest === undefined) throw new Error(text);
    return `${repo}@${digest}`;
  }

  /** As a secret of type kubernetes.io/dockerconfigjson has it. */
  get login(): string {
    const auth = Buffer.from(`${reader.username}:${reader.password}`).toString('base64');
    return Buffer.from(JSON.stringify({ auths: { [this.host]: { auth } } })).toString('base64');
  }

  end(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true });
  }
}

const answers = (host: string): Promise<boolean> =>
  fetch(`http://${host}/v2/`).then(
    () => true,
    () => false,
  );
