import { isApiError } from '../api/error.ts';
import { type Kind, pathOf } from '../api/kind.ts';
import { type EndpointSlice, endpointSlices, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import { type IntOrString, isFinished, isReady, type Pod, pods } from '../api/kinds/pod.ts';
import { type Service, services } from '../api/kinds/service.ts';
import { controllerOf, type Key } from '../api/object.ts';
import { portConnection } from '../api/streaming/port-connection.ts';
import type { Duplex } from '../api/wire.ts';
import type { Json } from '../base/json.ts';
import type { Client } from '../client/client.ts';
import { CommandFailure, type Loose } from './command.ts';
import { selectorText } from './logs.ts';
import { ServedKinds } from './served-kinds.ts';

/** A pod's port: where a connection of this moment goes. */
export interface PodPort {
  readonly pod: Key;
  readonly port: number;
}

/** What connections are forwarded to. It is looked up for each one anew, so that a pod that was replaced is no end. */
export interface ForwardTarget {
  /** `service/web`, for messages. */
  readonly name: string;
  /** Undefined where nobody can answer at the moment. */
  find(port: string): Promise<PodPort | undefined>;
}

/** `POD`, `TYPE/NAME`. An object that is not there is an error at once. */
export async function forwardTarget(client: Client, namespace: string, word: string): Promise<ForwardTarget> {
  const [type = '', name = ''] = word.includes('/') ? word.split('/') : ['pod', word];
  if (/^(svc|services?)$/.test(type)) return serviceTarget(client, { namespace, name });
  if (/^(po|pods?)$/.test(type)) return podTarget(client, { namespace, name });
  const kind = (await ServedKinds.of(client)).one(type);
  return selectingTarget(client, kind, { namespace, name });
}

/** By the ready endpoints of one port; a port may be told by its number or its name. */
export async function serviceTarget(client: Client, key: Key): Promise<ForwardTarget> {
  await client.get(services, key);
  let turn = 0;
  return {
    name: `service/${key.name}`,
    find: async (wanted) => {
      const service: Service = await client.get(services, key);
      const found = service.spec.ports?.find(({ port, name }) => String(port) === wanted || name === wanted);
      if (!found) {
        const known = (service.spec.ports ?? []).map(({ port, name }) => (name ? `${port} (${name})` : String(port)));
        throw new CommandFailure(`error: service/${key.name} has no port ${wanted}: it has ${known.join(', ')}`);
      }
      const labels = `${serviceNameLabel}=${key.name}`;
      const { items } = await client.list(endpointSlices, { namespace: key.namespace, labels });
      const ready = items.flatMap((slice) => readyIn(slice, found.name ?? ''));
      return ready[turn++ % Math.max(1, ready.length)];
    },
  };
}

function readyIn({ ports, endpoints, metadata }: EndpointSlice, name: string): readonly PodPort[] {
  const port = ports?.find((found) => (found.name ?? '') === name)?.port;
  if (port === undefined) return [];
  return (endpoints ?? []).flatMap(({ conditions, targetRef }) => {
    if (conditions?.ready === false || targetRef?.kind !== 'Pod' || !targetRef.name) return [];
    return [{ pod: { namespace: targetRef.namespace ?? metadata.namespace ?? '', name: targetRef.name }, port }];
  });
}

/** A pod by its name; once it is gone, whoever stands in its place: a pod of the same controller. */
async function podTarget(client: Client, key: Key): Promise<ForwardTarget> {
  const first: Pod = await client.get(pods, key);
  const owner = controllerOf(first)?.uid;
  return {
    name: `pod/${key.name}`,
    find: async (port) => {
      const same = await client.get(pods, key).catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) return undefined;
        throw error;
      });
      if (same && canAnswer(same)) return placeOf(same, port);
      if (owner === undefined) return undefined;
      const { items } = await client.list(pods, { namespace: key.namespace });
      return chosen(
        items.filter((pod) => controllerOf(pod)?.uid === owner),
        port,
      );
    },
  };
}

async function selectingTarget(client: Client, kind: Kind, key: Key): Promise<ForwardTarget> {
  const selector = async () => {
    const { spec } = (await client.get(kind, key)) as Loose;
    const labels = selectorText(spec?.selector as Json | undefined);
    if (!labels) throw new CommandFailure(`error: ${kind.plural} select no pods: nothing can be forwarded to them`);
    return labels;
  };
  await selector();
  return {
    name: `${kind.plural}/${key.name}`,
    find: async (port) => {
      const { items } = await client.list(pods, { namespace: key.namespace, labels: await selector() });
      return chosen(items, port);
    },
  };
}

const canAnswer = (pod: Pod): boolean =>
  !pod.metadata.deletionTimestamp && !isFinished(pod) && pod.status?.phase === 'Running';

/** A ready pod before one that only runs. */
function chosen(found: readonly Pod[], port: string): PodPort | undefined {
  const running = found.filter(canAnswer);
  const pod = running.find(isReady) ?? running[0];
  return pod && placeOf(pod, port);
}

function placeOf(pod: Pod, port: string): PodPort {
  const { namespace = '', name } = pod.metadata;
  const number = /^\d+$/.test(port) ? Number(port) : namedPort(pod, port);
  if (number === undefined) throw new CommandFailure(`error: pod/${name} has no port named ${JSON.stringify(port)}`);
  return { pod: { namespace, name }, port: number };
}

function namedPort({ spec }: Pod, name: IntOrString): number | undefined {
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  return (ports.find((port) => port.name === name) as { readonly containerPort?: number } | undefined)?.containerPort;
}

/** One connection to a pod, by way of the API server. */
export function connectTo(client: Client, { pod, port }: PodPort): Promise<Duplex> {
  return portConnection(async (request) => {
    const path = pathOf(pods, pod.namespace, pod.name, 'portforward');
    const answer = await client.request({ ...request, path });
    if ('upgrade' in answer) return answer;
    throw new CommandFailure(`error: the server does not forward to pod/${pod.name}: it answered ${answer.status}`);
  }, port);
}
