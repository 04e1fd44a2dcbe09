// What admission costs one create, without decoding, defaults and the store:
//   node bench/admission.ts [creates]
import { configMaps } from '../src/api/kinds/config-map.ts';
import { limitRanges } from '../src/api/kinds/limit-range.ts';
import { namespaces } from '../src/api/kinds/namespace.ts';
import { pods } from '../src/api/kinds/pod.ts';
import { resourceQuotas } from '../src/api/kinds/resource-quota.ts';
import { serviceAccounts } from '../src/api/kinds/service-account.ts';
import type { KubeObject } from '../src/api/object.ts';
import { seeded } from '../src/base/random.ts';
import { builtInPlugins } from '../src/server/admission/built-in.ts';
import { admittedThrough } from '../src/server/admission/door.ts';
import { asked, type Given, storeWith, whole } from '../src/server/admission/plugin.test-data.ts';
import { Authorization } from '../src/server/auth/authorization.ts';
import { KindRegistry } from '../src/server/kinds.ts';
import { SimClock } from '../src/sim/clock.ts';
import { simEnv } from '../src/sim/env.ts';

const creates = Number(process.argv[2] ?? 20_000);
const labels = { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/warn': 'restricted' };
const bare: readonly Given[] = [
  [namespaces, { metadata: { name: 'shop' } } as never],
  [serviceAccounts, { metadata: { name: 'default', namespace: 'shop' } } as never],
];
const limits = [{ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '100m' }, max: { cpu: '2' } }];
const hard = { pods: '100000000', 'requests.cpu': '100000000' };
const status = { hard, used: { pods: '0', 'requests.cpu': '0' } };
const full: readonly Given[] = [
  [namespaces, { metadata: { name: 'shop', labels } } as never],
  [serviceAccounts, { metadata: { name: 'default', namespace: 'shop' } } as never],
  [limitRanges, { metadata: { name: 'l', namespace: 'shop' }, spec: { limits } } as never],
  [resourceQuotas, { metadata: { name: 'q', namespace: 'shop' }, spec: { hard }, status } as never],
];
const pod = whole({ spec: { containers: [{ name: 'c', image: 'nginx' }] } });
const map = whole({ data: { a: 'b' } });

const self = () => Promise.reject(new Error('nobody is asked'));

async function measured(objects: readonly Given[], object: KubeObject, request: ReturnType<typeof asked>) {
  const store = await storeWith(...objects);
  const env = simEnv({ clock: new SimClock(), random: seeded('bench') });
  const authorization = new Authorization([]);
  const { first, last } = builtInPlugins({ env, store, authorization, kinds: new KindRegistry([]), self });
  const plugins = [...first, ...last];
  const rounds: number[] = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let n = 0; n < creates; n++) await admittedThrough(plugins, object, request);
    rounds.push(((performance.now() - start) * 1000) / creates);
  }
  return rounds.sort((a, b) => a - b)[2] as number;
}

const line = (what: string, micros: number) => console.log(`${what.padEnd(56)} ${micros.toFixed(1).padStart(6)} µs`);
line('a ConfigMap', await measured(bare, map, asked(configMaps)));
line('a Pod in a namespace that says nothing', await measured(bare, pod, asked(pods)));
line('a Pod under pod security, limits and a quota', await measured(full, pod, asked(pods)));
