import type { Kind } from '../api/kind.ts';
import { type ConfigMap, configMaps } from '../api/kinds/config-map.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { leases } from '../api/kinds/lease.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { nodes } from '../api/kinds/node.ts';
import { pods } from '../api/kinds/pod.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { services } from '../api/kinds/service.ts';
import type { Draft, Key, KubeObject } from '../api/object.ts';
import { assert } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { type Action, act } from '../client/action.ts';
import { checkConverged, checkQuiet } from './converged.ts';
import { durationOf, type Line, type Stage } from './scenario.ts';
import { plainKind, plainVerbs } from './scenario-objects.ts';
import { burn, endPod, evictPod, workloadDrafts, workloadKinds } from './scenario-workloads.ts';
import { deploymentOf, serviceOf } from './workload.ts';

/** Does something to the cluster. Most answer nothing. */
export type Verb = (stage: Stage, line: Line) => Promise<string | undefined>;

const kinds: Readonly<Record<string, Kind>> = {
  deployment: deployments as unknown as Kind,
  replicaset: replicaSets as unknown as Kind,
  pod: pods as unknown as Kind,
  service: services as unknown as Kind,
  node: nodes as unknown as Kind,
  namespace: namespaces as unknown as Kind,
  configmap: configMaps as unknown as Kind,
  ...workloadKinds,
};
const kindOf = (name: string): Kind => {
  const kind = kinds[name] ?? plainKind(name);
  assert(kind, `there is no kind ${name}`);
  return kind;
};

const send = async (stage: Stage, action: Action): Promise<undefined> => {
  await stage.cluster.admin.send(action);
};
const keyOf = (stage: Stage, kind: Kind, { words, settings }: Line): Key => ({
  namespace: kind.namespaced ? (settings['in'] ?? 'default') : '',
  name: stage.names.long(words[2] ?? ''),
});
const patched = (stage: Stage, line: Line, patch: Json, type: 'merge' | 'strategic-merge' = 'merge') => {
  const kind = kindOf(line.words[1] ?? '');
  return send(stage, act({ verb: 'patch', type, kind, key: keyOf(stage, kind, line), patch }));
};
/** A verb about a host or a node, which it names first. */
const onHost =
  (run: (stage: Stage, host: string, line: Line) => void | Promise<void>): Verb =>
  async (stage, line) => {
    await run(stage, line.words[1] ?? '', line);
    return undefined;
  };
/** `disk:ssd` */
const pair = (text: string | undefined): Readonly<Record<string, string>> | undefined => {
  if (text === undefined) return undefined;
  const [key = '', value = ''] = text.split(':');
  return { [key]: value };
};

