import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../src/host/free-port.test-data.ts';
import { finished, miniK8s, root, TestCluster, until } from './cluster.ts';

const serves =
  'require("http").createServer((q, r) => r.end(process.env.HOSTNAME)).listen(process.env.PORT, process.env.HOST)';

const objects = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name: 'main',
                image: 'host',
                command: [process.execPath, '-e', serves],
                ports: [{ name: 'http', containerPort: 8080 }],
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
    },
  ],
};

describe('commands that bring a Service to this machine', () => {
  const cluster = new TestCluster();
  const running: ChildProcess[] = [];
  const words = (...more: readonly string[]) => [...more, '--kubeconfig', cluster.kubeconfig];

  /** The first line that a command prints, while it runs on. */
  async function line(...more: readonly string[]): Promise<string> {
    const program = join(root, 'src', 'main', 'mini-k8s.ts');
    const child = spawn(process.execPath, [program, ...words(...more)], { stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(child);
    const lines = createInterface({ input: child.stdout as Readable });
    const [text] = await once(lines, 'line', { signal: AbortSignal.timeout(20_000) });
    return text as string;
  }
  const get = async (port: number | string) =>
    (await finished('curl', ['-sS', '--max-time', '20', `http://127.0.0.1:${port}/`])).out;

  before(async () => {
    await cluster.start();
    const applied = await miniK8s(words('apply', '-f', '-'), JSON.stringify(objects));
    assert.equal(applied.code, 0, applied.err);
  });
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await cluster.clear();
  });

  test('port-forward goes on after the pod was replaced', async () => {
    const port = await freePort();
    assert.equal(await line('port-forward', 'service/web', `${port}:80`), `Forwarding from 127.0.0.1:${port} -> 80`);
    const first = await until('first answer', 20_000, () => get(port));
    assert.match(first, /^web-/);
    await miniK8s(words('delete', 'pod', first));
    // Asked at once: the connection waits until the successor is there.
    const second = await until('answer of the successor', 20_000, async () => {
      const name = await get(port);
      return name !== first && name;
    });
    assert.match(second, /^web-/);
  });

  test('open and tunnel say where a Service is, and it is there', async () => {
    const opened = await line('open', 'web', '--no-browser');
    const found = /^service\/web is at http:\/\/127\.0\.0\.1:(\d+)\/ until/.exec(opened);
    assert.match(await get(found?.[1] ?? opened), /^web-/);
    const tunnelled = await line('tunnel');
    const there = /^default\/web port 80 is at 127\.0\.0\.1:(\d+)$/.exec(tunnelled);
    assert.match(await get(there?.[1] ?? tunnelled), /^web-/);
  });
});
