/**
 * What a real Kubernetes 1.36 answered when it was asked who may do what, each of six verbs in a namespace: who, and
 * which of get, list, create, patch, delete and deletecollection (g l c p d D) he may do, to each of what follows.
 */
export const recorded = `
anonymous ------
  certificatesigningrequests.certificates.k8s.io componentstatuses flowschemas.flowcontrol.apiserver.k8s.io
  ingressclasses.networking.k8s.io limitranges localsubjectaccessreviews.authorization.k8s.io namespaces/finalize
  pods/attach pods/portforward podtemplates replicasets.apps replicationcontrollers/scale
  resourceclaims.resource.k8s.io roles.rbac.authorization.k8s.io secrets serviceaccounts/token services
authenticated --c---
  selfsubjectreviews.authentication.k8s.io
authenticated ------
  apiservices.apiregistration.k8s.io bindings certificatesigningrequests.certificates.k8s.io
  certificatesigningrequests.certificates.k8s.io/approval certificatesigningrequests.certificates.k8s.io/status
  clusterrolebindings.rbac.authorization.k8s.io clusterroles.rbac.authorization.k8s.io componentstatuses configmaps
  controllerrevisions.apps cronjobs.batch csistoragecapacities.storage.k8s.io
  customresourcedefinitions.apiextensions.k8s.io deployments.apps/scale deployments.apps/status events
  flowschemas.flowcontrol.apiserver.k8s.io horizontalpodautoscalers.autoscaling ingressclasses.networking.k8s.io
  ingresses.extensions jobs.batch leases.coordination.k8s.io limitranges networkpolicies.networking.k8s.io
  nodes/proxy persistentvolumeclaims pods pods/attach pods/binding pods/portforward pods/proxy pods/status
  podtemplates replicasets.apps/scale replicationcontrollers resourcequotas resourceslices.resource.k8s.io
  rolebindings.rbac.authorization.k8s.io roles.rbac.authorization.k8s.io runtimeclasses.node.k8s.io secrets
  services/proxy tokenreviews.authentication.k8s.io validatingwebhookconfigurations.admissionregistration.k8s.io
  widgets.example.com
bootstrappers ------
  certificatesigningrequests.certificates.k8s.io/status configmaps cronjobs.batch csistoragecapacities.storage.k8s.io
  deployments.apps deviceclasses.resource.k8s.io endpoints ingressclasses.networking.k8s.io
  localsubjectaccessreviews.authorization.k8s.io namespaces namespaces/finalize nodes persistentvolumeclaims/status
  pods pods/attach pods/ephemeralcontainers pods/eviction replicasets.apps/scale resourceclaims.resource.k8s.io
  runtimeclasses.node.k8s.io subjectaccessreviews.authorization.k8s.io
masters glcpdD
  controllerrevisions.apps endpoints endpointslices.discovery.k8s.io ingresses.networking.k8s.io jobs.batch
  leases.coordination.k8s.io poddisruptionbudgets.policy pods/eviction pods/portforward replicasets.apps/scale
  replicationcontrollers serviceaccounts/token services subjectaccessreviews.authorization.k8s.io
cluster-admin glcpdD
  configmaps cronjobs.batch csistoragecapacities.storage.k8s.io daemonsets.apps deployments.apps
  endpointslices.discovery.k8s.io flowschemas.flowcontrol.apiserver.k8s.io namespaces/status pods/attach pods/resize
  podtemplates replicasets.apps/scale resourceslices.resource.k8s.io roles.rbac.authorization.k8s.io
  runtimeclasses.node.k8s.io selfsubjectreviews.authentication.k8s.io services/proxy
  tokenreviews.authentication.k8s.io
cluster-admin-ns glcpdD
  certificatesigningrequests.certificates.k8s.io deployments.apps/scale events.events.k8s.io ingresses.extensions
  persistentvolumeclaims podtemplates priorityclasses.scheduling.k8s.io replicationcontrollers services/proxy
  services/status statefulsets.apps
admin glcpdD
  events.events.k8s.io horizontalpodautoscalers.autoscaling ingresses.extensions ingresses.networking.k8s.io
  pods/attach pods/proxy replicationcontrollers services services/proxy
admin gl----
  bindings daemonsets.apps/status deployments.apps/status jobs.batch/status limitranges namespaces/status
  resourcequotas services/status
admin --c---
  pods/eviction serviceaccounts/token
admin ------
  apiservices.apiregistration.k8s.io certificatesigningrequests.certificates.k8s.io
  certificatesigningrequests.certificates.k8s.io/status clusterrolebindings.rbac.authorization.k8s.io
  clusterroles.rbac.authorization.k8s.io csinodes.storage.k8s.io csistoragecapacities.storage.k8s.io
  ingressclasses.networking.k8s.io namespaces/finalize nodes/proxy nodes/status persistentvolumes pods.metrics.k8s.io
  pods/binding pods/ephemeralcontainers pods/resize priorityclasses.scheduling.k8s.io resourceslices.resource.k8s.io
  runtimeclasses.node.k8s.io selfsubjectreviews.authentication.k8s.io storageclasses.storage.k8s.io
  tokenreviews.authentication.k8s.io
edit glcpdD
  cronjobs.batch deployments.apps/scale events horizontalpodautoscalers.autoscaling ingresses.extensions jobs.batch
  leases.coordination.k8s.io poddisruptionbudgets.policy pods/portforward replicasets.apps
  resourceclaims.resource.k8s.io secrets serviceaccounts services/proxy statefulsets.apps
edit gl----
  controllerrevisions.apps daemonsets.apps/status endpoints endpointslices.discovery.k8s.io limitranges namespaces
  persistentvolumeclaims/status pods/status resourcequotas
edit --c---
  pods/eviction
edit ------
  apiservices.apiregistration.k8s.io certificatesigningrequests.certificates.k8s.io
  certificatesigningrequests.certificates.k8s.io/approval customresourcedefinitions.apiextensions.k8s.io
  flowschemas.flowcontrol.apiserver.k8s.io nodes persistentvolumes pods.metrics.k8s.io pods/binding
  pods/ephemeralcontainers pods/resize selfsubjectaccessreviews.authorization.k8s.io
  selfsubjectreviews.authentication.k8s.io storageclasses.storage.k8s.io
builder glcpdD
  configmaps daemonsets.apps deployments.apps deployments.apps/scale events horizontalpodautoscalers.autoscaling
  ingresses.extensions jobs.batch networkpolicies.networking.k8s.io pods/attach pods/exec pods/portforward pods/proxy
  replicationcontrollers/scale secrets
builder gl----
  bindings controllerrevisions.apps daemonsets.apps/status jobs.batch/status namespaces namespaces/status pods/log
  resourcequotas/status
builder --c---
  selfsubjectaccessreviews.authorization.k8s.io selfsubjectreviews.authentication.k8s.io serviceaccounts/token
builder ------
  apiservices.apiregistration.k8s.io certificatesigningrequests.certificates.k8s.io
  certificatesigningrequests.certificates.k8s.io/approval csistoragecapacities.storage.k8s.io
  customresourcedefinitions.apiextensions.k8s.io flowschemas.flowcontrol.apiserver.k8s.io
  localsubjectaccessreviews.authorization.k8s.io nodes/metrics nodes/status pods/binding pods/ephemeralcontainers
  podtemplates resourceslices.resource.k8s.io rolebindings.rbac.authorization.k8s.io storageclasses.storage.k8s.io
  subjectaccessreviews.authorization.k8s.io validatingwebhookconfigurations.admissionregistration.k8s.io
  volumeattachments.storage.k8s.io
view gl----
  bindings configmaps controllerrevisions.apps daemonsets.apps/status deployments.apps deployments.apps/scale
  endpoints events ingresses.extensions ingresses.networking.k8s.io jobs.batch poddisruptionbudgets.policy pods
  pods/status replicasets.apps replicationcontrollers replicationcontrollers/scale resourcequotas services
  statefulsets.apps
view ------
  apiservices.apiregistration.k8s.io certificatesigningrequests.certificates.k8s.io csinodes.storage.k8s.io
  deviceclasses.resource.k8s.io flowschemas.flowcontrol.apiserver.k8s.io ingressclasses.networking.k8s.io
  nodes/metrics nodes/status pods/attach pods/portforward rolebindings.rbac.authorization.k8s.io
  runtimeclasses.node.k8s.io selfsubjectaccessreviews.authorization.k8s.io selfsubjectreviews.authentication.k8s.io
  serviceaccounts/token storageclasses.storage.k8s.io subjectaccessreviews.authorization.k8s.io
  tokenreviews.authentication.k8s.io validatingwebhookconfigurations.admissionregistration.k8s.io widgets.example.com
cluster-view gl----
  configmaps cronjobs.batch deployments.apps/status endpointslices.discovery.k8s.io pods/log replicasets.apps/scale
cluster-view ------
  ingressclasses.networking.k8s.io leases.coordination.k8s.io pods/attach pods/proxy
  rolebindings.rbac.authorization.k8s.io roles.rbac.authorization.k8s.io services/proxy
  tokenreviews.authentication.k8s.io widgets.example.com
controllers glc-d-
  secrets
controllers gl----
  configmaps namespaces
controllers -lcp--
  events
controllers -lc---
  selfsubjectaccessreviews.authorization.k8s.io selfsubjectreviews.authentication.k8s.io serviceaccounts/token
  tokenreviews.authentication.k8s.io
controllers -l----
  bindings certificatesigningrequests.certificates.k8s.io/approval componentstatuses controllerrevisions.apps
  csinodes.storage.k8s.io daemonsets.apps/status deployments.apps/scale deployments.apps/status endpoints
  endpointslices.discovery.k8s.io ingressclasses.networking.k8s.io ingresses.networking.k8s.io namespaces/finalize
  nodes persistentvolumes poddisruptionbudgets.policy pods pods/attach pods/binding pods/ephemeralcontainers pods/log
  pods/portforward podtemplates priorityclasses.scheduling.k8s.io replicasets.apps replicationcontrollers/scale
  resourceclaims.resource.k8s.io resourceslices.resource.k8s.io rolebindings.rbac.authorization.k8s.io
  runtimeclasses.node.k8s.io services statefulsets.apps storageclasses.storage.k8s.io
  validatingwebhookconfigurations.admissionregistration.k8s.io
scheduler glcpd-
  resourceclaims.resource.k8s.io
scheduler gl--d-
  pods
scheduler gl----
  csinodes.storage.k8s.io csistoragecapacities.storage.k8s.io namespaces nodes replicasets.apps
  resourceslices.resource.k8s.io services
scheduler --cp--
  events.events.k8s.io
scheduler --c---
  leases.coordination.k8s.io pods/binding selfsubjectreviews.authentication.k8s.io
  selfsubjectrulesreviews.authorization.k8s.io subjectaccessreviews.authorization.k8s.io
scheduler ------
  certificatesigningrequests.certificates.k8s.io/approval clusterrolebindings.rbac.authorization.k8s.io
  clusterroles.rbac.authorization.k8s.io controllerrevisions.apps daemonsets.apps/status deployments.apps endpoints
  flowschemas.flowcontrol.apiserver.k8s.io ingresses.extensions ingresses.networking.k8s.io jobs.batch/status
  localsubjectaccessreviews.authorization.k8s.io namespaces/finalize namespaces/status
  networkpolicies.networking.k8s.io nodes/metrics nodes/proxy nodes/status pods.metrics.k8s.io
  pods/ephemeralcontainers pods/eviction pods/portforward pods/proxy podtemplates replicationcontrollers/scale
  resourcequotas/status rolebindings.rbac.authorization.k8s.io serviceaccounts/token services/proxy services/status
  widgets.example.com
proxy -l----
  endpointslices.discovery.k8s.io
proxy ------
  configmaps cronjobs.batch daemonsets.apps daemonsets.apps/status deployments.apps/status
  ingressclasses.networking.k8s.io namespaces/status networkpolicies.networking.k8s.io nodes/proxy
  pods.metrics.k8s.io pods/attach pods/binding pods/log podtemplates resourcequotas/status
  tokenreviews.authentication.k8s.io
dns ------
  apiservices.apiregistration.k8s.io configmaps csinodes.storage.k8s.io daemonsets.apps/status
  deviceclasses.resource.k8s.io localsubjectaccessreviews.authorization.k8s.io namespaces/status nodes/metrics
  persistentvolumeclaims persistentvolumes replicationcontrollers/scale resourcequotas/status
  resourceslices.resource.k8s.io selfsubjectrulesreviews.authorization.k8s.io
  validatingwebhookconfigurations.admissionregistration.k8s.io widgets.example.com
monitoring ------
  certificatesigningrequests.certificates.k8s.io/approval csistoragecapacities.storage.k8s.io deployments.apps/scale
  endpointslices.discovery.k8s.io leases.coordination.k8s.io persistentvolumeclaims/status persistentvolumes pods/log
  pods/status replicasets.apps replicationcontrollers resourcequotas selfsubjectaccessreviews.authorization.k8s.io
  selfsubjectrulesreviews.authorization.k8s.io services storageclasses.storage.k8s.io
  subjectaccessreviews.authorization.k8s.io validatingwebhookconfigurations.admissionregistration.k8s.io
no-groups ------
  certificatesigningrequests.certificates.k8s.io/status clusterrolebindings.rbac.authorization.k8s.io
  deviceclasses.resource.k8s.io flowschemas.flowcontrol.apiserver.k8s.io jobs.batch jobs.batch/status limitranges
  nodes/proxy nodes/status podtemplates replicationcontrollers secrets serviceaccounts
nodes-group ------
  bindings certificatesigningrequests.certificates.k8s.io/approval
  certificatesigningrequests.certificates.k8s.io/status clusterrolebindings.rbac.authorization.k8s.io configmaps
  deployments.apps events.events.k8s.io nodes nodes/metrics resourcequotas services/status
`;
