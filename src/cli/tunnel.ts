import { type Service, services } from '../api/kinds/service.ts';
import { keyOf, keyText } from '../api/object.ts';
import { sleep } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import { type CommandContext, clusterFlags, defineCommand, type LocalListener, namespaceFlags } from './command.ts';
import { defineFlags } from './flags.ts';
import { serviceTarget } from './forward-target.ts';
import { forward } from './forwarder.ts';

const flags = defineFlags({
  'all-namespaces': { type: 'switch', short: 'A', help: 'Services of all namespaces' },
  address: {
    type: 'text',
    default: '127.0.0.1',
    value: 'ADDRESS',
    help: 'where connections are taken on this machine',
  },
  ...namespaceFlags,
  ...clusterFlags,
});
type Context = CommandContext<typeof flags>;

/** How often it is looked for Services that came or went. */
const lookAgainMs = 1_000;

export const tunnel = defineCommand({
  name: 'tunnel',
  summary: 'Keep all LoadBalancer Services reachable from this machine',
  usage: '[SERVICE...] [flags]',
  flags,
  async run(context) {
    const client = await context.client();
    const namespace = context.values['all-namespaces'] ? undefined : await context.namespace();
    const open = new Map<string, Door>();
    let failure = '';
    while (!context.stop.stopped) {
      try {
        const { items } = await client.list(services, namespace === undefined ? {} : { namespace });
        await follow(context, client, { open, wanted: items.filter((service) => isWanted(service, context.rest)) });
        failure = '';
      } catch (error) {
        // A server that restarts is waited for: what is open stays open.
        const { message } = error as Error;
        if (message !== failure) context.io.error(`${message}, trying again\n`);
        failure = message;
      }
      await sleep(context.clock, lookAgainMs, context.stop).catch(() => {});
    }
    for (const { listener } of open.values()) listener?.close();
    return 0;
  },
});

/** One port of one Service here; without a listener where it could not be had, which was told. */
interface Door {
  readonly listener: LocalListener | undefined;
}

const isWanted = ({ metadata, spec }: Service, names: readonly string[]): boolean =>
  names.length > 0 ? names.includes(metadata.name) : spec.type === 'LoadBalancer';

async function follow(
  context: Context,
  client: Client,
  { open, wanted }: { readonly open: Map<string, Door>; readonly wanted: readonly Service[] },
): Promise<void> {
  const seen = new Set<string>();
  for (const service of wanted) {
    for (const { port, protocol } of service.spec.ports ?? []) {
      if ((protocol ?? 'TCP') !== 'TCP') continue;
      const key = `${keyText(keyOf(service))} ${port}`;
      seen.add(key);
      if (!open.has(key)) open.set(key, { listener: await opened(context, client, service, port) });
    }
  }
  for (const [key, { listener }] of open) {
    if (seen.has(key)) continue;
    open.delete(key);
    listener?.close();
    context.io.out(`closed ${key.replace(' ', ' port ')}\n`);
  }
}

/** The port's own number here, or any where that one is taken or not ours to take. */
async function opened(
  context: Context,
  client: Client,
  service: Service,
  port: number,
): Promise<LocalListener | undefined> {
  const { address } = context.values;
  const target = await serviceTarget(client, keyOf(service));
  const at = (local: number) =>
    forward(context, client, { target, port: String(port), place: { host: address, port: local } });
  const listener = await at(port).catch(() => at(0));
  context.io.out(`${keyText(keyOf(service))} port ${port} is at ${address}:${listener.port}\n`);
  return listener;
}
