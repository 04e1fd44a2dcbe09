import type { Kind } from '../api/kind.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { act } from '../client/action.ts';
import type { Client } from '../client/client.ts';
import { CommandFailure, clusterFlags, defineCommand, namespaceFlags } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { objectText, ServedKinds } from './served-kinds.ts';

const replicasMax = 2 ** 31 - 1;

export const scale = defineCommand({
  name: 'scale',
  summary: 'Change how many replicas run',
  usage: '[NAME | TYPE/NAME] N [flags]',
  flags: defineFlags({
    replicas: { type: 'number', help: 'how many, where it is not the last word', least: 0, most: replicasMax },
    ...namespaceFlags,
    ...clusterFlags,
  }),
  async run(context) {
    const { values, rest, io } = context;
    const { words, replicas } = countOf(rest, values.replicas);
    const client = await context.client();
    const namespace = await context.namespace();
    const { kind, name } = await scaledBy(words, client, namespace);
    await client.send(
      act({
        verb: 'patch',
        kind,
        key: { namespace: kind.namespaced ? namespace : '', name },
        subresource: 'scale',
        patch: { spec: { replicas } },
      }),
    );
    io.out(`${objectText(kind, name)} scaled\n`);
    return 0;
  },
});

const usage = 'mini-k8s scale NAME N';

/** The number is the last word, unless --replicas says it. */
function countOf(
  rest: readonly string[],
  flag: number | undefined,
): { readonly words: readonly string[]; readonly replicas: number } {
  if (flag !== undefined) return { words: rest, replicas: flag };
  const last = rest.at(-1);
  if (last === undefined) throw new UsageError(`scale needs a number of replicas: ${usage}`);
  const replicas = Number(last);
  if (/^\d+$/.test(last) && replicas <= replicasMax) return { words: rest.slice(0, -1), replicas };
  throw new UsageError(`${JSON.stringify(last)} is not a number of replicas (0 to ${replicasMax}): ${usage}`);
}

async function scaledBy(
  words: readonly string[],
  client: Client,
  namespace: string,
): Promise<{ readonly kind: Kind; readonly name: string }> {
  if (words.length === 0)
    return { kind: deployments as unknown as Kind, name: await onlyDeployment(client, namespace) };
  const [first = '', second, ...more] = words.flatMap((word) => word.split('/'));
  if (more.length > 0) throw new UsageError(`scale changes one object at a time: ${usage}`);
  if (second === undefined) return { kind: deployments as unknown as Kind, name: first };
  const kind = (await ServedKinds.of(client)).one(first);
  if (kind.subresources.some((subresource) => subresource.name === 'scale')) return { kind, name: second };
  throw new CommandFailure(`error: ${kind.plural} cannot be scaled: they have no replicas`);
}

async function onlyDeployment(client: Client, namespace: string): Promise<string> {
  const { items } = await client.list(deployments, { namespace });
  const [only, ...others] = items;
  if (!only) throw new CommandFailure(`error: there is no Deployment in namespace ${namespace}`);
  if (others.length === 0) return only.metadata.name;
  const names = items.map((item) => item.metadata.name).join(', ');
  throw new UsageError(`say which Deployment to scale (${names}): ${usage}`);
}