export const verbs: Readonly<Record<string, Verb>> = {
  ...plainVerbs,
  create: (stage, line) => {
    const { words, settings } = line;
    const [, what = '', name = ''] = words;
    if (what === 'node') {
      stage.cluster.startNode(name, pair(settings['label']) ?? {});
      return Promise.resolve(undefined);
    }
    const draft = drafts[what];
    assert(draft, `nothing is known of how to create a ${what}`);
    return send(stage, act({ verb: 'create', kind: kindOf(what), object: draft(name, settings) }));
  },
  scale: (stage, line) => patched(stage, line, { spec: { replicas: Number(line.words[3]) } }),
  image: (stage, line) => {
    const container = { name: 'main', image: line.words[3] ?? '' };
    return patched(stage, line, { spec: { template: { spec: { containers: [container] } } } }, 'strategic-merge');
  },
  label: (stage, line) => patched(stage, line, { metadata: { labels: pair(line.words[3]) ?? {} } }),
  finalizers: (stage, line) => patched(stage, line, { metadata: { finalizers: line.words.slice(3) } }),
  pause: (stage, line) => patched(stage, line, { spec: { paused: true } }),
  resume: (stage, line) => patched(stage, line, { spec: { paused: null } }),
  cordon: (stage, line) => patched(stage, line, { spec: { unschedulable: true } }),
  uncordon: (stage, line) => patched(stage, line, { spec: { unschedulable: null } }),
  taint: (stage, line) => {
    const [key = '', effect = ''] = (line.words[3] ?? '').split(':');
    return patched(stage, line, { spec: { taints: [{ key, effect }] } });
  },
  untaint: (stage, line) => patched(stage, line, { spec: { taints: null } }),
  delete: (stage, line) => {
    const kind = kindOf(line.words[1] ?? '');
    const { settings } = line;
    const cascade = settings['cascade'] as 'Background' | 'Foreground' | 'Orphan' | undefined;
    const how = {
      ...(settings['grace'] ? { graceSeconds: Number(settings['grace']) } : {}),
      ...(cascade ? { propagation: cascade } : {}),
    };
    return send(stage, act({ verb: 'delete', kind, key: keyOf(stage, kind, line), ...how }));
  },
  kill: async ({ cluster, names }, { words }) => {
    const [, what, name = ''] = words;
    if (what === 'node') cluster.powerOff(name);
    else {
      const pod = (await cluster.admin.list(pods)).items.find(({ metadata }) => metadata.name === names.long(name));
      assert(pod, `there is no pod ${name}`);
      const runtime = cluster.runtimes.get(pod.spec.nodeName ?? '');
      const mine = runtime?.seen().containers.filter(({ sandbox }) => sandbox === pod.metadata.uid) ?? [];
      for (const { id } of mine) runtime?.end(id, 1);
    }
    return undefined;
  },
  end: endPod,
  evict: evictPod,
  burn,
  /** Which process of controllers leads, and in which term. */
  leader: async ({ cluster }) => {
    const { spec } = await cluster.admin.get(leases, { namespace: 'kube-system', name: 'kube-controller-manager' });
    return `${spec?.holderIdentity?.split('_')[0] || 'nobody'}, term ${spec?.leaseTransitions}`;
  },
  /** `running node-1`: the pods of which something runs there, whether or not anybody hears of it. */
  running: async ({ cluster }, { words }) => {
    const containers = cluster.runtimes.get(words[1] ?? '')?.seen().containers ?? [];
    const alive = new Set(containers.filter(({ state }) => state === 'running').map(({ sandbox }) => sandbox));
    const { entries } = await cluster.store.list('/core/pods/');
    const known = entries.map(({ value }) => (value as unknown as KubeObject).metadata);
    const names = known.filter(({ uid }) => alive.has(uid)).map(({ name }) => name);
    return names.join(' ') || 'nothing';
  },
  patch: (stage, line) => patched(stage, line, JSON.parse(line.words[3] ?? '{}') as Json),
  crash: onHost(({ cluster }, host) => cluster.crash(host)),
  restart: onHost(({ cluster }, host) => cluster.restart(host)),
  cut: onHost(({ cluster }, host) => cluster.net.cut(host)),
  heal: onHost(({ cluster }, host) => cluster.net.heal(host)),
  hold: onHost(({ cluster }, host) => cluster.net.holdWatches(host)),
  release: onHost(({ cluster }, host) => cluster.net.releaseWatches(host)),
  lose: onHost(({ cluster }, host, { words }) => cluster.net.loseAnswers(host, Number(words[2] ?? 1))),
  break: onHost(({ cluster }) => cluster.net.endWatches()),
  compact: onHost(({ cluster }) => cluster.store.compact(cluster.store.revision)),
  check: async ({ cluster }, { words }) => {
    if (words[1] === 'quiet') await checkQuiet(cluster, durationOf(words[2] ?? '60s'));
    else await checkConverged(cluster);
    return 'ok';
  },
  apply: async ({ cluster }, { words, settings }) => {
    // The same object again, as a user's script would: what changes of it shows in its generation.
    const kind = kindOf(words[1] ?? '');
    const key = { namespace: settings['in'] ?? 'default', name: words[2] ?? '' };
    const object = await cluster.admin.get(kind, key);
    const again = await cluster.admin.send(act({ verb: 'update', kind, object }));
    const same = again.metadata.resourceVersion === object.metadata.resourceVersion;
    return `generation ${again.metadata.generation}, ${same ? 'unchanged' : 'written'}`;
  },
};

type Settings = Readonly<Record<string, string>>;
const drafts: Readonly<Record<string, (name: string, settings: Settings) => Draft<KubeObject>>> = {
  ...workloadDrafts,
  namespace: (name) => ({ metadata: { name } }),
  configmap: (name, settings) => configMapOf(name, settings) as unknown as Draft<KubeObject>,
  service: (name, settings) =>
    serviceOf(name, settings['app'] ?? name, settings['in'] ?? 'default') as Draft<KubeObject>,
  deployment: (name, settings) => drawn(name, settings) as Draft<KubeObject>,
  pod: (name, settings) => {
    const { metadata, spec } = drawn(name, settings).spec.template;
    return { metadata: { ...metadata, name, namespace: settings['in'] ?? 'default' }, spec } as Draft<KubeObject>;
  },
};

const configMapOf = (name: string, settings: Settings): Draft<ConfigMap> => ({
  metadata: { name, namespace: settings['in'] ?? 'default' },
});

function drawn(name: string, settings: Settings) {
  const nodeSelector = pair(settings['selector']);
  return deploymentOf({
    name,
    replicas: Number(settings['replicas'] ?? 1),
    ...(settings['in'] ? { namespace: settings['in'] } : {}),
    ...(settings['image'] ? { image: settings['image'] } : {}),
    ...(settings['cpu'] ? { cpuMillis: Number(settings['cpu'].replace('m', '')) } : {}),
    ...(settings['strategy'] ? { strategy: settings['strategy'] as 'Recreate' } : {}),
    ...(nodeSelector ? { nodeSelector } : {}),
    ...(settings['tolerates'] ? { tolerates: [settings['tolerates']] } : {}),
  });
}
