import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import { kubectl, kubectlVersions } from '../tools/clients.ts';
import { type Finished, TestCluster, until } from './cluster.ts';

// What kubectl's streaming commands come down to, in both of its protocols: WebSocket, and SPDY where that is forced.

const terminalProgram = '/usr/bin/script';
const commandDeadlineMs = 30_000;
const bigBytes = 2_000_000;

interface Place {
  readonly name: string;
  readonly flags: readonly string[];
  readonly image: string;
  /** A server on port 8080 that answers a GET of /name with its own words. */
  readonly serves: readonly string[];
  readonly skip?: string;
}

const nodeServer =
  'require("http").createServer((q, r) => { let b = ""; q.on("data", (d) => (b += d)); q.on("end", () => ' +
  'r.end(q.method + " " + q.url + " " + b)); }).listen(8080, process.env.POD_IP)';
const engine = await testEngine();
const places: readonly Place[] = [
  {
    name: 'processes of this process',
    flags: ['--runtime', 'process'],
    image: 'host',
    serves: [process.execPath, '-e', nodeServer],
  },
  {
    name: 'processes of another agent',
    flags: ['--runtime', 'process', '--split'],
    image: 'host',
    serves: [process.execPath, '-e', nodeServer],
  },
  {
    name: 'containers',
    flags: ['--runtime', 'docker'],
    image: busybox,
    serves: ['sh', '-c', 'mkdir -p /www/cgi-bin; echo -n "GET /one " > /www/one; exec httpd -f -p 8080 -h /www'],
    ...('missing' in engine ? { skip: engine.missing } : {}),
  },
];

const pod = (name: string, image: string, more: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image, ...more }] },
});
const objects = ({ image, serves }: Place) => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    pod('web', image, { command: serves, ports: [{ containerPort: 8080 }] }),
    pod('talk', image, {
      stdin: true,
      command: ['sh', '-c', 'while read line; do echo "heard $line"; done; sleep 1000'],
    }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ],
});

for (const place of places) {
  describe(`kubectl reaches into ${place.name}`, { skip: place.skip ?? false }, () => {
    const cluster = new TestCluster();
    before(async () => {
      const client = await kubectl('1.36');
      if ('missing' in client) return;
      await cluster.start('up', place.flags);
      const made = new Kubectl(client.path, cluster.kubeconfig, true);
      await until('namespace with its account', 20_000, async () => {
        const applied = await made.run(['apply', '-f', '-'], JSON.stringify(objects(place)));
        return applied.code === 0 || Promise.reject(new Error(applied.err));
      });
      await made.does(['wait', '--for=condition=Ready', 'pod/web', 'pod/talk', '--timeout=25s']);
    });
    after(() => cluster.clear());
    for (const version of kubectlVersions) {
      for (const sockets of [true, false]) {
        describe(`kubectl ${version} over ${sockets ? 'WebSocket' : 'SPDY'}`, () =>
          doors(version, sockets, { cluster, place }));
      }
    }
  });
}

interface Setting {
  readonly cluster: TestCluster;
  readonly place: Place;
}

