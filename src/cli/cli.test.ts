import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { Draft } from '../api/object.ts';
import type { Env, Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { never, StopSource } from '../base/stop.ts';
import { act } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { ApiServer } from '../server/server.ts';
import { MemoryStore } from '../store/memory.ts';
import type { World } from './command.ts';
import { clusterCommands } from './commands.ts';
import { runCommand } from './run.ts';

const admin = { name: 'admin', groups: ['system:masters', 'system:authenticated'], extra: {} };

/** A world whose clock stands still: nothing here waits for time. */
function stillEnv(): Env {
  const nothing = () => {};
  const empty = () => new Uint8Array();
  return {
    clock: { now: () => 1_000_000 as Instant, monotonic: () => 0, after: () => nothing },
    random: seeded('cli'),
    log: { debug: nothing, info: nothing, error: nothing },
    metrics: { count: nothing, gauge: nothing, observe: nothing },
    crypto: { digest: () => '', seal: empty, open: empty, sign: empty, verify: () => false },
  };
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** A server in this process, and a way to run commands against it. */
async function cluster(files: Readonly<Record<string, string>> = {}) {
  const env = stillEnv();
  // Nobody here makes service accounts.
  const admission = { disable: ['ServiceAccount'] };
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443', admission });
  const client = new Client(server.handle, admin);
  await bootstrap(client, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 });
  const contents: Record<string, string> = { ...files };
  const run = async (line: string, how: { stdin?: string; stop?: StopSource } = {}): Promise<Said> => {
    let out = '';
    let error = '';
    const world: World = {
      io: {
        out: (text) => {
          out += text;
        },
        error: (text) => {
          error += text;
        },
        read: async (path) => {
          const text = contents[path];
          if (text !== undefined) return { text };
          const folder = Object.keys(contents).filter((name) => name.startsWith(`${path}/`));
          if (folder.length > 0) return { folder };
          throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
        },
        stdin: async () => how.stdin ?? '',
      },
      clock: env.clock,
      environment: {},
      stop: how.stop ?? never,
      version: '0.1.0',
      connect: async () => ({ client, namespace: 'default' }),
      listen: async () => Promise.reject(new Error('nothing listens here')),
      browse: async () => false,
    };
    const code = await runCommand(clusterCommands, line.split(' ').filter(Boolean), world);
    return { code, out, error };
  };
  return { client, run, contents };
}

const web = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: file:web
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        resources: {requests: {cpu: 1000m}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
`;

test('apply creates, then changes nothing, then changes what differs and removes what was left out', async () => {
  const { run, contents } = await cluster({ 'web.yaml': web });
  deepEqual(await run('apply -f web.yaml'), {
    code: 0,
    out: 'deployment.apps/web created\nservice/web created\n',
    error: '',
  });
  const again = 'deployment.apps/web unchanged\nservice/web unchanged\n';
  deepEqual(await run('apply web.yaml'), { code: 0, out: again, error: '' });
  contents['web.yaml'] = web
    .replace(', {name: B, value: "2"}', '')
    .replace('file:web', 'file:web2')
    .replace('  labels: {app: web}\n', '');
  equal((await run('apply -f web.yaml')).out, 'deployment.apps/web configured\nservice/web unchanged\n');
  const shown = JSON.parse((await run('get deploy web -o json')).out);
  deepEqual(shown.spec.template.spec.containers[0].env, [{ name: 'A', value: '1' }]);
  equal(shown.spec.template.spec.containers[0].image, 'file:web2');
  equal(shown.metadata.labels, undefined);
  equal((await run('apply -f web.yaml')).out, again);
});

test('apply leaves alone what others have set', async () => {
  const { run } = await cluster({ 'web.yaml': web.replace('  replicas: 2\n', '') });
  await run('apply -f web.yaml');
  equal((await run('scale 5')).out, 'deployment.apps/web scaled\n');
  equal((await run('apply -f web.yaml')).out, 'deployment.apps/web unchanged\nservice/web unchanged\n');
  equal(JSON.parse((await run('get deploy/web -o json')).out).spec.replicas, 5);
});

test('apply reads folders, lists and standard input', async () => {
  const config = (name: string) => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"}}`;
  const list = `{"apiVersion":"v1","kind":"List","items":[${config('b')},${config('c')}]}`;
  const { run } = await cluster({
    'all/2.json': list,
    'all/1.yml': `# first\n---\n${config('a')}`,
    'all/readme.md': '{',
  });
  equal((await run('apply -f all')).out, 'configmap/a created\nconfigmap/b created\nconfigmap/c created\n');
  equal((await run('apply -f -', { stdin: config('a') })).out, 'configmap/a unchanged\n');
});

