import { AlwaysPullImages } from './always-pull-images.ts';
import type { AdmissionDeps, AdmissionOptions } from './built-in.ts';
import { DenyServiceExternalIps } from './deny-service-external-ips.ts';
import { EventRateLimit } from './event-rate-limit.ts';
import { ExtendedResourceToleration } from './extended-resource-toleration.ts';
import { LimitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { NamespaceAutoProvision } from './namespace-auto-provision.ts';
import { NamespaceExists } from './namespace-exists.ts';
import { OwnerReferencesPermissionEnforcement } from './owner-references-permission-enforcement.ts';
import type { AdmissionPlugin } from './plugin.ts';

/** The plugins that are off unless somebody wants them: a server without them does not load them. */
export const optionalPlugins = (
  { env, store, authorization, kinds, self }: AdmissionDeps,
  { eventLimits = [] }: AdmissionOptions,
): readonly AdmissionPlugin[] => [
  new NamespaceAutoProvision(store, self),
  new NamespaceExists(store),
  new LimitPodHardAntiAffinityTopology(),
  new AlwaysPullImages(),
  new EventRateLimit(env.clock, eventLimits),
  new ExtendedResourceToleration(),
  new OwnerReferencesPermissionEnforcement(authorization, kinds),
  new DenyServiceExternalIps(),
];
