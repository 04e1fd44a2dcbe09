import type { Kind } from '../api/kind.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { endpointSlices, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import { events } from '../api/kinds/event.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { nodes } from '../api/kinds/node.ts';
import { conditionOf, type Pod, pods } from '../api/kinds/pod.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import type { KubeObject } from '../api/object.ts';
import { compareText } from '../base/text.ts';
import type { Line, Stage } from './scenario.ts';
import { type Row, workloadViews } from './scenario-views.ts';

interface View {
  readonly head: Row;
  rows(stage: Stage, line: Line): Promise<readonly Row[]>;
}

/** What a verb `show` answers: few columns, nothing that depends on chance or on the printer of `kubectl get`. */
export async function show(stage: Stage, line: Line): Promise<readonly string[]> {
  const [, what = ''] = line.words;
  const view = views[what] ?? viewOf(what);
  if (!view) return [`nothing is known about ${what}`];
  const rows = await view.rows(stage, line);
  return rows.length === 0 ? [`no ${what}`] : aligned([view.head, ...rows], stage);
}

/** Of kinds whose rows need nothing but the object. */
function viewOf(what: string): View | undefined {
  const view = workloadViews[what];
  return view && { head: view.head, rows: async (stage, line) => (await listed(stage, view.kind, line)).map(view.row) };
}

function aligned(rows: readonly Row[], stage: Stage): readonly string[] {
  const texts = rows.map((row) => row.map((cell) => stage.names.replace(String(cell))));
  const widths = (texts[0] ?? []).map((_, column) => Math.max(...texts.map((row) => (row[column] ?? '').length)));
  return texts.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

async function listed<T extends KubeObject>(stage: Stage, kind: Kind<T>, { settings }: Line): Promise<readonly T[]> {
  const namespace = kind.namespaced ? (settings['in'] ?? 'default') : '';
  const { items } = await stage.cluster.admin.list(kind, namespace ? { namespace } : {});
  return [...items].sort((a, b) => compareText(stage.names.short(a.metadata.name), stage.names.short(b.metadata.name)));
}

const views: Readonly<Record<string, View>> = {
  pods: {
    head: ['POD', 'READY', 'STATUS', 'RESTARTS', 'NODE'],
    rows: async (stage, line) => (await listed(stage, pods, line)).map(podRow),
  },
  placement: {
    head: ['NODE', 'PODS'],
    rows: async (stage, line) => {
      const counts = new Map<string, number>();
      for (const { spec } of await listed(stage, pods, line)) {
        const node = spec.nodeName ?? '<none>';
        counts.set(node, (counts.get(node) ?? 0) + 1);
      }
      return [...counts].sort(([a], [b]) => compareText(a, b));
    },
  },
  deployments: {
    head: ['DEPLOYMENT', 'READY', 'UPDATED', 'AVAILABLE', 'GENERATION', 'PROGRESSING'],
    rows: async (stage, line) =>
      (await listed(stage, deployments, line)).map(({ metadata, spec, status = {} }) => [
        metadata.name,
        `${status.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
        status.updatedReplicas ?? 0,
        status.availableReplicas ?? 0,
        `${status.observedGeneration ?? 0}/${metadata.generation ?? 0}`,
        status.conditions?.find(({ type }) => type === 'Progressing')?.reason ?? '<none>',
      ]),
  },
  replicasets: {
    head: ['REPLICASET', 'DESIRED', 'CURRENT', 'READY', 'REVISION'],
    rows: async (stage, line) =>
      (await listed(stage, replicaSets, line)).map(({ metadata, spec, status }) => [
        metadata.name,
        spec.replicas ?? 1,
        status?.replicas ?? 0,
        status?.readyReplicas ?? 0,
        metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '<none>',
      ]),
  },
  nodes: {
    head: ['NODE', 'READY', 'TAINTS'],
    rows: async (stage, line) =>
      (await listed(stage, nodes, line)).map((node) => [
        node.metadata.name,
        node.status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? '<none>',
        (node.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).join(',') || '<none>',
      ]),
  },
  endpoints: {
    head: ['SERVICE', 'POD', 'READY', 'PORTS'],
    rows: async (stage, line) =>
      (await listed(stage, endpointSlices, line)).flatMap(({ metadata, endpoints, ports }) =>
        (endpoints ?? [])
          .map(({ targetRef, conditions }) => [
            metadata.labels?.[serviceNameLabel] ?? '',
            stage.names.short(targetRef?.name ?? '<none>'),
            String(conditions?.ready ?? true),
            (ports ?? []).map(({ port }) => port).join(',') || '<none>',
          ])
          .sort((a, b) => compareText(String(a[1]), String(b[1]))),
      ),
  },
  hints: {
    head: ['SERVICE', 'ZONE', 'FOR'],
    rows: async (stage, line) =>
      (await listed(stage, endpointSlices, line)).flatMap(({ metadata, endpoints }) =>
        (endpoints ?? [])
          .map(({ zone, hints }) => {
            const { forZones = [] } = (hints ?? {}) as { readonly forZones?: readonly { readonly name: string }[] };
            const served = forZones.map(({ name }) => name).join(',') || '<none>';
            return [metadata.labels?.[serviceNameLabel] ?? '', zone ?? '<none>', served];
          })
          .sort((a, b) => compareText(a.join(' '), b.join(' '))),
      ),
  },
  events: {
    head: ['TYPE', 'REASON', 'OBJECT', 'COUNT', 'MESSAGE'],
    rows: async (stage, line) =>
      (await listed(stage, events, line))
        .filter(({ reason }) => line.words.length < 3 || line.words.includes(reason ?? ''))
        .map(({ type, reason, involvedObject, count, message }) => [
          type ?? '',
          reason ?? '',
          `${involvedObject.kind?.toLowerCase()}/${stage.names.short(involvedObject.name ?? '')}`,
          count ?? 1,
          message ?? '',
        ])
        .sort((a, b) => compareText(stage.names.replace(a.join(' ')), stage.names.replace(b.join(' ')))),
  },
  namespaces: {
    head: ['NAMESPACE', 'PHASE'],
    rows: async (stage, line) =>
      (await listed(stage, namespaces, line)).map(({ metadata, status }) => [
        metadata.name,
        (status as { readonly phase?: string } | undefined)?.phase ?? '',
      ]),
  },
  containers: {
    head: ['NODE', 'RUNNING', 'EXITED'],
    rows: async ({ cluster }) =>
      [...cluster.runtimes].map(([node, runtime]) => {
        const { containers } = runtime.seen();
        const running = containers.filter(({ state }) => state === 'running').length;
        return [node, running, containers.length - running];
      }),
  },
};

function podRow(pod: Pod): Row {
  const containers = pod.status?.containerStatuses ?? [];
  const ready = containers.filter((container) => container.ready).length;
  const restarts = containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return [
    pod.metadata.name,
    `${ready}/${pod.spec.containers.length}`,
    statusText(pod),
    restarts,
    pod.spec.nodeName ?? '<none>',
  ];
}

function statusText(pod: Pod): string {
  if (pod.metadata.deletionTimestamp) return 'Terminating';
  const [first] = pod.status?.containerStatuses ?? [];
  const waiting = first?.state?.waiting?.reason;
  const isReady = conditionOf(pod, 'Ready')?.status;
  const phase = pod.status?.phase ?? '<none>';
  return waiting ?? (phase === 'Running' && isReady !== 'True' ? 'Running (not ready)' : phase);
}