const mistakes: readonly (readonly [string, string, RegExp])[] = [
  ['malformed YAML', 'apiVersion: v1\nkind: [\n', /^bad\.yaml:3:1: .+\n$/],
  ['a duplicate key', 'apiVersion: v1\nkind: ConfigMap\nkind: Pod\n', /^bad\.yaml:3:1: Map keys must be unique\n$/],
  [
    'an unknown field',
    web.replace('replicas:', 'replica:'),
    /^bad\.yaml:7:3: spec\.replica: unknown field: did you mean replicas\?\n$/,
  ],
  [
    'a wrong type',
    web.replace('replicas: 2', 'replicas: two'),
    /^bad\.yaml:7:3: spec\.replicas: must be a whole number, not the text "two"\n$/,
  ],
  [
    'a wrong type inside a list',
    web.replace('value: "1"', 'value: 1'),
    /^bad\.yaml:15:25: spec\.template\.spec\.containers\[0\]\.env\[0\]\.value: must be a text \(put it in quotes\)/,
  ],
  [
    'an unknown kind',
    'apiVersion: v1\nkind: Pods\nmetadata: {name: x}\n',
    /^bad\.yaml:2:\d+: kind: no matches for kind "Pods"/,
  ],
  ['no kind', 'apiVersion: v1\nmetadata: {name: x}\n', /^bad\.yaml:1:1: kind is missing\n$/],
  ['no name', 'apiVersion: v1\nkind: Pod\n', /^bad\.yaml:1:1: metadata\.name: is missing\n$/],
  ['a text', 'hello\n', /^bad\.yaml:1:1: an object was expected/],
];
for (const [what, text, expected] of mistakes) {
  test(`apply tells ${what} with file, line, column and field, and applies nothing`, async () => {
    const { run } = await cluster({ 'bad.yaml': text, 'good.yaml': web });
    const said = await run('apply -f good.yaml -f bad.yaml');
    equal(said.code, 1);
    match(said.error, expected);
    equal(said.out, '');
    equal((await run('get deployments')).error, 'No resources found in default namespace.\n');
  });
}

test('commands answer wrong words with exit code 2 and one line', async () => {
  const { run } = await cluster();
  const lines: readonly (readonly [string, string])[] = [
    ['aply', 'mini-k8s: unknown command "aply": did you mean apply?\n'],
    ['apply', 'mini-k8s: apply needs a file, a folder or -: mini-k8s apply -f FILE\n'],
    ['apply -f none.yaml', 'mini-k8s: the path "none.yaml" does not exist\n'],
    ['get', 'mini-k8s: get needs a type of objects: mini-k8s get pods\n'],
    ['get pods -o table', 'mini-k8s: --output must be one of wide, yaml, json, name, not "table"\n'],
    ['scale web many', 'mini-k8s: "many" is not a number of replicas (0 to 2147483647): mini-k8s scale NAME N\n'],
    ['logs', 'mini-k8s: logs needs a pod: mini-k8s logs POD, or TYPE/NAME\n'],
    [
      'port-forward web',
      'mini-k8s: port-forward needs a target and a port: mini-k8s port-forward service/web 8080:80\n',
    ],
    ['port-forward web 1:2:3', 'mini-k8s: "1:2:3" is no port: it must be REMOTE, LOCAL:REMOTE or :REMOTE\n'],
    ['port-forward web 70000', 'mini-k8s: "70000" is no port: it must be REMOTE, LOCAL:REMOTE or :REMOTE\n'],
    ['open', 'mini-k8s: open needs one Service: mini-k8s open SERVICE\n'],
    ['delete pods', 'mini-k8s: name the objects, or say --all or -l LABELS\n'],
  ];
  for (const [line, error] of lines) {
    const said = await run(line);
    deepEqual([said.code, said.error.replace('-o must', '--output must'), said.out], [2, error, ''], line);
  }
});

test('commands tell what the cluster does not have', async () => {
  const { run } = await cluster();
  equal((await run('get deploy web')).error, 'Error from server (NotFound): deployments.apps "web" not found\n');
  equal((await run('get podz')).error, 'error: the server doesn\'t have a resource type "podz": did you mean pods?\n');
  equal((await run('scale 3')).error, 'error: there is no Deployment in namespace default\n');
  equal((await run('delete cm none --ignore-not-found')).code, 0);
  deepEqual(await run('delete cm none'), {
    code: 1,
    out: '',
    error: 'Error from server (NotFound): configmaps "none" not found\n',
  });
});

