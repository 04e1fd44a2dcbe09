// Made by tools/schema.ts from the OpenAPI, discovery and protobuf facts of Kubernetes 1.36.3. Do not edit.
import { admission } from './admission.ts';
import { admissionregistration } from './admissionregistration.ts';
import { apidiscovery } from './apidiscovery.ts';
import { apiextensions } from './apiextensions.ts';
import { apiregistration } from './apiregistration.ts';
import { apiserverinternal } from './apiserverinternal.ts';
import { apps } from './apps.ts';
import { authentication } from './authentication.ts';
import { authorization } from './authorization.ts';
import { autoscaling } from './autoscaling.ts';
import { batch } from './batch.ts';
import { certificates } from './certificates.ts';
import { coordination } from './coordination.ts';
import { core } from './core.ts';
import { discovery } from './discovery.ts';
import { events } from './events.ts';
import { extensions } from './extensions.ts';
import { flowcontrol } from './flowcontrol.ts';
import { imagepolicy } from './imagepolicy.ts';
import { meta } from './meta.ts';
import { networking } from './networking.ts';
import { node } from './node.ts';
import { policy } from './policy.ts';
import { rbac } from './rbac.ts';
import { resource } from './resource.ts';
import { runtime } from './runtime.ts';
import { scheduling } from './scheduling.ts';
import { storage } from './storage.ts';
import { storagemigration } from './storagemigration.ts';
import { testapigroup } from './testapigroup.ts';
import { version } from './version.ts';

export const groups: Readonly<Record<string, () => string>> = {
  admission: () => admission,
  admissionregistration: () => admissionregistration,
  apidiscovery: () => apidiscovery,
  apiextensions: () => apiextensions,
  apiregistration: () => apiregistration,
  apiserverinternal: () => apiserverinternal,
  apps: () => apps,
  authentication: () => authentication,
  authorization: () => authorization,
  autoscaling: () => autoscaling,
  batch: () => batch,
  certificates: () => certificates,
  coordination: () => coordination,
  core: () => core,
  discovery: () => discovery,
  events: () => events,
  extensions: () => extensions,
  flowcontrol: () => flowcontrol,
  imagepolicy: () => imagepolicy,
  meta: () => meta,
  networking: () => networking,
  node: () => node,
  policy: () => policy,
  rbac: () => rbac,
  resource: () => resource,
  runtime: () => runtime,
  scheduling: () => scheduling,
  storage: () => storage,
  storagemigration: () => storagemigration,
  testapigroup: () => testapigroup,
  version: () => version,
};