async function doors(
  version: (typeof kubectlVersions)[number],
  sockets: boolean,
  { cluster, place }: Setting,
): Promise<void> {
  const client = await kubectl(version);
  const skip = 'missing' in client ? client.missing : false;
  const program = 'path' in client ? client.path : '';
  const k = () => new Kubectl(program, cluster.kubeconfig, sockets);
  const nonce = `${version.replace('.', '')}${sockets ? 'w' : 's'}`;

  test('exec tells both outputs and the exit code', { skip }, async () => {
    const { code, out, err } = await k().run([
      'exec',
      'web',
      '-c',
      'main',
      '--',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 3',
    ]);
    assert.deepEqual([code, out], [3, 'out\n']);
    assert.match(err, /^err\ncommand terminated with exit code 3\n$/);
  });

  test('exec passes its input on, and the end of it', { skip }, async () => {
    const big = randomBytes(bigBytes).toString('base64');
    const { code, out } = await k().run(['exec', '-i', 'web', '-c', 'main', '--', 'cat'], big);
    assert.equal(code, 0);
    assert.ok(out === big, `${out.length} of ${big.length} characters came back`);
  });

  test('exec uses the protocol that was asked for', { skip }, async () => {
    const { err } = await k().run(['exec', '-v=8', 'web', '-c', 'main', '--', 'true']);
    assert.match(err, sockets ? /v5\.channel\.k8s\.io/ : /X-Stream-Protocol-Version: v4\.channel\.k8s\.io/i);
    assert.equal(/websocket/i.test(err), sockets);
  });

  test('what is not there is told as such', { skip }, async () => {
    const gone = await k().run(['exec', 'nobody', '--', 'true']);
    assert.deepEqual([gone.code, gone.err], [1, 'Error from server (NotFound): pods "nobody" not found\n']);
    const other = await k().run(['exec', 'web', '-c', 'other', '--', 'true']);
    assert.equal(other.code, 1);
    assert.match(other.err, /container other is not valid for pod web/);
  });

  const terminal = existsSync(terminalProgram) ? skip : `there is no ${terminalProgram}`;
  test('exec in a terminal knows its size and is typed to', { skip: terminal }, async () => {
    const words = k().line(['exec', '-it', 'web', '-c', 'main', '--', 'sh']);
    const said = await typed(words, ['echo sum $((40+2)); stty size\r', 'exit 5\r']);
    assert.match(said.out, /sum 42\r?\n33 77\r?\n/);
    assert.equal(said.code, 5);
  });

  test('cp copies both ways', { skip }, async () => {
    const [from, back] = [join(cluster.folder, `${nonce}-from`), join(cluster.folder, `${nonce}-back`)];
    const there = place.image === 'host' ? join(cluster.folder, `${nonce}-there`) : `/tmp/${nonce}`;
    writeFileSync(from, randomBytes(100_000));
    await k().does(['cp', '-c', 'main', from, `web:${there}`]);
    await k().does(['cp', '-c', 'main', `web:${there}`, back]);
    assert.deepEqual(readFileSync(back), readFileSync(from));
  });

  test('attach speaks to a container and hears it', { skip }, async () => {
    const child = k().spawn(['attach', '-i', 'talk', '-c', 'main']);
    try {
      await lineOf(child, /heard first/, () => child.stdin?.write('first\n'));
      await lineOf(child, /heard second/, () => child.stdin?.write('second\n'));
    } finally {
      await ended(child);
    }
  });

  test('run waits for its input, its output and its exit code', { skip }, async () => {
    const words = ['run', `once-${nonce}`, '--rm', '-i', '--restart=Never', `--image=${place.image}`, '--quiet'];
    const { code, out } = await k().run([...words, '--command', '--', 'sh', '-c', 'cat; sleep 0.2; exit 4'], 'input\n');
    assert.match(out, /^input\n/);
    assert.equal(code, 4);
  });

  test('port-forward carries requests', { skip }, async () => {
    const child = k().spawn(['port-forward', 'pod/web', ':8080', '--address=127.0.0.1']);
    try {
      const line = await lineOf(child, /Forwarding from/);
      const [, port] = /127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      for (let times = 0; times < 3; times++) {
        assert.equal(await (await fetch(`http://127.0.0.1:${port}/one`)).text(), 'GET /one ');
      }
    } finally {
      await ended(child);
    }
  });

  test('debug looks into a running pod', { skip: terminal }, async () => {
    const name = `look-${nonce}`;
    const flags = ['-it', `--image=${place.image}`, '-c', name, '--target=main', '--profile=general'];
    const said = await typed(k().line(['debug', 'web', ...flags, '--', 'sh']), ['echo inside $((2+3))\r', 'exit\r']);
    assert.match(said.out, /inside 5/);
    const path = `{.status.ephemeralContainerStatuses[?(@.name=="${name}")].state.terminated.reason}`;
    await until('end of the ephemeral container', 10_000, async () => {
      return (await k().does(['get', 'pod', 'web', '-o', `jsonpath=${path}`])) === 'Completed';
    });
  });

  test('the proxies reach a pod, a Service and the node', { skip }, async () => {
    const raw = (path: string) => k().does(['get', '--raw', `/api/v1/${path}`]);
    assert.equal(await raw('namespaces/default/pods/web/proxy/one'), 'GET /one ');
    assert.equal(await raw('namespaces/default/pods/http:web:8080/proxy/one'), 'GET /one ');
    assert.equal(await raw('namespaces/default/services/web:80/proxy/one'), 'GET /one ');
    const node = await k().does(['get', 'pod', 'web', '-o', 'jsonpath={.spec.nodeName}']);
    assert.equal(await raw(`nodes/${node}/proxy/healthz`), 'ok');
    const summary = JSON.parse(await raw(`nodes/${node}/proxy/stats/summary`));
    const figures = summary.pods.find((one: { podRef: { name: string } }) => one.podRef.name === 'web');
    assert.ok(figures.containers[0].memory.workingSetBytes > 0);
  });

  test('logs are read', { skip }, async () => {
    assert.match(await k().does(['logs', 'talk', '-c', 'main', '--tail=1']), /^heard second\n$/);
  });
}