test('get prints the tables of the server as kubectl does', async () => {
  const { run } = await cluster({ 'web.yaml': web });
  await run('apply -f web.yaml');
  match(
    (await run('get deployment')).out,
    /^NAME {3}READY {3}UP-TO-DATE {3}AVAILABLE {3}AGE\nweb {4}0\/2 {5}0 {12}0 {11}\d+s\n$/,
  );
  match((await run('get svc -A')).out, /^NAMESPACE {3}NAME {9}TYPE {8}CLUSTER-IP/);
  match(
    (await run('get deploy,svc')).out,
    /^NAME {18}READY[\s\S]+deployment\.apps\/web[\s\S]+\n\nNAME {17}TYPE[\s\S]+service\/web/,
  );
  equal((await run('get deploy,svc -o name -l app=web')).out, 'deployment.apps/web\n');
  match((await run('get svc web -o yaml')).out, /^apiVersion: v1\nkind: Service\nmetadata:\n {2}annotations:/);
});

test('get -w prints each change in the same columns until it is interrupted', async () => {
  const { run, client } = await cluster({ 'web.yaml': web });
  await run('apply -f web.yaml');
  const stop = new StopSource();
  const watching = run('get deploy -w', { stop });
  await new Promise((resolve) => setImmediate(resolve));
  await run('scale web 3');
  await new Promise((resolve) => setImmediate(resolve));
  stop.stop();
  const { out, code } = await watching;
  equal(code, 0);
  match(out, /^NAME.+\nweb {4}0\/2 .+\nweb {4}0\/3 .+\n$/);
  equal((await client.list(pods)).items.length, 0);
});

test('delete waits for what is held by a finalizer, until it is gone', async () => {
  const held = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","finalizers":["example.org/hold"]}}';
  const { run, client } = await cluster({ 'held.json': held });
  await run('apply -f held.json');
  let ended = false;
  const deleting = run('delete configmap held').finally(() => {
    ended = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  equal(ended, false);
  const key = { namespace: 'default', name: 'held' };
  await client.send(act({ verb: 'patch', kind: configMaps, key, patch: { metadata: { finalizers: null } } }));
  deepEqual(await deleting, { code: 0, out: 'configmap "held" deleted from default namespace\n', error: '' });
});

test('logs tell why there are none', async () => {
  const { run, client } = await cluster({ 'web.yaml': web });
  await run('apply -f web.yaml');
  equal((await run('logs deployment/web')).error, 'error: deployment/web has no pods at the moment\n');
  equal((await run('logs p --since soon')).code, 2);
  const pod: Draft<Pod> = {
    metadata: { name: 'p', namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'host' }] },
  };
  await client.send(act({ verb: 'create', kind: pods, object: pod }));
  deepEqual(await run('logs deployment/web'), { code: 0, out: '', error: '' });
  equal((await run('logs p -c d')).error, 'Error from server (BadRequest): container d is not valid for pod p\n');
});

test('delete removes by file and by name, and waits until all is gone', async () => {
  const { run } = await cluster({ 'web.yaml': web });
  await run('apply -f web.yaml');
  deepEqual(await run('delete -f web.yaml'), {
    code: 0,
    out: 'deployment.apps "web" deleted from default namespace\nservice "web" deleted from default namespace\n',
    error: '',
  });
});

test('status tells what should be, what is and why, in words', async () => {
  const { run, client } = await cluster({ 'web.yaml': web });
  await run('apply -f web.yaml');
  const node: Draft<Node> = {
    metadata: { name: 'node-0' },
    spec: {},
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  await client.send(act({ verb: 'create', kind: nodes, object: node }));
  const pod: Draft<Pod> = {
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'host' }] },
  };
  await client.send(act({ verb: 'create', kind: pods, object: pod }));
  const { out } = await run('status');
  match(out, /^RECONCILING\n\nNODE {5}STATUS/);
  match(out, /default {5}web {10}2 {9}0 {7}0 {12}RECONCILING: a change has not been seen yet\n/);
  match(out, /default {5}web +ClusterIP {3}0\/0 {5}10\.96\.\d+\.\d+:80\n/);
  match(
    out,
    /ATTENTION\n[\s\S]*pod default\/p is pending: no scheduler has looked at it yet\n {2}service default\/web selects app=web, which no pod has\n$/,
  );
  equal(JSON.parse((await run('status -o json')).out).state, 'RECONCILING');
});

test('version and help speak for themselves', async () => {
  const { run } = await cluster();
  equal((await run('version')).out, 'Client Version: v0.1.0\nServer Version: v1.36.3\n');
  match((await run('help')).out, /Commands:\n {2}status +What should be/);
  match(
    (await run('scale --help')).out,
    /Usage: mini-k8s scale \[NAME \| TYPE\/NAME\] N \[flags\]\n\nFlags:\n {2}--replicas N +how many/,
  );
});
