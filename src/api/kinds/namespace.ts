import type { Kind } from '../kind.ts';
import { dnsLabel } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { inPhase } from './defaulting.ts';
import { defineKind } from './define.ts';
import { namespaceRules } from './namespace-rules.ts';
import type { Condition } from './pod.ts';

export interface Namespace
  extends KubeObject<
    { readonly finalizers?: readonly string[] },
    { readonly phase?: string; readonly conditions?: readonly Condition[] }
  > {}

export const namespaces: Kind<Namespace> = defineKind<Namespace>('v1', 'Namespace', {
  validate: namespaceRules,
  hasGeneration: false,
  validateName: dnsLabel,
  defaults: (namespace) => {
    const { name, labels } = namespace.metadata;
    const living = inPhase(namespace, 'Active');
    if (!name || labels?.[nameLabel] === name) return living;
    return { ...living, metadata: { ...living.metadata, labels: { ...labels, [nameLabel]: name } } };
  },
  prepareCreate: (namespace) => {
    const asked = namespace.spec?.finalizers ?? [];
    const finalizers = asked.includes(ownFinalizer) ? asked : [...asked, ownFinalizer];
    return { ...namespace, spec: { ...namespace.spec, finalizers }, status: { phase: 'Active' } };
  },
  resets: { finalize: [['status']] },
  prepareUpdate: (next, previous, { subresource }) => {
    if (subresource === 'status') return { ...previous, metadata: next.metadata, ...half('status', next.status) };
    // Only the finalize door may take away what holds the namespace.
    if (subresource === 'finalize') return { ...next, ...half('status', previous.status) };
    return { ...next, ...half('spec', previous.spec), ...half('status', previous.status) };
  },
  columns: columnsOf('Name', 'Status', 'Age'),
  cells: (namespace, now) => [namespace.metadata.name, namespace.status?.phase ?? '', ageCell(namespace, now)],
  fields: (namespace) => ({ 'status.phase': namespace.status?.phase ?? '' }),
  isHeld: (namespace) => (namespace.spec?.finalizers ?? []).length > 0,
  // How long it takes to empty it nobody knows: it says only when that began.
  markDeleted: (namespace) => {
    const { deletionGracePeriodSeconds: _grace, ...metadata } = namespace.metadata;
    return { ...namespace, metadata, status: { ...namespace.status, phase: 'Terminating' } };
  },
});

const nameLabel = 'kubernetes.io/metadata.name';
const ownFinalizer = 'kubernetes';
const half = <V>(key: 'spec' | 'status', value: V | undefined) => (value === undefined ? {} : { [key]: value });