class Kubectl {
  readonly #program: string;
  readonly #flags: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  constructor(program: string, kubeconfig: string, sockets: boolean) {
    this.#program = program;
    this.#flags = ['--kubeconfig', kubeconfig];
    const asked = String(sockets);
    this.#environment = {
      ...process.env,
      KUBECTL_REMOTE_COMMAND_WEBSOCKETS: asked,
      KUBECTL_PORT_FORWARD_WEBSOCKETS: asked,
    };
  }

  /** As one line for a shell. */
  line(words: readonly string[]): { readonly text: string; readonly environment: NodeJS.ProcessEnv } {
    const all = [this.#program, ...this.#flags, ...words];
    return { text: all.map((word) => `'${word}'`).join(' '), environment: this.#environment };
  }

  spawn(words: readonly string[]): ChildProcess {
    return spawn(this.#program, [...this.#flags, ...words], { env: this.#environment });
  }

  run(words: readonly string[], input = ''): Promise<Finished> {
    return outcome(this.spawn(words), (child) => child.stdin?.end(input));
  }

  async does(words: readonly string[]): Promise<string> {
    const { code, out, err } = await this.run(words);
    assert.equal(code, 0, `kubectl ${words.join(' ')}: ${out}${err}`);
    return out;
  }
}

async function outcome(child: ChildProcess, speak: (child: ChildProcess) => void): Promise<Finished> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin?.on('error', () => {});
  const deadline = setTimeout(() => child.kill('SIGKILL'), commandDeadlineMs);
  speak(child);
  const [code] = await once(child, 'close');
  clearTimeout(deadline);
  return { code: code ?? -1, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

/** Runs a line in a terminal of 33 by 77, and types each text once the one before has been answered by a prompt. */
async function typed({ text, environment }: ReturnType<Kubectl['line']>, texts: readonly string[]): Promise<Finished> {
  const words = ['-qfe', '--echo', 'never', '-c', `stty rows 33 cols 77; exec ${text}`, '/dev/null'];
  const child = spawn(terminalProgram, words, { env: environment });
  const left = [...texts];
  let shown = '';
  return outcome(child, () => {
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
      // A prompt that came before we were there has to be asked for again.
      const unseen = /press(ing)? enter\.\s*$/.test(shown);
      if (!unseen && !/[#$] (\x1b\[\S+)?$/.test(shown)) return;
      shown = '';
      child.stdin.write(unseen ? '\r' : (left.shift() ?? ''));
    });
  });
}

/** The first line that fits, on either output. */
async function lineOf(child: ChildProcess, wanted: RegExp, speak: () => void = () => {}): Promise<string> {
  const found = new Promise<string>((resolve, reject) => {
    const seen: string[] = [];
    for (const input of [child.stdout, child.stderr]) {
      if (!input) continue;
      createInterface({ input }).on('line', (line) => {
        seen.push(line);
        if (wanted.test(line)) resolve(line);
      });
    }
    const late = () => reject(new Error(`no line fitted ${wanted}: ${seen.join('\n')}`));
    child.once('close', late);
    setTimeout(late, commandDeadlineMs).unref();
  });
  speak();
  return found;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}
