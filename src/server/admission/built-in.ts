import type { Transport } from '../../api/wire.ts';
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
import type { EventLimit } from './event-rate-limit.ts';
import { LimitRanger } from './limit-ranger.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';
import { NetworkPolicyNotice } from './network-policy-notice.ts';
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
  /** Makes those that are off unless somebody wants them. */
  readonly optional?: (deps: AdmissionDeps, options: AdmissionOptions) => readonly AdmissionPlugin[];
}
export interface AdmissionDeps {
  readonly env: Env;
  readonly store: Store;
  readonly authorization: Authorization;
  readonly kinds: KindRegistry;
  /** The server's own door. */
  readonly self: Transport;
}

const offByDefault: ReadonlySet<string> = new Set([
  ...['NamespaceAutoProvision', 'NamespaceExists', 'LimitPodHardAntiAffinityTopology', 'AlwaysPullImages'],
  ...['EventRateLimit', 'ExtendedResourceToleration', 'OwnerReferencesPermissionEnforcement', 'DenyServiceExternalIPs'],
]);
/** Whether there is anything to load for these names. */
export const areOptional = (names: readonly string[]): boolean => names.some((name) => offByDefault.has(name));

/** All that can be switched, by the names that upstream has for them. */
export const pluginNames: readonly string[] = [
  'NamespaceAutoProvision',
  'NamespaceLifecycle',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'LimitRanger',
  'ServiceAccount',
  'TaintNodesByCondition',
  'AlwaysPullImages',
  'PodSecurity',
  'Priority',
  'DefaultTolerationSeconds',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'OwnerReferencesPermissionEnforcement',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'DenyServiceExternalIPs',
  'PodTopologyLabels',
  'NetworkPolicyNotice',
  'ResourceQuota',
];

/** The plugins that every server has, in upstream's order. Others' stand between `first` and `last`. */
export function builtInPlugins(
  deps: AdmissionDeps,
  options: AdmissionOptions = {},
): { readonly first: readonly AdmissionPlugin[]; readonly last: readonly AdmissionPlugin[] } {
  const { env, store, authorization } = deps;
  const { enable = [], disable = [], podSecurity, optional = () => [] } = options;
  const isOn = ({ name }: AdmissionPlugin): boolean =>
    !disable.includes(name) && (!offByDefault.has(name) || enable.includes(name));
  const usual: readonly AdmissionPlugin[] = [
    new NamespaceLifecycle(store),
    new LimitRanger(store),
    new ServiceAccount(store, env.random.fork('service account')),
    new TaintNodesByCondition(),
    new PodSecurity(store, env.clock, podSecurity),
    new Priority(store),
    new DefaultTolerationSeconds(),
    new DefaultStorageClass(store),
    new StorageObjectInUseProtection(),
    new PersistentVolumeClaimResize(store),
    new RuntimeClass(store),
    new CertificateApproval(authorization),
    new CertificateSigning(authorization),
    new CertificateSubjectRestriction(),
    new DefaultIngressClass(store),
    new PodTopologyLabels(store),
    new NetworkPolicyNotice(store),
  ];
  const more = areOptional(enable) ? optional(deps, options).filter(isOn) : [];
  const inOrder = (a: AdmissionPlugin, b: AdmissionPlugin) => pluginNames.indexOf(a.name) - pluginNames.indexOf(b.name);
  return { first: [...usual.filter(isOn), ...more].sort(inOrder), last: [new ResourceQuota(store)].filter(isOn) };
}
