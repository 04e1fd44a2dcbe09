import { isApiError } from '../api/error.ts';
import { pathOf } from '../api/kind.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { StopSource } from '../base/stop.ts';
import { jsonOf } from '../client/client.ts';
import { type CommandContext, clusterFlags, defineCommand, namespaceFlags } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { printable, type Table, TablePrinter, withoutManagedFields } from './print.ts';
import { objectText, ServedKinds } from './served-kinds.ts';
import { type Named, namedBy } from './targets.ts';

const flags = defineFlags({
  output: { type: 'choice', short: 'o', choices: ['wide', 'yaml', 'json', 'name'], help: 'how objects are shown' },
  'all-namespaces': { type: 'switch', short: 'A', help: 'of all namespaces' },
  selector: { type: 'text', short: 'l', value: 'LABELS', help: 'only objects with these labels' },
  'field-selector': { type: 'text', value: 'FIELDS', help: 'only objects with these fields' },
  watch: { type: 'switch', short: 'w', help: 'go on with every change' },
  'show-labels': { type: 'switch', help: 'a column with the labels' },
  'no-headers': { type: 'switch', help: 'rows alone' },
  'ignore-not-found': { type: 'switch', help: 'what is not there is no failure' },
  ...namespaceFlags,
  ...clusterFlags,
});
type Context = CommandContext<typeof flags>;

export const get = defineCommand({
  name: 'get',
  summary: 'Show objects',
  usage: 'TYPE [NAME...] | TYPE/NAME... [flags]',
  flags,
  async run(context) {
    const { values, rest } = context;
    if (rest.length === 0) throw new UsageError('get needs a type of objects: mini-k8s get pods');
    const named = namedBy(rest, await ServedKinds.of(await context.client()));
    const byName = named.some(({ name }) => name !== undefined);
    if (byName && values['all-namespaces']) throw new UsageError('a name is looked for in one namespace: leave out -A');
    if (byName && values.selector) throw new UsageError('give names or a selector, not both');
    if (values.watch && (named.length !== 1 || (values.output && values.output !== 'wide'))) {
      throw new UsageError('-w watches one type of objects, as a table');
    }
    if (values.output && values.output !== 'wide') return asObjects(context, named);
    return asTables(context, named);
  },
});

interface Collection {
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
}

async function collectionOf(context: Context, { kind, name }: Named, asList = false): Promise<Collection> {
  const { values } = context;
  const namespace = kind.namespaced && !values['all-namespaces'] ? await context.namespace() : '';
  const fields = [values['field-selector'], asList && name ? `metadata.name=${name}` : undefined]
    .filter(Boolean)
    .join(',');
  return {
    path: pathOf(kind, namespace, asList ? '' : name),
    query: [
      ...(values.selector ? ([['labelSelector', values.selector]] as const) : []),
      ...(fields && (asList || !name) ? ([['fieldSelector', fields]] as const) : []),
    ],
  };
}

/** The answer, or undefined where it may be missing. */
async function asked(context: Context, collection: Collection, accept: string): Promise<Json | undefined> {
  const client = await context.client();
  try {
    return await jsonOf(await client.request({ method: 'GET', ...collection, headers: { accept } }));
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    if (!context.values['ignore-not-found']) context.io.error(`Error from server (NotFound): ${error.message}\n`);
    return undefined;
  }
}

const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

async function asTables(context: Context, named: readonly Named[]): Promise<number> {
  const { values, io } = context;
  const severalKinds = new Set(named.map(({ kind }) => kind)).size > 1;
  let missing = 0;
  let printed = 0;
  let printer: { readonly kind: Named['kind']; readonly table: TablePrinter } | undefined;
  for (const one of named) {
    const table = (await asked(context, await collectionOf(context, one), tableType)) as Table | undefined;
    if (!table) {
      missing++;
      continue;
    }
    if (printer?.kind !== one.kind) {
      if (printer && table.rows.length > 0 && printed > 0) io.out('\n');
      printer = { kind: one.kind, table: new TablePrinter(tableOptions(context, one, severalKinds)) };
    }
    printed += table.rows.length;
    io.out(printer.table.text(table));
    if (values.watch) await watched(context, one, { table, printer: printer.table });
  }
  if (printed === 0 && missing === 0 && !values.watch) io.error(`No resources found${await where(context, named)}\n`);
  return missing > 0 && !values['ignore-not-found'] ? 1 : 0;
}

