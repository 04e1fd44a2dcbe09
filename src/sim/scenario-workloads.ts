import type { Kind } from '../api/kind.ts';
import { cronJobs } from '../api/kinds/cron-job.ts';
import { daemonSets } from '../api/kinds/daemon-set.ts';
import { jobs } from '../api/kinds/job.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { podDisruptionBudgets } from '../api/kinds/pod-disruption-budget.ts';
import { replicationControllers } from '../api/kinds/replication-controller.ts';
import { resourceQuotas } from '../api/kinds/resource-quota.ts';
import { statefulSets } from '../api/kinds/stateful-set.ts';
import type { Draft, KubeObject } from '../api/object.ts';
import { quantityMillis } from '../api/quantity.ts';
import { assert } from '../base/env.ts';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import type { Line, Stage } from './scenario.ts';
import { deploymentOf } from './workload.ts';

type Settings = Readonly<Record<string, string>>;
type Drafts = Readonly<Record<string, (name: string, settings: Settings) => Draft<KubeObject>>>;

export const workloadKinds: Readonly<Record<string, Kind>> = {
  statefulset: statefulSets as unknown as Kind,
  daemonset: daemonSets as unknown as Kind,
  job: jobs as unknown as Kind,
  cronjob: cronJobs as unknown as Kind,
  budget: podDisruptionBudgets as unknown as Kind,
  replicationcontroller: replicationControllers as unknown as Kind,
  quota: resourceQuotas as unknown as Kind,
};

/** `spec={"completions":3}` is laid over what a plain object of the kind has. */
export const workloadDrafts: Drafts = {
  statefulset: (name, settings) => {
    const { selector, template } = plain(name).spec;
    return drafted(name, settings, {
      serviceName: name,
      replicas: Number(settings['replicas'] ?? 1),
      selector,
      template,
    });
  },
  daemonset: (name, settings) => {
    const { selector, template } = plain(name).spec;
    return drafted(name, settings, { selector, template });
  },
  replicationcontroller: (name, settings) => {
    const replicas = Number(settings['replicas'] ?? 1);
    return drafted(name, settings, { replicas, selector: { app: name }, template: plain(name).spec.template });
  },
  job: (name, settings) => drafted(name, settings, jobSpec(name)),
  // A schedule has blanks, which words of a line have not: `schedule=*/5_*_*_*_*`.
  cronjob: (name, settings) => {
    const schedule = (settings['schedule'] ?? '0_*_*_*_*').replaceAll('_', ' ');
    return drafted(name, settings, { schedule, jobTemplate: { spec: jobSpec(name) } });
  },
  budget: (name, settings) => drafted(name, settings, { selector: { matchLabels: { app: settings['app'] ?? name } } }),
  quota: (name, settings) => drafted(name, settings, {}),
};

const plain = (name: string) => deploymentOf({ name, replicas: 1 });

function jobSpec(name: string) {
  const { metadata, spec } = plain(name).spec.template;
  return { template: { metadata, spec: { ...spec, restartPolicy: 'Never' } } };
}

function drafted(name: string, settings: Settings, spec: object): Draft<KubeObject> {
  const more = JSON.parse(settings['spec'] ?? '{}') as JsonObject;
  return {
    metadata: { name, namespace: settings['in'] ?? 'default' },
    spec: laidOver(spec as JsonObject, more),
  } as Draft<KubeObject>;
}

function laidOver(under: JsonObject, over: JsonObject): JsonObject {
  const out: Record<string, Json> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = out[key];
    out[key] = isObject(value) && below !== undefined && isObject(below) ? laidOver(below, value) : value;
  }
  return out;
}

/** `end pod j-1 0`: all of its containers end by themselves, with this exit code. */
export async function endPod(stage: Stage, { words }: Line): Promise<undefined> {
  const pod = await podNamed(stage, words[2] ?? '');
  const runtime = stage.cluster.runtimes.get(pod.spec.nodeName ?? '');
  const mine = runtime?.seen().containers.filter(({ sandbox }) => sandbox === pod.metadata.uid) ?? [];
  for (const { id } of mine) runtime?.end(id, Number(words[3] ?? 0));
  return undefined;
}

/** `evict pod web-1`: asks the budgets first, and answers what they say. */
export async function evictPod(stage: Stage, { words }: Line): Promise<string> {
  const { namespace = '', name } = (await podNamed(stage, words[2] ?? '')).metadata;
  const object = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
  await stage.cluster.admin.request({ method: 'POST', path, body: { object } });
  return 'evicted';
}

async function podNamed({ cluster, names }: Stage, short: string): Promise<Pod> {
  const pod = (await cluster.admin.list(pods)).items.find(({ metadata }) => metadata.name === names.long(short));
  assert(pod, `there is no pod ${short}`);
  return pod;
}

/** `burn web 500m`: so much each container of the app uses that runs now. */
export async function burn({ cluster }: Stage, { words }: Line): Promise<undefined> {
  const [, app = '', cpu = ''] = words;
  for (const { metadata, spec } of (await cluster.admin.list(pods)).items) {
    const runtime = metadata.labels?.['app'] === app ? cluster.runtimes.get(spec.nodeName ?? '') : undefined;
    const mine = runtime?.seen().containers.filter(({ sandbox }) => sandbox === metadata.uid) ?? [];
    for (const { id } of mine) runtime?.burn(id, quantityMillis(cpu));
  }
}
