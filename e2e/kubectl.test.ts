import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl, kubectlVersions } from '../tools/clients.ts';
import { finished, freeNodePort, kubectlOf, programOf, realAddresses, root, TestCluster, until } from './cluster.ts';

const manifest = readFileSync(join(root, 'examples', 'hello', 'hello.yaml'), 'utf8');
/** The promise is one second; a busy machine of continuous integration gets three. */
const healedMs = 3_000;
const loadPauseMs = 5;

for (const version of kubectlVersions) {
  const client = await kubectl(version);
  const skip = 'missing' in client ? client.missing : false;
  describe(`kubectl ${version}`, { skip }, () => {
    const program = 'path' in client ? client.path : '';
    const cluster = new TestCluster();
    let address = '';
    after(() => cluster.clear());
    const kubectl = kubectlOf(program, cluster, ['--request-timeout=60s']);
    const does = (...words: readonly string[]) => kubectl.does(words);
    const pods = async () => (await does('get', 'pods', '-l', 'app=hello', '-o', 'name')).trim().split('\n');

    test('applies a Deployment and a Service, which answers', async () => {
      await cluster.start();
      const port = await freeNodePort();
      await kubectl.does(['apply', '-f', '-'], manifest.replace('30080', String(port)));
      await does('rollout', 'status', 'deployment/hello', '--timeout=20s');
      const clusterIp = await does('get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}');
      address = realAddresses ? `http://${clusterIp}/` : `http://127.0.0.1:${port}/`;
      for (const url of [address, `http://127.0.0.1:${port}/`]) {
        const answer = await until(`answer of ${url}`, 5_000, async () => {
          const asked = await finished('curl', ['-sS', '--max-time', '5', url]);
          return asked.code === 0 && asked.out;
        });
        assert.match(answer, /^Hello from hello-/);
      }
    });

    test('gets, describes and reads logs', async () => {
      const [pod = ''] = await pods();
      assert.match(await does('get', 'pods'), /NAME +READY +STATUS +RESTARTS +AGE\nhello-\S+ +1\/1 +Running/);
      assert.match(await does('get', 'all'), /deployment\.apps\/hello +2\/2/);
      assert.match(await does('describe', 'deployment', 'hello'), /Replicas: +2 desired/);
      assert.match(await does('describe', pod), /Status: +Running/);
      await does('logs', pod);
      assert.match(await does('top', 'pods'), /NAME +CPU\(cores\) +MEMORY\(bytes\) *\nhello-\S+ +\d+m +\d+Mi/);
      assert.match(await does('top', 'nodes'), /node-0 +\d+m +\d+% +\d+Mi +\d+%/);
    });

    test('explains kinds, with what their fields are for', async () => {
      assert.match(
        await does('explain', 'pods.spec.restartPolicy'),
        /Restart policy for all containers within the pod/,
      );
      assert.match(await does('explain', 'deployments.spec.strategy', '--recursive'), /maxSurge\t<IntOrString>/);
    });

    test('sees a killed process replaced', { skip: process.platform !== 'linux' && 'needs /proc' }, async (context) => {
      const [pod = ''] = (await pods()).map((name) => name.slice('pod/'.length));
      const [before] = programOf(pod);
      assert.ok(before, `${pod} has no process`);
      const path =
        '{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready} {.metadata.name}{"\\n"}';
      const watch = spawn(program, [
        ...['--kubeconfig', cluster.kubeconfig, '--request-timeout=60s'],
        ...['get', 'pod', pod, '-w', '-o', `jsonpath=${path}`],
      ]);
      const lines = createInterface({ input: watch.stdout })[Symbol.asyncIterator]();
      const timer = setTimeout(() => watch.kill(), 15_000);
      try {
        assert.match((await lines.next()).value ?? '', /^0 true/);
        const begun = performance.now();
        process.kill(before, 'SIGKILL');
        const after = await until('new process', 15_000, () => programOf(pod).find((pid) => pid !== before));
        const replacedMs = performance.now() - begun;
        for (let line = ''; !line.startsWith('1 true'); ) {
          const next = await lines.next();
          assert.ok(!next.done, `the watch ended and ${pod} was not ready again: ${line}`);
          line = next.value;
        }
        context.diagnostic(`replaced after ${replacedMs.toFixed(0)} ms`);
        context.diagnostic(`ready again after ${(performance.now() - begun).toFixed(0)} ms`);
        assert.notEqual(after, before);
        assert.ok(replacedMs < healedMs, `it took ${replacedMs} ms`);
      } finally {
        clearTimeout(timer);
        watch.kill();
      }
    });

    test('scales', async () => {
      await does('scale', 'deployment/hello', '--replicas=4');
      await does('rollout', 'status', 'deployment/hello', '--timeout=20s');
      assert.equal((await pods()).length, 4);
      await does('scale', 'deployment/hello', '--replicas=2');
      await until('two pods only', 20_000, async () => (await pods()).length === 2);
    });

    test('rolls an update out without one failed request', async (context) => {
      const load = new Load(address);
      await until('request that was answered', 5_000, () => load.answered > 0);
      await does('set', 'env', 'deployment/hello', 'COLOUR=blue');
      await does('rollout', 'status', 'deployment/hello', '--timeout=30s');
      await until('two pods only', 20_000, async () => (await pods()).length === 2);
      await does('rollout', 'undo', 'deployment/hello');
      await does('rollout', 'status', 'deployment/hello', '--timeout=30s');
      assert.match(await does('rollout', 'history', 'deployment/hello'), /\n3 /);
      await load.end();
      context.diagnostic(`${load.answered} requests were answered`);
      assert.deepEqual(load.failures, []);
    });

    test('deletes, and nothing is left when the cluster ends', async () => {
      await does('delete', 'deployment/hello', 'service/hello', '--timeout=30s');
      await until('end of the pods', 20_000, async () => (await pods()).join('') === '');
      assert.equal(await cluster.end(), 0, cluster.log);
      assert.deepEqual(await cluster.remains(), []);
    });
  });
}

/** Requests without a pause to speak of, each on a connection of its own. */
class Load {
  readonly failures: string[] = [];
  answered = 0;
  #ended = false;
  readonly #running: Promise<void>;

  constructor(address: string) {
    this.#running = this.#run(address);
  }

  end(): Promise<void> {
    this.#ended = true;
    return this.#running;
  }

  async #run(address: string): Promise<void> {
    for (; !this.#ended; await sleep(loadPauseMs)) {
      try {
        await answerOf(address);
        this.answered++;
      } catch (error) {
        this.failures.push(`${new Date().toISOString()} ${String(error)}`);
      }
    }
  }
}

function answerOf(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(address, { agent: new Agent({ keepAlive: false }), timeout: 5_000 }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`answered ${response.statusCode}`)),
      );
    })
      .on('timeout', function (this: { destroy(cause: Error): void }) {
        this.destroy(new Error('no answer within 5 s'));
      })
      .on('error', reject);
  });
}

/** In the range of node ports, and nobody's now. */
