import { ApiError, isApiError } from '../api/error.ts';
import { type Kind, resourceText } from '../api/kind.ts';
import { type Key, type KubeObject, keyOf } from '../api/object.ts';
import { StopSource } from '../base/stop.ts';
import { act } from '../client/action.ts';
import type { Client } from '../client/client.ts';
import { checked } from './apply.ts';
import { type CommandContext, CommandFailure, clusterFlags, defineCommand, namespaceFlags } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { readManifests } from './manifest.ts';
import { ServedKinds } from './served-kinds.ts';
import { namedBy } from './targets.ts';

const flags = defineFlags({
  filename: { type: 'list', short: 'f', value: 'FILE|DIR|-', help: 'delete the objects of files' },
  selector: { type: 'text', short: 'l', value: 'LABELS', help: 'delete what has these labels' },
  all: { type: 'switch', help: 'delete all objects of the type' },
  'ignore-not-found': { type: 'switch', help: 'what is not there is no failure' },
  'grace-period': {
    type: 'number',
    help: 'seconds until what runs is killed; -1 keeps what the object says',
    default: -1,
    least: -1,
  },
  now: { type: 'switch', help: 'a grace period of one second' },
  force: { type: 'switch', help: 'remove at once, without waiting for the node' },
  cascade: {
    type: 'choice',
    choices: ['background', 'foreground', 'orphan'],
    default: 'background',
    help: 'what becomes of what the object owns',
  },
  wait: { type: 'switch', default: true, help: 'wait until the objects are gone' },
  timeout: { type: 'number', value: 'SECONDS', help: 'wait no longer than this; 0 waits on', default: 0, least: 0 },
  ...namespaceFlags,
  ...clusterFlags,
});
type Context = CommandContext<typeof flags>;

interface Doomed {
  readonly kind: Kind;
  readonly key: Key;
}

export const remove = defineCommand({
  name: 'delete',
  summary: 'Delete objects',
  usage: 'TYPE NAME... | TYPE/NAME... | -f FILE [flags]',
  flags,
  async run(context) {
    const { values, rest, io } = context;
    if (rest.length === 0 && values.filename.length === 0) {
      throw new UsageError('delete needs objects: mini-k8s delete TYPE NAME, or -f FILE');
    }
    if (rest.length > 0 && values.filename.length > 0) throw new UsageError('give names or -f, not both');
    const client = await context.client();
    const { doomed, failures } = await doomedBy(context, client);
    let failed = failures;
    const waiting: (Doomed & { readonly uid: string })[] = [];
    for (const one of doomed) {
      try {
        const uid = await deleted(context, client, one);
        waiting.push({ ...one, uid });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (values['ignore-not-found'] && error.reason === 'NotFound') continue;
        failed++;
        io.error(`Error from server (${error.reason}): ${error.message}\n`);
      }
    }
    if (doomed.length === 0 && failed === 0) io.out('No resources found\n');
    if (values.wait) await allGone(context, client, waiting);
    return failed === 0 ? 0 : 1;
  },
});

async function doomedBy(
  context: Context,
  client: Client,
): Promise<{ readonly doomed: readonly Doomed[]; readonly failures: number }> {
  const { values, rest, io } = context;
  const kinds = await ServedKinds.of(client);
  const namespace = await context.namespace();
  if (values.filename.length > 0) {
    const manifests = await readManifests(io, values.filename);
    return { doomed: checked(manifests, kinds, { namespace, forced: Boolean(values.namespace) }), failures: 0 };
  }
  const doomed: Doomed[] = [];
  for (const { kind, name } of namedBy(rest, kinds)) {
    if (name !== undefined) {
      doomed.push({ kind, key: { namespace: kind.namespaced ? namespace : '', name } });
      continue;
    }
    if (!values.all && !values.selector) throw new UsageError('name the objects, or say --all or -l LABELS');
    const query = {
      ...(kind.namespaced ? { namespace } : {}),
      ...(values.selector ? { labels: values.selector } : {}),
    };
    const { items } = await client.list(kind, query);
    doomed.push(...items.map((item) => ({ kind, key: keyOf(item) })));
  }
  return { doomed, failures: 0 };
}

const policies = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

/** Answers the uid of what was deleted, so that a newer object of that name is not waited for. */
async function deleted({ values, io }: Context, client: Client, { kind, key }: Doomed): Promise<string> {
  const live = await client.get(kind, key);
  const graceSeconds = values.force ? 0 : values.now ? 1 : values['grace-period'];
  await client.send(
    act({
      verb: 'delete',
      kind,
      key,
      propagation: policies[values.cascade],
      ...(graceSeconds >= 0 ? { graceSeconds } : {}),
    }),
  );
  const where = key.namespace ? ` from ${key.namespace} namespace` : '';
  const what = kind.group ? `${kind.kind.toLowerCase()}.${kind.group}` : kind.kind.toLowerCase();
  io.out(`${what} ${JSON.stringify(key.name)} ${values.force ? 'force deleted' : 'deleted'}${where}\n`);
  return live.metadata.uid;
}

async function allGone(
  context: Context,
  client: Client,
  waiting: readonly (Doomed & { readonly uid: string })[],
): Promise<void> {
  const { values, clock } = context;
  const stop = StopSource.under(context.stop);
  let late = false;
  const cancel =
    values.timeout > 0
      ? clock.after(values.timeout * 1000, () => {
          late = true;
          stop.stop();
        })
      : () => {};
  try {
    for (const one of waiting) {
      await gone(client, one, stop);
      if (late) {
        const message = `timed out waiting for ${resourceText(one.kind)}/${one.key.name} to go; it is on its way`;
        throw new CommandFailure(`error: ${message}`);
      }
    }
  } finally {
    cancel();
  }
}

async function gone(
  client: Client,
  { kind, key, uid }: Doomed & { readonly uid: string },
  stop: StopSource,
): Promise<void> {
  const query = { ...(key.namespace ? { namespace: key.namespace } : {}), fields: `metadata.name=${key.name}` };
  while (!stop.stopped) {
    const { items, revision } = await client.list(kind, query);
    if (!items.some((item) => item.metadata.uid === uid)) return;
    const inner = StopSource.under(stop);
    try {
      const watching = await client.watch(kind, { ...query, since: revision }, inner);
      await new Promise<void>((resolve) => {
        inner.onStop(resolve);
        watching.onBatch((batch) => {
          if (batch.some(({ type, object }) => type === 'DELETED' && (object as KubeObject).metadata.uid === uid))
            resolve();
          return 'more';
        });
        watching.onEnd(() => resolve());
      });
    } catch (error) {
      if (stop.stopped) return;
      if (!isApiError(error, 'Expired', 'Gone')) throw error;
    } finally {
      inner.stop();
    }
  }
}
