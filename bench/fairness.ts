/**
 * How long a small GET of one user waits behind the heavy work of another: `node bench/fairness.ts [SECONDS]`. The
 * limit is 50 ms at the 99th percentile. Both users' clients are processes of their own.
 */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { MeasuredServer, ServerUser, samplePod, tokenOf } from './measured-server.ts';

interface Load {
  readonly url: string;
  readonly name: LoadName;
}
interface Figures {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const limitMs = 50;
const podsCount = 10_000;
const probeEveryMs = 4;
const maps = '/api/v1/namespaces/default/configmaps';
const podsPath = '/api/v1/namespaces/default/pods';
const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const bindings = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';
const map = (name: string, data: object = { k: 'v' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { load: 'yes' } },
  data,
});

/** What the heavy user does, for ever, over and over, with so many at a time. */
const loads = {
  nothing: { atOnce: 0, run: async () => {} },
  'a flood of creates, 64 at once': {
    atOnce: 64,
    run: (user: ServerUser) => user.send('POST', maps, { ...map(''), metadata: { generateName: 'flood-' } }),
  },
  'a list of 10,000 pods': { atOnce: 1, run: (user: ServerUser) => user.send('GET', podsPath) },
  'the same, compressed': {
    atOnce: 1,
    run: (user: ServerUser) => user.send('GET', podsPath, undefined, { 'accept-encoding': 'gzip' }),
  },
  'a table of 10,000 pods': {
    atOnce: 1,
    run: (user: ServerUser) =>
      user.send('GET', podsPath, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
  },
  'a selection that finds one of 10,000 pods': {
    atOnce: 4,
    run: (user: ServerUser) => user.send('GET', `${podsPath}?labelSelector=app%3Dnone&fieldSelector=spec.nodeName%3Dx`),
  },
  'the first state of a watch of 10,000 pods': {
    atOnce: 1,
    run: (user: ServerUser) => user.send('GET', `${podsPath}?watch=1&timeoutSeconds=1`),
  },
  'a JSON patch of 10,000 operations': {
    atOnce: 1,
    run: (user: ServerUser) =>
      user.send('PATCH', `${maps}/patched`, longPatch, { 'content-type': 'application/json-patch+json' }),
  },
  'an apply of 10,000 fields': {
    atOnce: 1,
    run: (user: ServerUser) =>
      user.send('PATCH', `${maps}/applied?fieldManager=bench&force=true`, manyFields(), {
        'content-type': 'application/apply-patch+yaml',
      }),
  },
  'a body of 2.9 MB': {
    atOnce: 1,
    run: (user: ServerUser) => user.send('POST', `${maps}?dryRun=All`, fullBody),
  },
  'CEL at its limit': {
    atOnce: 1,
    run: (user: ServerUser) => user.send('POST', `${maps}?dryRun=All`, celFood),
  },
} as const;
type LoadName = keyof typeof loads;

const longPatch = JSON.stringify(
  Array.from({ length: 10_000 }, (_, n) => ({ op: 'add', path: `/data/key-${n}`, value: `${n}` })),
);
let applies = 0;
const manyFields = () =>
  JSON.stringify(
    map('applied', Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, `${applies++}`]))),
  );
const fullBody = JSON.stringify(
  map('full', Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`k${n}`, 'v'.repeat(36)]))),
);
const celFood = { ...map('cel', Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, `${n}`]))) };
celFood.metadata = { name: 'cel', labels: { load: 'cel' } };

if (process.send) process.on('message', (load: Load) => void drive(load));
else await main();

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 4);
  const server = await MeasuredServer.start(['light', 'heavy']);
  try {
    await prepare(server.user('heavy'));
    const light = server.user('light');
    let worst = 0;
    for (const name of (Object.keys(loads) as LoadName[]).filter((name) => name.includes(process.argv[3] ?? ''))) {
      const child = fork(import.meta.filename, [], { stdio: 'inherit' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.send({ url: String(server.url), name } satisfies Load);
      // Until it has all its connections.
      await sleep(1_000);
      const figures = await probe(light, seconds * 1_000);
      child.kill();
      await ended;
      await sleep(500);
      worst = Math.max(worst, figures.p99);
      console.log(JSON.stringify({ bench: 'fairness', behind: name, ...figures }));
    }
    if (worst > limitMs) {
      console.log(`above the limit of ${limitMs} ms`);
      process.exitCode = 1;
    }
  } finally {
    await server.remove();
  }
}

async function prepare(user: ServerUser): Promise<void> {
  await user.send('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  for (const name of ['small', 'patched']) await user.send('POST', maps, map(name));
  await user.sendAll(podsCount, 32, (n) => user.send('POST', podsPath, samplePod(`pod-${n}`)));
  // Each key against each key against each key: more than any budget.
  const expression = 'object.data.all(a, object.data.all(b, object.data.all(c, a + b != c)))';
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }];
  const spec = {
    failurePolicy: 'Fail',
    matchConstraints: { resourceRules: rules, objectSelector: { matchLabels: { load: 'cel' } } },
    validations: [{ expression }],
  };
  await user.sendAll(1, 1, () => user.send('POST', policies, { metadata: { name: 'heavy' }, spec }));
  const bound = { policyName: 'heavy', validationActions: ['Deny'] };
  await user.sendAll(1, 1, () => user.send('POST', bindings, { metadata: { name: 'heavy' }, spec: bound }));
  user.close();
}

async function probe(user: ServerUser, forMs: number): Promise<Figures> {
  const took: number[] = [];
  for (const end = performance.now() + forMs; performance.now() < end; await sleep(probeEveryMs)) {
    const { status, tookMs } = await user.send('GET', `${maps}/small`);
    if (status !== 200) throw new Error(`a small GET was answered ${status}`);
    took.push(tookMs);
  }
  took.sort((a, b) => a - b);
  const at = (part: number) =>
    Number((took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0).toFixed(1));
  return { count: took.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** The heavy user's process, until it is ended. */
async function drive({ url, name }: Load): Promise<void> {
  const { atOnce, run } = loads[name];
  const user = new ServerUser(new URL(url), tokenOf('heavy'));
  const told = new Set<number>();
  const once = async () => {
    const reply = await run(user);
    if (!reply || told.has(reply.status)) return;
    told.add(reply.status);
    if (reply.status >= 300) console.error(`${name}: ${reply.status} ${reply.body.toString().slice(0, 120)}`);
  };
  const forever = async () => {
    // A connection that breaks is opened again, and told.
    for (;;) await once().catch((error: unknown) => console.error(`${name}: ${String(error)}`));
  };
  for (let n = 0; n < atOnce; n++) void forever();
}
