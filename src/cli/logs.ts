import { type Kind, pathOf } from '../api/kind.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { isReady, type Pod, pods } from '../api/kinds/pod.ts';
import type { LabelSelector } from '../api/selector.ts';
import { isObject, type Json } from '../base/json.ts';
import type { Client } from '../client/client.ts';
import {
  type CommandContext,
  CommandFailure,
  clusterFlags,
  defineCommand,
  type Loose,
  namespaceFlags,
} from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { ServedKinds } from './served-kinds.ts';

const flags = defineFlags({
  follow: { type: 'switch', short: 'f', help: 'go on with what is written' },
  container: { type: 'text', short: 'c', value: 'NAME', help: 'of which container; otherwise the default or first' },
  tail: { type: 'number', help: 'the last lines only; -1 shows all', default: -1, least: -1 },
  since: { type: 'text', value: 'DURATION', help: 'nothing older than this: 30s, 5m, 2h' },
  previous: { type: 'switch', short: 'p', help: 'of the container before the last restart' },
  timestamps: { type: 'switch', help: 'a time on every line' },
  selector: { type: 'text', short: 'l', value: 'LABELS', help: 'of all pods with these labels' },
  ...namespaceFlags,
  ...clusterFlags,
});
type Context = CommandContext<typeof flags>;

export const logs = defineCommand({
  name: 'logs',
  summary: 'Show what containers wrote',
  usage: 'POD | TYPE/NAME [CONTAINER] [flags]',
  flags,
  async run(context) {
    const query = logQuery(context);
    const client = await context.client();
    const chosen = await podsBy(context, client);
    for (const pod of chosen) {
      const container = context.values.container || context.rest[1] || defaultContainer(pod);
      await copied(context, client, { pod, query: [...query, ['container', container]] });
    }
    return 0;
  },
});

type Query = readonly (readonly [string, string])[];

function logQuery({ values }: Context): Query {
  return [
    ...(values.follow ? ([['follow', 'true']] as const) : []),
    ...(values.previous ? ([['previous', 'true']] as const) : []),
    ...(values.timestamps ? ([['timestamps', 'true']] as const) : []),
    ...(values.tail >= 0 ? ([['tailLines', String(values.tail)]] as const) : []),
    ...(values.since ? ([['sinceSeconds', String(secondsOf(values.since))]] as const) : []),
  ];
}

const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** `1h30m`, in whole seconds and at least one. */
function secondsOf(text: string): number {
  if (!/^(\d+[hms])+$/.test(text))
    throw new UsageError(`--since must be a duration such as 30s, 5m or 1h30m, not ${JSON.stringify(text)}`);
  let seconds = 0;
  for (const [, count, unit = 's'] of text.matchAll(/(\d+)([hms])/g))
    seconds += Number(count) * (unitSeconds[unit] ?? 1);
  return Math.max(1, seconds);
}

async function podsBy(context: Context, client: Client): Promise<readonly Pod[]> {
  const { values, rest, io } = context;
  const namespace = await context.namespace();
  const [first] = rest;
  if (values.selector) {
    if (first) throw new UsageError('give a name or a selector, not both');
    const { items } = await client.list(pods, { namespace, labels: values.selector });
    if (items.length === 0) io.error(`No resources found in ${namespace} namespace.\n`);
    return items;
  }
  if (!first) throw new UsageError('logs needs a pod: mini-k8s logs POD, or TYPE/NAME');
  const [type = '', name] = first.includes('/') ? first.split('/') : ['pod', first];
  if (!name) throw new UsageError(`${JSON.stringify(first)} must be POD or TYPE/NAME`);
  if (['pod', 'pods', 'po'].includes(type)) return [await client.get(pods, { namespace, name })];
  return [await podOf(context, client, { type, name, namespace })];
}

/** One pod of whatever selects pods: a ready one before the others. */
async function podOf(
  { io }: Context,
  client: Client,
  { type, name, namespace }: { readonly type: string; readonly name: string; readonly namespace: string },
): Promise<Pod> {
  const kind = /^deploy/.test(type) ? (deployments as unknown as Kind) : (await ServedKinds.of(client)).one(type);
  const owner = (await client.get(kind, { namespace, name })) as Loose;
  const labels = selectorText(owner.spec?.selector as Json | undefined);
  if (!labels) throw new CommandFailure(`error: ${kind.plural} select no pods, so they have no logs`);
  const { items } = await client.list(pods, { namespace, labels });
  const chosen = items.find(isReady) ?? items[0];
  if (!chosen) throw new CommandFailure(`error: ${type}/${name} has no pods at the moment`);
  if (items.length > 1) io.error(`Found ${items.length} pods, using pod/${chosen.metadata.name}\n`);
  return chosen;
}

/** A selector of either form as a query says it. */
export function selectorText(selector: Json | undefined): string {
  if (!isObject(selector)) return '';
  // A Service selects by plain labels, everything newer by a LabelSelector.
  const isNew = 'matchLabels' in selector || 'matchExpressions' in selector;
  const { matchLabels = {}, matchExpressions = [] } = (isNew ? selector : { matchLabels: selector }) as LabelSelector;
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    return operator === 'DoesNotExist'
      ? `!${key}`
      : `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...equal, ...others].join(',');
}

const defaultAnnotation = 'kubectl.kubernetes.io/default-container';
const defaultContainer = (pod: Pod): string =>
  pod.metadata.annotations?.[defaultAnnotation] ?? pod.spec.containers[0]?.name ?? '';

async function copied(
  { io, stop }: Context,
  client: Client,
  { pod, query }: { readonly pod: Pod; readonly query: Query },
): Promise<void> {
  const path = pathOf(pods, pod.metadata.namespace, pod.metadata.name, 'log');
  const response = await client.request({ method: 'GET', path, query, stop });
  // A character may be cut in two by the pieces that it travels in.
  const decoder = new TextDecoder('utf-8');
  if ('stream' in response) {
    for await (const piece of response.stream) io.out(decoder.decode(piece, { stream: true }));
  } else if ('chunks' in response) {
    for (const piece of response.chunks) io.out(decoder.decode(piece, { stream: true }));
  } else if ('body' in response && 'bytes' in response.body) {
    io.out(decoder.decode(response.body.bytes, { stream: true }));
  }
  const left = decoder.decode();
  if (left) io.out(left);
}
