import type { Digest, Step } from './cases.ts';
import type { Answered } from './client.ts';
import { at, byText, isObject, sortedTree } from './tree.ts';

/** What a case itself says stays as it is in an answer; everything else that a server chooses is named by its sort. */
export interface Context {
  readonly known: string;
  readonly run: string;
  readonly step: Step;
}
type Part = Record<string, unknown>;

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g;
const revision = /(resourceVersion|resource version|: )(\s*)"?\d{3,}"?( \(\d+\))?/gi;
const age = /\b\d+(d\d+h|h\d+m|m\d+s|[smhdy])\b( ago)?/g;
const allocated: ReadonlySet<string> = new Set(['clusterIP', 'clusterIPs', 'nodePort', 'healthCheckNodePort']);
const serversOwn = ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields', 'selfLink'];
const controllersOwn: ReadonlySet<string> = new Set([
  'deployment.kubernetes.io/revision',
  'pv.kubernetes.io/bind-completed',
  'pv.kubernetes.io/bound-by-controller',
]);
const textMax = 300;

export function digestOf(answer: Answered, context: Context): Digest {
  const { step } = context;
  const warnings = answer.warnings.map((text) => normalText(text, context));
  const base: Digest = { code: answer.code, ...(warnings.length > 0 ? { warnings } : {}) };
  if (step.stream && answer.code === 200) return { ...base, events: eventsOf(answer.text, context) };
  const parsed = parsedOf(answer.text);
  const typed = step.keepType || !isObject(parsed) ? { ...base, type: answer.type.replace(/\s/g, '') } : base;
  if (!isObject(parsed)) {
    if (/octet|protobuf|cbor/.test(answer.type)) return typed;
    return { ...typed, text: normalText(answer.text.slice(0, textMax), context) };
  }
  if (parsed.kind === 'Status' && parsed.apiVersion === 'v1' && answer.code >= 400) {
    return { ...typed, ...failureOf(parsed, context) };
  }
  return { ...typed, object: chosen(normalObject(parsed, context) as Part, step) };
}

function parsedOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failureOf(status: Part, context: Context): Pick<Digest, 'reason' | 'message' | 'causes'> {
  const causes = (status.details as Part | undefined)?.causes as readonly Part[] | undefined;
  return {
    reason: String(status.reason ?? ''),
    message: normalText(String(status.message ?? ''), context),
    ...(causes
      ? {
          causes: causes.map(({ field, reason, message }) => [
            normalText(String(field ?? ''), context),
            String(reason ?? ''),
            normalText(String(message ?? ''), context),
          ]),
        }
      : {}),
  };
}

function chosen(object: Part, step: Step): unknown {
  let out = object;
  if (step.names && Array.isArray(out.items)) {
    out = { ...out, items: out.items.map((item) => at(item, ['metadata', 'name'])) };
  }
  if (step.anyOrder) out = sortedTree(out) as Part;
  return step.pick ? Object.fromEntries(step.pick.map((path) => [path, at(out, path.split('|'))])) : out;
}

function eventsOf(text: string, context: Context): readonly unknown[] {
  const events = text
    .split('\n')
    .filter(Boolean)
    .map((line) => eventOf(parsedOf(line), context));
  return context.step.sorted ? events.sort(byText) : events;
}
function eventOf(event: unknown, context: Context): unknown {
  if (!isObject(event)) return { broken: true };
  const object = (event.object ?? {}) as Part;
  if (event.type === undefined) return { status: object.reason ?? event.reason, code: event.code };
  if (event.type === 'ERROR') return { type: 'ERROR', code: object.code, reason: object.reason };
  const name = at(object, ['metadata', 'name']) ?? at(object, ['rows', 0, 'cells', 0]) ?? '';
  const last = at(object, ['metadata', 'annotations', 'k8s.io/initial-events-end']);
  const marked = last ? { initialEventsEnd: true } : {};
  return { type: event.type, kind: object.kind, name: normalText(String(name), context), ...marked };
}

