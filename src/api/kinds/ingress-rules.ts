import { forbidden, invalid, required } from '../field-error.ts';
import { dnsLabel, dnsSubdomain, pathSegment, portName, portNumber } from '../names.ts';
import { isAddress, strictAddress } from './addresses.ts';
import { type Checked, rulesOf } from './checks.ts';

export const ingressRules = rulesOf(
  (root, previous) => {
    validateIngress(root.at('spec'));
    if (!previous) validateClassNamedOnce(root);
  },
  (root) => {
    for (const ingress of root.at('status').at('loadBalancer').at('ingress').items()) validateAddress(ingress);
  },
);
export const ingressClassRules = rulesOf((root, previous) => validateClass(root.at('spec'), previous));

function validateIngress(spec: Checked): void {
  const rules = spec.at('rules');
  const backend = spec.at('defaultBackend');
  if (rules.isEmpty && backend.isAbsent) {
    spec.invalid('either `defaultBackend` or `rules` must be specified');
  }
  if (!backend.isAbsent) validateBackend(backend);
  for (const rule of rules.items()) validateRule(rule);
  for (const tls of spec.at('tls').items()) {
    for (const host of tls.at('hosts').items()) validateHost(host);
    tls.at('secretName').optionalLike(dnsSubdomain);
  }
  if (!spec.at('ingressClassName').isAbsent) spec.at('ingressClassName').like(dnsSubdomain);
}

export const classAnnotation = 'kubernetes.io/ingress.class';
function validateClassNamedOnce(root: Checked): void {
  const old = root.at('metadata').at('annotations').part[classAnnotation];
  if (old === undefined || root.at('spec').at('ingressClassName').isAbsent) return;
  root.add(invalid(`annotations.${classAnnotation}`, old, 'can not be set when the class field is also set'));
}

/** Where traffic comes in, as whoever lets it in has written it into the status. */
export function validateAddress(ingress: Checked): void {
  ingress.at('ip').optionalLike(strictAddress);
  const host = ingress.at('hostname');
  if (host.isEmpty) return;
  host.like(dnsSubdomain);
  if (isAddress(host.text)) host.invalid('must be a DNS name, not an IP address');
}

function validateHost(host: Checked): void {
  if (host.text.startsWith('*.')) {
    for (const sentence of dnsSubdomain(host.text.slice(2))) host.invalid(sentence);
  } else host.like(dnsSubdomain);
}

function validateRule(rule: Checked): void {
  const host = rule.at('host');
  if (!host.isEmpty) {
    if (isAddress(host.text)) host.invalid('must be a DNS name, not an IP address');
    else validateHost(host);
  }
  const http = rule.at('http');
  if (http.isAbsent || !http.at('paths').needed()) return;
  for (const path of http.at('paths').items()) validatePath(path);
}

function validatePath(item: Checked): void {
  const path = item.at('path');
  const type = item.at('pathType');
  if (type.isAbsent) {
    type.add(required(type.path, 'pathType must be specified'));
    return;
  }
  if (type.text === 'Exact' || type.text === 'Prefix') {
    if (!path.text.startsWith('/')) path.invalid('must be an absolute path');
    for (const part of ['//', '/./', '/../', '%2f', '%2F'])
      if (path.text.includes(part)) path.invalid(`must not contain '${part}'`);
    for (const end of ['/..', '/.']) if (path.text.endsWith(end)) path.invalid(`cannot end with '${end}'`);
  } else if (type.text === 'ImplementationSpecific') {
    if (!path.isEmpty && !path.text.startsWith('/')) path.invalid('must be an absolute path');
  } else type.oneOf('Exact', 'ImplementationSpecific', 'Prefix');
  validateBackend(item.at('backend'));
}

function validateBackend(backend: Checked): void {
  const service = backend.at('service');
  const resource = backend.at('resource');
  if (!service.isAbsent && !resource.isAbsent) {
    backend.invalidAs('', 'cannot set both resource and service backends');
  } else if (!resource.isAbsent) validateReference(resource);
  else if (service.isAbsent) backend.invalidAs('', 'resource or service backend is required');
  else {
    if (service.at('name').needed()) service.at('name').like(dnsLabel);
    const port = service.at('port');
    const named = !port.at('name').isEmpty;
    const numbered = port.at('number').number !== 0;
    if (named && numbered) backend.add(invalid(backend.path, '', 'cannot set both port name & port number'));
    else if (named) port.at('name').like(portName);
    else if (numbered) for (const sentence of portNumber(port.at('number').number)) port.at('number').invalid(sentence);
    else backend.add(required(backend.path, 'port name or number is required'));
  }
}

function validateReference(resource: Checked): void {
  const group = resource.at('apiGroup');
  if (!group.isAbsent) group.like(dnsSubdomain);
  for (const key of ['kind', 'name']) if (resource.at(key).needed()) resource.at(key).like(pathSegment);
}

/** A domain, a slash, and a path below it. */
function domainPathRules(at: Checked): void {
  const slash = at.text.indexOf('/');
  const domain = at.text.slice(0, slash);
  const path = at.text.slice(slash + 1);
  if (slash < 1 || path === '') {
    at.invalid('must be a domain-prefixed path (such as "acme.io/foo")');
    return;
  }
  for (const sentence of dnsSubdomain(domain)) at.add(invalid(at.path, domain, sentence));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path)) {
    const pattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
    at.add(invalid(at.path, path, `Invalid path (regex used for validation is '${pattern}')`));
  }
}

const controllerMax = 250;
function validateClass(spec: Checked, previous: Checked | undefined): void {
  const controller = spec.at('controller');
  if (controller.needed()) {
    if (controller.text.length > controllerMax) {
      controller.add({
        path: controller.path,
        type: 'TooLong',
        text: `Too long: may not be more than ${controllerMax} bytes`,
      });
    }
    domainPathRules(controller);
  }
  if (previous) controller.same(previous.at('spec').part.controller);
  const parameters = spec.at('parameters');
  if (parameters.isAbsent) return;
  validateReference(parameters);
  const namespace = parameters.at('namespace');
  if (!parameters.at('scope').oneOf('Cluster', 'Namespace')) return;
  const scope = parameters.at('scope').text;
  if (scope === 'Namespace') {
    if (namespace.isAbsent) namespace.add(required(namespace.path, "`parameters.scope` is set to 'Namespace'"));
    else namespace.like(dnsLabel);
  } else if (!namespace.isAbsent) {
    namespace.add(forbidden(namespace.path, "`parameters.scope` is set to 'Cluster'"));
  }
}
