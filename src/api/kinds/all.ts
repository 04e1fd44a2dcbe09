import { type Kind, makeKind } from '../kind.ts';
import { resources } from '../schema/tables/resources.ts';
import { apiServices } from './api-service.ts';
import { certificateSigningRequests } from './certificate-signing-request.ts';
import { clusterRoles } from './cluster-role.ts';
import { clusterRoleBindings } from './cluster-role-binding.ts';
import { configMaps } from './config-map.ts';
import { controllerRevisions } from './controller-revision.ts';
import { cronJobs } from './cron-job.ts';
import { csiDrivers } from './csi-driver.ts';
import { csiNodes } from './csi-node.ts';
import { csiStorageCapacities } from './csi-storage-capacity.ts';
import { customResourceDefinitions } from './custom-resource-definition.ts';
import { daemonSets } from './daemon-set.ts';
import { deployments } from './deployment.ts';
import { deviceClasses } from './device-class.ts';
import { endpointSlices } from './endpoint-slice.ts';
import { endpoints } from './endpoints.ts';
import { eventRecords, events } from './event.ts';
import { flowSchemas } from './flow-schema.ts';
import { horizontalPodAutoscalers, oldHorizontalPodAutoscalers } from './horizontal-pod-autoscaler.ts';
import { ingresses } from './ingress.ts';
import { ingressClasses } from './ingress-class.ts';
import { ipAddresses } from './ip-address.ts';
import { jobs } from './job.ts';
import { leases } from './lease.ts';
import { limitRanges } from './limit-range.ts';
import { mutatingAdmissionPolicies } from './mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindings } from './mutating-admission-policy-binding.ts';
import { mutatingWebhooks } from './mutating-webhook.ts';
import { namespaces } from './namespace.ts';
import { networkPolicies } from './network-policy.ts';
import { nodes } from './node.ts';
import { persistentVolumes } from './persistent-volume.ts';
import { persistentVolumeClaims } from './persistent-volume-claim.ts';
import { pods } from './pod.ts';
import { podDisruptionBudgets } from './pod-disruption-budget.ts';
import { podTemplates } from './pod-template.ts';
import { priorityClasses } from './priority-class.ts';
import { priorityLevels } from './priority-level.ts';
import { replicaSets } from './replica-set.ts';
import { replicationControllers } from './replication-controller.ts';
import { resourceClaims } from './resource-claim.ts';
import { resourceClaimTemplates } from './resource-claim-template.ts';
import { resourceQuotas } from './resource-quota.ts';
import { resourceSlices } from './resource-slice.ts';
import { roles } from './role.ts';
import { roleBindings } from './role-binding.ts';
import { runtimeClasses } from './runtime-class.ts';
import { secrets } from './secret.ts';
import { services } from './service.ts';
import { serviceAccounts } from './service-account.ts';
import { serviceCidrs } from './service-cidr.ts';
import { statefulSets } from './stateful-set.ts';
import { storageClasses } from './storage-class.ts';
import { validatingAdmissionPolicies } from './validating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from './validating-admission-policy-binding.ts';
import { validatingWebhooks } from './validating-webhook.ts';
import { volumeAttachments } from './volume-attachment.ts';
import { volumeAttributesClasses } from './volume-attributes-class.ts';

// Kinds with a file of their own. All the others are served by their facts and schema alone.
const ruled = [
  customResourceDefinitions,
  horizontalPodAutoscalers,
  oldHorizontalPodAutoscalers,
  resourceSlices,
  resourceClaimTemplates,
  resourceClaims,
  deviceClasses,
  serviceCidrs,
  ipAddresses,
  flowSchemas,
  priorityLevels,
  mutatingAdmissionPolicyBindings,
  validatingAdmissionPolicyBindings,
  mutatingAdmissionPolicies,
  validatingAdmissionPolicies,
  validatingWebhooks,
  mutatingWebhooks,
  apiServices,
  certificateSigningRequests,
  runtimeClasses,
  priorityClasses,
  podDisruptionBudgets,
  networkPolicies,
  ingressClasses,
  ingresses,
  clusterRoleBindings,
  roleBindings,
  clusterRoles,
  roles,
  limitRanges,
  resourceQuotas,
  endpoints,
  serviceAccounts,
  csiNodes,
  csiStorageCapacities,
  csiDrivers,
  volumeAttributesClasses,
  volumeAttachments,
  storageClasses,
  persistentVolumeClaims,
  persistentVolumes,
  podTemplates,
  controllerRevisions,
  cronJobs,
  jobs,
  replicationControllers,
  daemonSets,
  statefulSets,
  configMaps,
  deployments,
  endpointSlices,
  eventRecords,
  events,
  leases,
  namespaces,
  nodes,
  pods,
  replicaSets,
  secrets,
  services,
] as unknown as readonly Kind[];

const sameKind = (a: Kind, b: { readonly group: string; readonly version: string; readonly kind: string }) =>
  a.group === b.group && a.version === b.version && a.kind === b.kind;

/** Every built-in kind. */
export const builtInKinds: readonly Kind[] = resources.map(
  (facts) => ruled.find((kind) => sameKind(kind, facts)) ?? makeKind(facts),
);