async function where(context: Context, named: readonly Named[]): Promise<string> {
  if (context.values['all-namespaces'] || !named.some(({ kind }) => kind.namespaced)) return '';
  return ` in ${await context.namespace()} namespace.`;
}

function tableOptions({ values }: Context, { kind }: Named, prefixed: boolean) {
  return {
    wide: values.output === 'wide',
    withNamespace: values['all-namespaces'] && kind.namespaced,
    withLabels: values['show-labels'],
    headless: values['no-headers'],
    ...(prefixed ? { prefix: objectText(kind, '') } : {}),
  };
}

/** Every change after the list, until interrupted. */
async function watched(
  context: Context,
  one: Named,
  shown: { readonly table: Table; readonly printer: TablePrinter },
): Promise<void> {
  const { path, query } = await collectionOf(context, one, true);
  const client = await context.client();
  let since = shown.table.metadata?.resourceVersion ?? '0';
  const stop = StopSource.under(context.stop);
  while (!stop.stopped) {
    const watch = [
      ['watch', 'true'],
      ['allowWatchBookmarks', 'true'],
      ['resourceVersion', since],
    ] as const;
    const response = await client.request({
      method: 'GET',
      path,
      query: [...query, ...watch],
      headers: { accept: tableType },
      stop,
    });
    if (!('watch' in response)) throw new Error('a watch was answered without one');
    await new Promise<void>((resolve, reject) => {
      response.watch.onBatch((batch) => {
        for (const { type, object } of batch) {
          const table = object as unknown as Table;
          since = revisionOf(object as unknown as JsonObject) ?? since;
          if (type !== 'BOOKMARK' && type !== 'ERROR') context.io.out(shown.printer.text(table));
        }
        return 'more';
      });
      response.watch.onEnd((error) => (error && !stop.stopped ? reject(error) : resolve()));
      // A watch that was stopped does not always say so.
      stop.onStop(resolve);
    });
  }
}

function revisionOf(object: JsonObject): string | undefined {
  const { metadata, rows } = object as unknown as Table & { readonly rows?: Table['rows'] };
  const row = rows?.at(-1)?.object?.metadata as { readonly resourceVersion?: string } | undefined;
  return row?.resourceVersion || metadata?.resourceVersion || undefined;
}

async function asObjects(context: Context, named: readonly Named[]): Promise<number> {
  const { values, io } = context;
  const objects: Json[] = [];
  let missing = 0;
  for (const one of named) {
    const answer = (await asked(context, await collectionOf(context, one), 'application/json')) as
      | JsonObject
      | undefined;
    if (!answer) missing++;
    else if (one.name !== undefined) objects.push(answer);
    else {
      const facts = { apiVersion: one.kind.apiVersion, kind: one.kind.kind };
      objects.push(...(answer.items as readonly JsonObject[]).map((item) => ({ ...facts, ...item })));
    }
  }
  const exit = missing > 0 && !values['ignore-not-found'] ? 1 : 0;
  if (values.output === 'name') {
    for (const object of objects) io.out(`${nameOf(object as JsonObject)}\n`);
    return exit;
  }
  const single = named.length === 1 && named[0]?.name !== undefined;
  if (single && objects.length === 0) return exit;
  const clean = objects.map(withoutManagedFields);
  const whole = single
    ? (clean[0] as Json)
    : { apiVersion: 'v1', items: clean, kind: 'List', metadata: { resourceVersion: '' } };
  io.out(await encoded(printable(whole), values.output === 'yaml'));
  return exit;
}

async function encoded(value: Json, asYaml: boolean): Promise<string> {
  if (!asYaml) return `${JSON.stringify(value, null, 4)}\n`;
  const { stringify } = await import('yaml');
  return stringify(value, { version: '1.1', indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false });
}

function nameOf(object: JsonObject): string {
  const apiVersion = String(object.apiVersion);
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return objectText({ kind: String(object.kind), group }, String((object.metadata as JsonObject).name));
}
