import { ApiError, isApiError } from '../api/error.ts';
import { type Kind, pathOf } from '../api/kind.ts';
import type { Key } from '../api/object.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { canonicalJson, encodeText, isObject, type Json, type JsonObject } from '../base/json.ts';
import { type Client, jsonOf } from '../client/client.ts';
import { CommandFailure, clusterFlags, defineCommand, namespaceFlags } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { type ManifestObject, readManifests } from './manifest.ts';
import { mistakesOf, pathOfText, pathText } from './manifest-check.ts';
import { objectText, ServedKinds } from './served-kinds.ts';
import { threeWayPatch } from './three-way.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
// Kubectl's own name, so that both tools share what they own.
const manager = 'kubectl-client-side-apply';
const conflictRetriesMax = 5;

export const apply = defineCommand({
  name: 'apply',
  summary: 'Create or change objects so that they are as files say',
  usage: '-f FILE|DIR|- [flags]',
  flags: defineFlags({
    filename: { type: 'list', short: 'f', value: 'FILE|DIR|-', help: 'a file, a folder, or - for standard input' },
    'dry-run': { type: 'switch', help: 'let the server check everything and keep nothing' },
    ...namespaceFlags,
    ...clusterFlags,
  }),
  async run(context) {
    const { io, values, rest } = context;
    const paths = [...values.filename, ...rest];
    if (paths.length === 0) throw new UsageError('apply needs a file, a folder or -: mini-k8s apply -f FILE');
    const manifests = await readManifests(io, paths);
    const client = await context.client();
    const kinds = await ServedKinds.of(client);
    const own = await context.namespace();
    const targets = checked(manifests, kinds, { namespace: own, forced: Boolean(values.namespace) });
    let failures = 0;
    for (const target of targets) {
      try {
        const outcome = await applied(client, target, { dryRun: values['dry-run'], warn: (text) => io.error(text) });
        io.out(
          `${objectText(target.kind, target.key.name)} ${outcome}${values['dry-run'] ? ' (server dry run)' : ''}\n`,
        );
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failures++;
        io.error(`${told(target, error)}\n`);
      }
    }
    return failures === 0 ? 0 : 1;
  },
});

/** One object of a file with its place in the cluster. */
export interface Target {
  readonly kind: Kind;
  readonly key: Key;
  readonly object: JsonObject;
  readonly manifest: ManifestObject;
}

/** Kinds, names, namespaces and fields of all objects; every mistake of all files is told at once. */
export function checked(
  manifests: readonly ManifestObject[],
  kinds: ServedKinds,
  where: { readonly namespace: string; readonly forced: boolean },
): readonly Target[] {
  const mistakes: string[] = [];
  const targets = manifests.flatMap((manifest) => {
    const found = targetOf(manifest, kinds, where);
    if ('mistakes' in found) mistakes.push(...found.mistakes);
    return 'mistakes' in found ? [] : [found];
  });
  if (mistakes.length > 0) throw new CommandFailure(mistakes.join('\n'));
  return targets;
}

function targetOf(
  manifest: ManifestObject,
  kinds: ServedKinds,
  where: { readonly namespace: string; readonly forced: boolean },
): Target | { readonly mistakes: readonly string[] } {
  const { object, place } = manifest;
  const kind = kinds.byKind(object.apiVersion as string, object.kind as string);
  if (!kind) {
    const [wanted, version] = [JSON.stringify(object.kind), JSON.stringify(object.apiVersion)];
    const message = `no matches for kind ${wanted} in version ${version}`;
    return { mistakes: [`${place(['kind'])}: kind: ${message}`] };
  }
  const wrong = mistakesOf(kind, object).map(({ path, message }) => `${place(path)}: ${pathText(path)}: ${message}`);
  if (wrong.length > 0) return { mistakes: wrong };
  const metadata = isObject(object.metadata) ? object.metadata : {};
  if (typeof metadata.name !== 'string' || metadata.name === '') {
    return { mistakes: [`${place(['metadata', 'name'])}: metadata.name: is missing`] };
  }
  const own = typeof metadata.namespace === 'string' ? metadata.namespace : '';
  if (kind.namespaced && where.forced && own !== '' && own !== where.namespace) {
    const message = `the file says ${JSON.stringify(own)} but --namespace says ${JSON.stringify(where.namespace)}`;
    return { mistakes: [`${place(['metadata', 'namespace'])}: metadata.namespace: ${message}`] };
  }
  const namespace = kind.namespaced ? own || where.namespace : '';
  const placed = { ...object, metadata: { ...metadata, ...(namespace ? { namespace } : {}) } };
  return { kind, key: { namespace, name: metadata.name }, object: placed, manifest };
}

