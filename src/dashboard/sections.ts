import { isFinished, isReady, type Pod } from '../api/kinds/pod.ts';
import { byKey } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { podTroubles } from '../cli/pod-words.ts';
import { reportOf, type Seen } from '../cli/status.ts';
import { element, type Row, section } from './element.ts';

/** The whole page of one moment: what `mini-k8s status` says, with every pod. */
export function sections(world: Seen, now: Instant): readonly HTMLElement[] {
  const report = reportOf(world, now);
  const stable = report.state === 'STABLE';
  const words = stable ? 'All is as it should be' : 'On the way to what was asked for';
  return [
    element('p', `state ${stable ? 'good' : 'waiting'}`, words),
    section(
      'Nodes',
      ['Name', 'Ready', 'Pods', 'Why not'],
      report.nodes.map(({ name, ready, pods, why }) => ({
        cells: [name, ready ? 'yes' : 'no', String(pods), why],
        tone: ready ? 'good' : 'bad',
      })),
    ),
    section(
      'Deployments',
      ['Namespace', 'Name', 'Desired', 'Ready', 'Up to date', 'Why not'],
      report.deployments.map(({ namespace, name, desired, ready, updated, stable: settled, why }) => ({
        cells: [namespace, name, String(desired), String(ready), String(updated), why],
        tone: settled ? 'good' : 'waiting',
      })),
    ),
    section(
      'Pods',
      ['Namespace', 'Name', 'Phase', 'Ready', 'Restarts', 'Node', 'What is the matter'],
      [...world.pods].sort(byKey).map((pod) => podRow(pod, now)),
    ),
    section(
      'Services',
      ['Namespace', 'Name', 'Type', 'Endpoints ready', 'Answers at'],
      report.services.map(({ namespace, name, type, ready, endpoints, answersAt }) => ({
        cells: [namespace, name, type, `${ready} of ${endpoints}`, answersAt.join(', ')],
        tone: ready > 0 ? 'good' : 'waiting',
      })),
    ),
  ];
}

function podRow(pod: Pod, now: Instant): Row {
  const { metadata, spec, status } = pod;
  const containers = status?.containerStatuses ?? [];
  const restarts = containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const ready = containers.filter((container) => container.ready).length;
  return {
    cells: [
      metadata.namespace ?? '',
      metadata.name,
      metadata.deletionTimestamp ? 'Ending' : (status?.phase ?? 'Pending'),
      `${ready} of ${spec.containers.length}`,
      String(restarts),
      spec.nodeName ?? '',
      podTroubles(pod, now).join('; '),
    ],
    tone: status?.phase === 'Failed' ? 'bad' : isReady(pod) || isFinished(pod) ? 'good' : 'waiting',
  };
}
