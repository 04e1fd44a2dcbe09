import { forbidden, invalid, required } from '../field-error.ts';
import { dnsLabel, dnsOldLabel, dnsSubdomain, isIpv4, isIpv6, portName, portNumber } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';

export const ingressRules = rulesOf((root) => validateIngress(root.at('spec')));
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
  spec.at('ingressClassName').optionalLike(dnsSubdomain);
}

function validateHost(host: Checked): void {
  if (host.text.startsWith('*.')) {
    for (const sentence of dnsSubdomain(host.text.slice(2))) host.invalid(sentence);
  } else host.like(dnsSubdomain);
}

function validateRule(rule: Checked): void {
  const host = rule.at('host');
  if (!host.isEmpty) {
    if (isIpv4(host.text) || isIpv6(host.text)) host.invalid('must be a DNS name, not an IP address');
    else validateHost(host);
  }
  const http = rule.at('http');
  if (http.isAbsent || !http.at('paths').needed()) return;
  for (const path of http.at('paths').items()) validatePath(path);
}

function validatePath(item: Checked): void {
  const path = item.at('path');
  const type = item.at('pathType');
  if (type.isAbsent) type.add(required(type.path, 'pathType must be specified'));
  else if (type.text === 'Exact' || type.text === 'Prefix') {
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
    backend.invalid('cannot set both resource and service backends');
  } else if (!resource.isAbsent) validateReference(resource);
  else if (service.isAbsent) backend.invalid('resource or service backend is required');
  else {
    if (service.at('name').needed()) service.at('name').like(dnsOldLabel);
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
  resource.at('apiGroup').optionalLike(dnsSubdomain);
  resource.at('kind').needed();
  resource.at('name').needed();
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
    const [domain = '', ...rest] = controller.text.split('/');
    if (rest.join('/') === '' || dnsSubdomain(domain).length > 0) {
      controller.invalid('must be a domain-prefixed path (such as "acme.io/foo")');
    }
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