export function normalText(text: string, { known, run }: Context): string {
  return text
    .split(run)
    .join('{{run}}')
    .replace(uuid, (id) => (known.includes(id) ? id : '<uid>'))
    .replace(time, (found) => (known.includes(found) ? found : '<time>'))
    .replace(/kube-api-access-[a-z0-9]{5}\b/g, 'kube-api-access-<rand>')
    .replace(/0x[0-9a-f]{8,}/g, '<pointer>')
    .replace(revision, (all, word: string, gap: string) => (/resource/i.test(word) ? `${word}${gap}<rv>` : all));
}

function normalMeta(meta: Part, step: Step): Part {
  const out = { ...meta };
  const { generateName, name, managedFields } = out;
  if (typeof generateName === 'string' && typeof name === 'string' && name.startsWith(generateName)) {
    out.name = `${generateName}<rand>`;
  }
  if (typeof out.continue === 'string' && out.continue) out.continue = '<continue>';
  for (const key of serversOwn) delete out[key];
  if (step.managed && Array.isArray(managedFields)) {
    out.managedFields = (managedFields as Part[])
      .filter(({ manager }) => /^(alpha|beta|gamma|oracle)/.test(String(manager)))
      .map(({ time: _at, ...rest }) => rest)
      .sort((a, b) => byText([a.manager, a.operation, a.subresource], [b.manager, b.operation, b.subresource]));
  }
  return out;
}

function normalObject(object: Part, context: Context): unknown {
  const { step } = context;
  const out: Part = { ...object };
  if (isObject(out.metadata)) out.metadata = normalMeta(out.metadata, step);
  if (step.liveObject) dropWhatControllersOwn(out);
  if (Array.isArray(out.items)) {
    out.items = out.items.map((item) => (isObject(item) ? normalObject(item, context) : item));
  }
  if (out.kind === 'Table' && Array.isArray(out.rows)) normalTable(out, context);
  if (out.kind === 'TokenRequest' && isObject(out.status)) out.status = { ...out.status, token: '<token>' };
  return normalValue(out, '', context);
}

function dropWhatControllersOwn(out: Part): void {
  delete out.status;
  if (!isObject(out.metadata)) return;
  const { deletionTimestamp: _at, deletionGracePeriodSeconds: _grace, annotations, ...rest } = out.metadata;
  const kept = Object.entries((annotations ?? {}) as Part).filter(([name]) => !controllersOwn.has(name));
  out.metadata = kept.length > 0 ? { ...rest, annotations: Object.fromEntries(kept) } : rest;
  if (out.kind === 'CustomResourceDefinition') delete (out.metadata as Part).finalizers;
}

function normalTable(out: Part, context: Context): void {
  const columns = out.columnDefinitions as readonly Part[] | undefined;
  const only = ({ name, type, format, priority }: Part) => ({ name, type, format, priority });
  out.columnDefinitions = columns?.map(only);
  out.rows = (out.rows as readonly Part[]).map((row) => ({
    ...row,
    cells: (row.cells as readonly unknown[] | undefined)?.map((cell) =>
      // Parts of an identity may look like an age.
      typeof cell === 'string' ? normalText(cell, context).replace(age, '<age>') : cell,
    ),
    object: isObject(row.object) ? normalObject(row.object, context) : row.object,
  }));
}

function normalValue(value: unknown, key: string, context: Context): unknown {
  const ours = allocated.has(key);
  if (typeof value === 'string') {
    if (ours && value !== '' && value !== 'None' && !context.known.includes(`"${value}"`)) return '<allocated>';
    return normalText(value, context);
  }
  if (typeof value === 'number') {
    return ours && value !== 0 && !context.known.includes(`:${value}`) ? '<allocated>' : value;
  }
  if (Array.isArray(value)) return value.map((item) => normalValue(item, key, context));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [normalText(name, context), normalValue(item, name, context)]),
  );
}
