// Sends recorded bodies, changed at random, to a server of ours and to upstream's, and says how far the answers agree.
//   node compat/beside.ts --upstream KUBE_APISERVER,ETCD [--kind Pod] [--seed 1] [--count 2000] [--show 20]
//     [--mode create|update|merge|strategic|json|apply|status|subresource]
// Recorded cases are what was asked once; this is what nobody asked before. What is changed is a dry run. Beside
// them objects of custom kinds are changed (`--kind Plain`, Formatted, Logic or Ruled: these alone).
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MeasuredServer, type ServerUser } from '../bench/measured-server.ts';
import { UpstreamServer } from '../bench/upstream-server.ts';
import { seeded } from '../src/base/random.ts';
import { type Cases, type Digest, readCases } from './cases.ts';
import { Changes } from './changed.ts';
import { customObjects, definitions, definitionsPath } from './custom-kinds.ts';
import { agrees } from './judge.ts';
import { digestOf } from './normal.ts';
import { differences, edited, isObject } from './tree.ts';
import { type Base, nameOf, type Target, targetsOf, type Way } from './ways.ts';

const { values: flags } = parseArgs({
  options: {
    upstream: { type: 'string' },
    mode: { type: 'string', default: 'create' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '2000' },
    kind: { type: 'string' },
    show: { type: 'string', default: '20' },
  },
});
const run = 'rzq';
const user = 'beside';
const atOnce = 8;
const shownTextMax = 500;
/** Upstream takes a while to serve a kind that it has accepted. */
const establishedMs = 6_000;

type Both<T> = readonly [own: T, upstream: T];
interface Asked {
  readonly body?: unknown;
  readonly type?: string | undefined;
  /** The path of what is changed. */
  readonly object?: string;
}
type Ask = (method: string, path: string, asked?: Asked) => Promise<Both<Digest>>;

/** Bodies that a real server took, with what they stand for put in. */
function basesOf({ cases, objects }: Cases): readonly Base[] {
  const custom = customObjects.filter(({ kind }) => !flags.kind || flags.kind === kind);
  const recorded = cases.flatMap(({ id, section, kind, steps: [step], answers: [answer] }) => {
    if (section !== 'create' || step?.method !== 'POST' || step.headers || step.raw || answer?.code !== 201) return [];
    const body = step.ref === undefined ? step.body : edited(objects.get(step.ref), step.edit);
    const text = JSON.stringify({ path: step.path.split('?')[0], body }).replaceAll('{{run}}', run);
    if (text.includes('{{') || (flags.kind && flags.kind !== kind)) return [];
    const base = JSON.parse(text) as Pick<Base, 'path' | 'body'>;
    return isObject(base.body) ? [{ id, kind, ...base }] : [];
  });
  return [...recorded, ...custom];
}

function asking(users: Both<ServerUser>): Ask {
  return async (method, path, { body, type, object = path } = {}) => {
    const known = JSON.stringify(body ?? '');
    const step = { method, path, managed: true };
    const asked = users.map(async (each) => {
      const headers = { 'user-agent': 'oracle', ...(type === undefined ? {} : { 'content-type': type }) };
      try {
        const said = method === 'PUT' ? await withRevision(each, object, body) : body;
        const { status, body: bytes } = await each.send(method, path, said, headers);
        const answer = { code: status, type: 'application/json', warnings: [], text: bytes.toString() };
        return digestOf(answer, { known, run, step });
      } catch {
        return { code: 0 };
      }
    });
    return (await Promise.all(asked)) as unknown as Both<Digest>;
  };
}

/** Some kinds are only updated by who says what was seen, and the two servers count on their own. */
async function withRevision(user: ServerUser, path: string, body: unknown): Promise<unknown> {
  if (!isObject(body) || !isObject(body.metadata) || 'resourceVersion' in body.metadata) return body;
  const seen = JSON.parse((await user.send('GET', path)).body.toString());
  return { ...body, metadata: { ...body.metadata, resourceVersion: seen.metadata?.resourceVersion } };
}

/** Makes the objects that are changed later, and the namespaces that all of them live in. */
async function prepared(ask: Ask, bases: readonly Base[]): Promise<readonly Base[]> {
  const namespaces = new Set(bases.map(({ path }) => /\/namespaces\/([^/]+)\//.exec(path)?.[1] ?? 'default'));
  for (const name of namespaces) {
    await ask('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
    await ask('POST', `/api/v1/namespaces/${name}/serviceaccounts`, { body: { metadata: { name: 'default' } } });
  }
  for (const definition of definitions) await ask('POST', definitionsPath, { body: definition });
  await sleep(establishedMs);
  if (flags.mode === 'create') return bases;
  const made = new Map<string, Base>();
  for (const base of bases) {
    const key = `${base.path}/${nameOf(base)}`;
    if (!nameOf(base) || made.has(key)) continue;
    const [own, upstream] = await ask('POST', base.path, { body: base.body });
    if (own.code === 201 && upstream.code === 201) made.set(key, base);
  }
  return [...made.values()];
}

async function compared(ask: Ask, all: readonly Base[]): Promise<void> {
  const targets = targetsOf(flags.mode, await prepared(ask, all));
  const random = seeded(`beside ${flags.seed}`);
  const changes = new Changes(random);
  for (const { kind, body } of flags.mode === 'create' ? all : [...all, ...targets]) changes.learn(kind, body);
  const rest = { type: 'case', section: 'beside', fixture: '', steps: [], answers: [] } as const;
  let [tried, agreed, shown] = [0, 0, 0];
  const one = async ({ id, kind, path, object }: Target, { method, type, query = '' }: Way, body: unknown) => {
    const [own, upstream] = await ask(method, `${path}?dryRun=All${query}`, { body, type, object });
    // What ends upstream's request says nothing.
    if (upstream.code === 0) return;
    tried++;
    if (agrees({ ...rest, id, kind }, upstream, own)) agreed++;
    else if (shown++ < Number(flags.show)) show(`${id} ${type ?? method} ${shortText(body)}`, upstream, own);
  };
  const jobs = Array.from({ length: Number(flags.count) }, () => {
    const target = targets[random.below(targets.length)] as Target;
    const way = target.ways[random.below(target.ways.length)] as Way;
    const edit = changes.of(target.kind, target.body, flags.mode !== 'create');
    return { target, way, body: edit && way.bodyOf(random, target.body, edit) };
  });
  const next = jobs.values();
  const work = async () => {
    for (const { target, way, body } of next) if (body !== undefined) await one(target, way, body);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  console.log(`${flags.mode}: ${agreed} of ${tried} agree, ${((100 * agreed) / tried).toFixed(2)} %`);
}

const shortText = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, shownTextMax);

function show(asked: string, upstream: Digest, own: Digest): void {
  console.log(asked);
  for (const { place, expected, actual } of differences(upstream, own)) {
    console.log(`  ${place}\n    upstream ${shortText(expected)}\n    own      ${shortText(actual)}`);
  }
}

const [apiServer, etcd] = (flags.upstream ?? '').split(',');
if (!apiServer || !etcd) throw new Error('--upstream KUBE_APISERVER,ETCD: two programs are needed to compare with');
const own = await MeasuredServer.start([user]);
const upstream = await UpstreamServer.start([user], { apiServer, etcd });
const users: Both<ServerUser> = [own.user(user), upstream.user(user)];
try {
  const cases = readCases(fileURLToPath(new URL('cases.jsonl.br', import.meta.url)));
  await compared(asking(users), basesOf(cases));
} finally {
  for (const each of users) each.close();
  await Promise.all([own.remove(), upstream.remove()]);
}
