import type { Env } from '../../base/env.ts';
import type { Store } from '../../store/store.ts';
import type { Authorization } from '../auth/authorization.ts';
import type { KindRegistry } from '../kinds.ts';
import { CertificateApproval } from './certificate-approval.ts';
import { CertificateSigning } from './certificate-signing.ts';
import { CertificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { DefaultIngressClass } from './default-ingress-class.ts';
import { DefaultStorageClass } from './default-storage-class.ts';
import { DefaultTolerationSeconds } from './default-toleration-seconds.ts';
import { type EventLimit, EventRateLimit } from './event-rate-limit.ts';
import { LimitRanger } from './limit-ranger.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';
import { NetworkPolicyNotice } from './network-policy-notice.ts';
import { OwnerReferencesPermissionEnforcement } from './owner-references-permission-enforcement.ts';
import { PersistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { PodSecurity, type PodSecurityOptions } from './pod-security.ts';
import { PodTopologyLabels } from './pod-topology-labels.ts';
import { Priority } from './priority.ts';
import { ResourceQuota } from './resource-quota.ts';
import { RuntimeClass } from './runtime-class.ts';
import { ServiceAccount } from './service-account.ts';
import { StorageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { TaintNodesByCondition } from './taint-nodes-by-condition.ts';

export interface AdmissionOptions {
  /** By name: those that are off unless somebody wants them. */
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  readonly podSecurity?: PodSecurityOptions;
  readonly eventLimits?: readonly EventLimit[];
}
export interface AdmissionDeps {
  readonly env: Env;
  readonly store: Store;
  readonly authorization: Authorization;
  readonly kinds: KindRegistry;
}

const offByDefault = new Set(['EventRateLimit', 'OwnerReferencesPermissionEnforcement']);
/** All that can be switched, by the names that upstream has for them. */
export const pluginNames: readonly string[] = [
  'NamespaceLifecycle',
  'LimitRanger',
  'ServiceAccount',
  'TaintNodesByCondition',
  'PodSecurity',
  'Priority',
  'DefaultTolerationSeconds',
  'EventRateLimit',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'OwnerReferencesPermissionEnforcement',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'PodTopologyLabels',
  'NetworkPolicyNotice',
  'ResourceQuota',
];

/** The plugins that every server has, in upstream's order. Others' stand between `first` and `last`. */
export function builtInPlugins(
  { env, store, authorization, kinds }: AdmissionDeps,
  { enable = [], disable = [], podSecurity, eventLimits = [] }: AdmissionOptions = {},
): { readonly first: readonly AdmissionPlugin[]; readonly last: readonly AdmissionPlugin[] } {
  const isOn = ({ name }: AdmissionPlugin): boolean =>
    !disable.includes(name) && (!offByDefault.has(name) || enable.includes(name));
  const first: readonly AdmissionPlugin[] = [
    new NamespaceLifecycle(store),
    new LimitRanger(store),
    new ServiceAccount(store, env.random.fork('service account')),
    new TaintNodesByCondition(),
    new PodSecurity(store, env.clock, podSecurity),
    new Priority(store),
    new DefaultTolerationSeconds(),
    new EventRateLimit(env.clock, eventLimits),
    new DefaultStorageClass(store),
    new StorageObjectInUseProtection(),
    new OwnerReferencesPermissionEnforcement(authorization, kinds),
    new PersistentVolumeClaimResize(store),
    new RuntimeClass(store),
    new CertificateApproval(authorization),
    new CertificateSigning(authorization),
    new CertificateSubjectRestriction(),
    new DefaultIngressClass(store),
    new PodTopologyLabels(store),
    new NetworkPolicyNotice(store),
  ];
  return { first: first.filter(isOn), last: [new ResourceQuota(store)].filter(isOn) };
}
