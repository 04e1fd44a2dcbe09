import { certificateSigningRequests } from '../api/kinds/certificate-signing-request.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import { csiDrivers } from '../api/kinds/csi-driver.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { endpoints } from '../api/kinds/endpoints.ts';
import { flowSchemas } from '../api/kinds/flow-schema.ts';
import { horizontalPodAutoscalers } from '../api/kinds/horizontal-pod-autoscaler.ts';
import { ipAddresses } from '../api/kinds/ip-address.ts';
import { leases } from '../api/kinds/lease.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { networkPolicies } from '../api/kinds/network-policy.ts';
import { nodes } from '../api/kinds/node.ts';
import { persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { pods } from '../api/kinds/pod.ts';
import { priorityLevels } from '../api/kinds/priority-level.ts';
import { resourceClaims } from '../api/kinds/resource-claim.ts';
import { resourceClaimTemplates } from '../api/kinds/resource-claim-template.ts';
import { resourceQuotas } from '../api/kinds/resource-quota.ts';
import { secrets } from '../api/kinds/secret.ts';
import { services } from '../api/kinds/service.ts';
import { serviceAccounts } from '../api/kinds/service-account.ts';
import { serviceCidrs } from '../api/kinds/service-cidr.ts';
import { storageClasses } from '../api/kinds/storage-class.ts';
import { volumeAttachments } from '../api/kinds/volume-attachment.ts';
import { volumeAttributesClasses } from '../api/kinds/volume-attributes-class.ts';
import type { Crypto } from '../base/env.ts';
import type { Caches } from '../machinery/caches.ts';
import type { Controller } from '../machinery/controller.ts';
import type { KindCaches } from '../machinery/kind-caches.ts';
import { AttachDetachController } from './attach-detach.ts';
import { BootstrapSigner } from './bootstrap-signer.ts';
import { CertificateApprover } from './certificate-approver.ts';
import { CertificateCleaner } from './certificate-cleaner.ts';
import { CertificateSigner } from './certificate-signer.ts';
import { EndpointSliceController } from './endpoint-slice.ts';
import { EndpointSliceMirroringController } from './endpoint-slice-mirroring.ts';
import { EndpointsController } from './endpoints.ts';
import { EphemeralVolumeController } from './ephemeral-volume.ts';
import { FlowSchemaStatusController } from './flow-schema-status.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { HorizontalPodAutoscalerController } from './horizontal-pod-autoscaler.ts';
import { LegacyTokenCleaner } from './legacy-token-cleaner.ts';
import { LoadBalancerController } from './load-balancer.ts';
import { LocalPathProvisioner } from './local-path.ts';
import { NamespaceController } from './namespace.ts';
import { NetworkPolicyNoticeController } from './network-policy-notice.ts';
import { NodeIpamController } from './node-ipam.ts';
import { NodeLifecycleController } from './node-lifecycle.ts';
import { NodeTtlController } from './node-ttl.ts';
import { PodGarbageCollector } from './pod-garbage-collector.ts';
import { Rebalancer } from './rebalancer.ts';
import { ResourceClaimController } from './resource-claims.ts';
import { ResourceQuotaController } from './resource-quota.ts';
import { RootCaPublisher } from './root-ca.ts';
import { ServiceAccountController } from './service-account.ts';
import { ServiceAddressController } from './service-addresses.ts';
import { ServiceCidrController } from './service-cidr.ts';
import { StatefulSetFencing } from './stateful-set-fencing.ts';
import {
  AttributesClassProtectionController,
  ClaimProtectionController,
  VolumeProtectionController,
} from './storage-protection.ts';
import type { Timing } from './timing.ts';
import { TokenCleaner } from './token-cleaner.ts';
import { VolumeBinder } from './volume-binding.ts';

export interface ClusterSetting {
  readonly timing: Timing;
  readonly crypto: Pick<Crypto, 'digest'>;
  /** What nodes get parts of; without it nobody gives them any. */
  readonly podRange?: string;
  /** Pods are moved to nodes that come. */
  readonly rebalance?: boolean;
  readonly balancer?: BalancerSetting;
}

/** Who gives addresses to services of type LoadBalancer; without a pool it is this machine's own. */
export interface BalancerSetting {
  readonly pool?: string;
}

/** The controllers that look after the cluster itself rather than after somebody's workload. */
export function clusterControllers(
  caches: Caches,
  kinds: KindCaches,
  { timing, crypto, podRange, rebalance, balancer }: ClusterSetting,
): readonly Controller<unknown>[] {
  const controllers: readonly unknown[] = [
    ...serviceControllers(caches),
    ...(balancer ? [new LoadBalancerController(caches.of(services), balancer.pool)] : []),
    new NodeLifecycleController({ nodes: caches.of(nodes), leases: caches.of(leases), pods: caches.of(pods) }, timing),
    ...(timing.linkGraceMs === undefined ? [] : [new StatefulSetFencing(caches.of(pods), caches.of(nodes))]),
    new NodeTtlController(caches.of(nodes)),
    ...(rebalance ? [new Rebalancer(caches.of(pods), caches.of(nodes))] : []),
    ...(podRange === undefined ? [] : [new NodeIpamController(caches.of(nodes), podRange)]),
    new PodGarbageCollector(caches.of(pods), caches.of(nodes), timing),
    ...storageControllers(caches, crypto),
    new ResourceClaimController(caches.of(pods), caches.of(resourceClaims), caches.of(resourceClaimTemplates)),
    ...accessControllers(caches, crypto),
    new NamespaceController(caches.of(namespaces), kinds),
    new GarbageCollector(kinds),
    new HorizontalPodAutoscalerController(
      { scalers: caches.of(horizontalPodAutoscalers), pods: caches.of(pods) },
      kinds,
      timing,
    ),
    new ResourceQuotaController(caches.of(resourceQuotas), kinds),
    new FlowSchemaStatusController(caches.of(flowSchemas), caches.of(priorityLevels)),
  ];
  return controllers as readonly Controller<unknown>[];
}

function serviceControllers(caches: Caches): readonly unknown[] {
  const [known, behind, slices] = [caches.of(services), caches.of(pods), caches.of(endpointSlices)];
  return [
    new EndpointSliceController({ services: known, pods: behind, slices, nodes: caches.of(nodes) }),
    new EndpointsController(known, behind, caches.of(endpoints)),
    new EndpointSliceMirroringController(known, caches.of(endpoints), slices),
    new ServiceAddressController(known, caches.of(ipAddresses)),
    new NetworkPolicyNoticeController(caches.of(networkPolicies), caches.of(nodes)),
    new ServiceCidrController(caches.of(serviceCidrs), caches.of(ipAddresses)),
  ];
}

function storageControllers(caches: Caches, crypto: Pick<Crypto, 'digest'>): readonly unknown[] {
  const [claims, volumes, users] = [caches.of(persistentVolumeClaims), caches.of(persistentVolumes), caches.of(pods)];
  return [
    new VolumeBinder({ claims, volumes, classes: caches.of(storageClasses), pods: users }),
    new ClaimProtectionController(claims, users),
    new VolumeProtectionController(volumes),
    new AttributesClassProtectionController(caches.of(volumeAttributesClasses), claims, volumes),
    new EphemeralVolumeController(users, claims),
    new AttachDetachController(
      { volumes, pods: users, attachments: caches.of(volumeAttachments), drivers: caches.of(csiDrivers) },
      crypto,
    ),
    new LocalPathProvisioner({ claims, volumes, classes: caches.of(storageClasses), nodes: caches.of(nodes) }),
  ];
}

/** Who gets into the cluster: certificates, and the tokens with which machines join. */
function accessControllers(caches: Caches, crypto: Pick<Crypto, 'digest'>): readonly unknown[] {
  const [requests, kept] = [caches.of(certificateSigningRequests), caches.of(secrets)];
  return [
    new ServiceAccountController(caches.of(namespaces), caches.of(serviceAccounts)),
    new RootCaPublisher(caches.of(namespaces), caches.of(configMaps)),
    new CertificateApprover(requests),
    new CertificateSigner(requests),
    new CertificateCleaner(requests),
    new BootstrapSigner(caches.of(configMaps), kept, crypto),
    new TokenCleaner(kept),
    new LegacyTokenCleaner({
      secrets: kept,
      accounts: caches.of(serviceAccounts),
      pods: caches.of(pods),
      maps: caches.of(configMaps),
    }),
  ];
}