interface ApplyOptions {
  readonly dryRun: boolean;
  warn(text: string): void;
}

async function applied(
  client: Client,
  target: Target,
  options: ApplyOptions,
): Promise<'created' | 'configured' | 'unchanged'> {
  const { kind, key } = target;
  const modified = annotated(target.object);
  for (let tries = 0; ; tries++) {
    const live = await liveObject(client, kind, key);
    try {
      if (!live) {
        await written(client, { method: 'POST', path: pathOf(kind, key.namespace), object: modified }, options);
        return 'created';
      }
      return await patched(client, { target, modified, live }, options);
    } catch (error) {
      // Somebody was faster: look again.
      if (!isApiError(error, 'Conflict', 'AlreadyExists') || tries >= conflictRetriesMax) throw error;
    }
  }
}

async function liveObject(client: Client, kind: Kind, key: Key): Promise<JsonObject | undefined> {
  try {
    return (await client.get(kind, key)) as unknown as JsonObject;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function patched(
  client: Client,
  how: { readonly target: Target; readonly modified: JsonObject; readonly live: JsonObject },
  options: ApplyOptions,
): Promise<'configured' | 'unchanged'> {
  const { target, modified, live } = how;
  const { kind, key } = target;
  const metadata = live.metadata as JsonObject;
  const text = isObject(metadata.annotations) ? metadata.annotations[lastApplied] : undefined;
  if (text === undefined) {
    options.warn(
      `Warning: ${objectText(kind, key.name)} was not made by apply: what the file leaves out stays as it is\n`,
    );
  }
  const type = schemaOf(kind);
  const patch = threeWayPatch(type, { original: parsed(text), modified, current: live });
  if (Object.keys(patch).length === 0) return 'unchanged';
  const mediaType = `application/${type ? 'strategic-merge' : 'merge'}-patch+json`;
  const path = pathOf(kind, key.namespace, key.name);
  const next = await written(client, { method: 'PATCH', path, object: patch, mediaType }, options);
  // Other words for the same (1000m, 1) change nothing.
  const same = (next.metadata as JsonObject).resourceVersion === metadata.resourceVersion;
  return same && !options.dryRun ? 'unchanged' : 'configured';
}

async function written(
  client: Client,
  ask: {
    readonly method: 'POST' | 'PATCH';
    readonly path: string;
    readonly object: JsonObject;
    readonly mediaType?: string;
  },
  { dryRun }: ApplyOptions,
): Promise<JsonObject> {
  const response = await client.request({
    method: ask.method,
    path: ask.path,
    query: [
      ['fieldManager', manager],
      ['fieldValidation', 'Strict'],
      ...(dryRun ? ([['dryRun', 'All']] as const) : []),
    ],
    body: { bytes: encodeText(JSON.stringify(ask.object)), mediaType: ask.mediaType ?? 'application/json' },
  });
  return (await jsonOf(response)) as JsonObject;
}

/** The object with the record of itself, byte for byte as kubectl writes it, so that the two can take turns. */
function annotated(object: JsonObject): JsonObject {
  const metadata = object.metadata as JsonObject;
  const { [lastApplied]: _old, ...annotations } = isObject(metadata.annotations) ? metadata.annotations : {};
  const plain = { ...object, metadata: { ...metadata, annotations } };
  const text = canonicalJson(plain).replace(/[<>&\u2028\u2029]/g, escaped);
  return { ...plain, metadata: { ...metadata, annotations: { ...annotations, [lastApplied]: `${text}\n` } } };
}

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

function parsed(text: Json | undefined): JsonObject {
  try {
    const value = JSON.parse(typeof text === 'string' ? text : '{}');
    return isObject(value) ? value : {};
  } catch {
    // Spoilt by somebody: then nothing is known to have been applied, and nothing is removed.
    return {};
  }
}

/** The server's refusal, each cause with the line that it is about. */
function told({ kind, key, manifest }: Target, error: ApiError): string {
  const causes = error.details?.causes ?? [];
  const placed = causes.flatMap(({ field, message }) =>
    field ? [`${manifest.place(pathOfText(field))}: ${field}: ${message ?? error.message}`] : [],
  );
  if (placed.length > 0) return placed.join('\n');
  return `${manifest.place([])}: ${objectText(kind, key.name)}: ${error.message}`;
}
