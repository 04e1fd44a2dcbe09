import { duplicate, type FieldError, forbidden, invalid, notFound, notSupported, required } from '../field-error.ts';
import { configKey, dnsLabel, dnsSubdomain, environmentName, headerName, portName, portNumber } from '../names.ts';
import { compareQuantity, parseQuantity } from '../quantity.ts';
import { mapOf, type Part, partOf, partsOf, textOf, textsOf } from './defaulting.ts';
import { byGrammar, named, notNegative, oneOf } from './rules.ts';

export interface ContainerSetting {
  readonly volumes: ReadonlySet<string>;
  readonly hostNetwork: boolean;
}

const protocols = ['SCTP', 'TCP', 'UDP'];

/** What must hold for every container, whatever it is for. */
export function containerRules(container: Part, path: string, setting: ContainerSetting): readonly FieldError[] {
  const image = textOf(container.image);
  return [
    ...named(dnsLabel, container.name, `${path}.name`),
    ...(image === '' ? [required(`${path}.image`)] : []),
    ...(image === image.trim()
      ? []
      : [invalid(`${path}.image`, image, 'must not have leading or trailing whitespace')]),
    ...oneOf(container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError'], `${path}.terminationMessagePolicy`),
    ...portsRules(partsOf(container.ports), `${path}.ports`, setting.hostNetwork),
    ...environmentRules(partsOf(container.env), `${path}.env`),
    ...sourcesRules(partsOf(container.envFrom), `${path}.envFrom`),
    ...mountRules(partsOf(container.volumeMounts), `${path}.volumeMounts`, setting.volumes),
    ...oneOf(container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], `${path}.imagePullPolicy`),
    ...resourcesRules(partOf(container.resources), `${path}.resources`),
  ];
}

/** Probes and hooks: what only containers that go on have. */
export function lifeRules(container: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const hooks = partOf(container.lifecycle);
  for (const hook of ['postStart', 'preStop']) {
    if (hooks[hook]) errors.push(...handlerRules(partOf(hooks[hook]), `${path}.lifecycle.${hook}`));
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (!container[probe]) continue;
    errors.push(...probeRules(partOf(container[probe]), `${path}.${probe}`));
    const { successThreshold } = partOf(container[probe]);
    if (probe !== 'readinessProbe' && successThreshold !== 1) {
      errors.push(invalid(`${path}.${probe}.successThreshold`, successThreshold ?? 0, 'must be 1'));
    }
  }
  return errors;
}

function probeRules(probe: Part, path: string): readonly FieldError[] {
  const numbers = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];
  const { terminationGracePeriodSeconds: grace } = probe;
  return [
    ...handlerRules(probe, path),
    ...numbers.flatMap((field) => notNegative(probe[field], `${path}.${field}`)),
    ...(typeof grace === 'number' && grace <= 0
      ? [invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')]
      : []),
  ];
}

function handlerRules(handler: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const kinds = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'].filter((kind) => handler[kind] !== undefined);
  if (kinds.length === 0) return [required(path, 'must specify a handler type')];
  for (const kind of kinds.slice(1)) {
    errors.push(forbidden(`${path}.${kind}`, 'may not specify more than 1 handler type'));
  }
  const [kind] = kinds as [string];
  const action = partOf(handler[kind]);
  const at = `${path}.${kind}`;
  if (kind === 'exec' && textsOf(action.command).length === 0) errors.push(required(`${at}.command`));
  if (kind === 'tcpSocket' || kind === 'httpGet') errors.push(...portRules(action.port, `${at}.port`));
  if (kind === 'grpc') errors.push(...portRules(action.port, `${at}.port`));
  if (kind !== 'httpGet') return errors;
  if (!action.path) errors.push(required(`${at}.path`));
  errors.push(...oneOf(action.scheme, ['HTTP', 'HTTPS'], `${at}.scheme`));
  for (const { name } of partsOf(action.httpHeaders)) {
    errors.push(...byGrammar(headerName, textOf(name), `${at}.httpHeaders`));
  }
  return errors;
}

/** A port by number or by name. */
export const portRules = (port: unknown, path: string): readonly FieldError[] =>
  typeof port === 'string' && port !== ''
    ? byGrammar(portName, port, path)
    : portNumber(Number(port ?? 0)).map((sentence) => invalid(path, port ?? 0, sentence));

function portsRules(ports: readonly Part[], path: string, hostNetwork: boolean): readonly FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `${path}[${index}]`;
    const name = textOf(port.name);
    if (name !== '') {
      const wrong = byGrammar(portName, name, `${at}.name`);
      errors.push(...wrong);
      if (wrong.length === 0 && names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    const { containerPort = 0, hostPort = 0 } = port as { containerPort?: number; hostPort?: number };
    if (containerPort === 0) errors.push(required(`${at}.containerPort`));
    else for (const s of portNumber(containerPort)) errors.push(invalid(`${at}.containerPort`, containerPort, s));
    if (hostPort !== 0) for (const s of portNumber(hostPort)) errors.push(invalid(`${at}.hostPort`, hostPort, s));
    if (hostNetwork && hostPort !== 0 && hostPort !== containerPort) {
      const sentence = 'must match `containerPort` when `hostNetwork` is true';
      errors.push(invalid(`${at}.hostPort`, hostPort, sentence));
    }
    if (!port.protocol) errors.push(required(`${at}.protocol`));
    else errors.push(...oneOf(port.protocol, protocols, `${at}.protocol`));
  }
  return errors;
}

const fieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const amounts = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const environmentSources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];

function environmentRules(variables: readonly Part[], path: string): readonly FieldError[] {
  return variables.flatMap((variable, index) => {
    const at = `${path}[${index}]`;
    const errors = [...named(environmentName, variable.name, `${at}.name`)];
    if (variable.valueFrom === undefined) return errors;
    const source = partOf(variable.valueFrom);
    const given = environmentSources.filter((name) => source[name] !== undefined);
    const from = `${at}.valueFrom`;
    if (source.fieldRef) errors.push(...fieldRefRules(partOf(source.fieldRef), `${from}.fieldRef`, fieldPaths));
    if (source.resourceFieldRef) {
      errors.push(...amountRules(partOf(source.resourceFieldRef), `${from}.resourceFieldRef`, false));
    }
    for (const name of ['configMapKeyRef', 'secretKeyRef']) {
      if (source[name]) errors.push(...keyRules(partOf(source[name]), `${from}.${name}`));
    }
    if (given.length === 0) {
      const sentence =
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
      errors.push(invalid(from, '', sentence));
    } else if (variable.value) errors.push(invalid(from, '', 'may not be specified when `value` is not empty'));
    if (given.length > 1) errors.push(invalid(from, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

const keyRules = (reference: Part, path: string): readonly FieldError[] => [
  ...byGrammar(dnsSubdomain, textOf(reference.name), `${path}.name`),
  ...named(configKey, reference.key, `${path}.key`),
];

export function fieldRefRules(reference: Part, path: string, allowed: readonly string[]): readonly FieldError[] {
  if (!reference.fieldPath) return [required(`${path}.fieldPath`)];
  const field = textOf(reference.fieldPath);
  const map = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(field);
  if (map) return [];
  if (allowed.includes(field)) return [];
  const known = [...fieldPaths, 'metadata.labels', 'metadata.annotations', 'spec.restartPolicy', 'status.phase'];
  if (known.includes(field)) return [notSupported(`${path}.fieldPath`, field, [...allowed].sort())];
  const sentence = `error converting fieldPath: field label not supported: ${field}`;
  return [invalid(`${path}.fieldPath`, field, sentence)];
}

export function amountRules(reference: Part, path: string, inVolume: boolean): readonly FieldError[] {
  if (inVolume && !reference.containerName) return [required(`${path}.containerName`)];
  if (!reference.resource) return [required(`${path}.resource`)];
  const name = textOf(reference.resource);
  const huge = /^(limits|requests)\.hugepages-/.test(name);
  return amounts.includes(name) || huge ? [] : [notSupported(`${path}.resource`, name, amounts)];
}

function sourcesRules(sources: readonly Part[], path: string): readonly FieldError[] {
  return sources.flatMap((source, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if (source.prefix) errors.push(...byGrammar(environmentName, textOf(source.prefix), `${at}.prefix`));
    const given = ['configMapRef', 'secretRef'].filter((name) => source[name] !== undefined);
    for (const name of given) {
      errors.push(...byGrammar(dnsSubdomain, textOf(partOf(source[name]).name), `${at}.${name}.name`));
    }
    if (given.length === 0) errors.push(invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (given.length > 1) errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

function mountRules(mounts: readonly Part[], path: string, volumes: ReadonlySet<string>): readonly FieldError[] {
  const places = new Set<string>();
  return mounts.flatMap((mount, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldError[] = [];
    const name = textOf(mount.name);
    if (name === '') errors.push(required(`${at}.name`));
    if (!volumes.has(name)) errors.push(notFound(`${at}.name`, name));
    const place = textOf(mount.mountPath);
    if (place === '') errors.push(required(`${at}.mountPath`));
    if (places.has(place)) errors.push(invalid(`${at}.mountPath`, place, 'must be unique'));
    places.add(place);
    const { subPath, subPathExpr } = mount as { subPath?: string; subPathExpr?: string };
    for (const [field, value] of Object.entries({ subPath, subPathExpr })) {
      if (!value) continue;
      if (value.startsWith('/')) errors.push(invalid(`${at}.${field}`, value, 'must be a relative path'));
      if (value.split('/').includes('..')) errors.push(invalid(`${at}.${field}`, value, "must not contain '..'"));
    }
    if (subPath && subPathExpr) {
      errors.push(invalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    }
    const modes = ['None', 'HostToContainer', 'Bidirectional'];
    errors.push(...oneOf(mount.mountPropagation, [...modes].sort(), `${at}.mountPropagation`));
    return errors;
  });
}

const standardResources = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Amounts are not negative, and no request is above its limit. */
export function resourcesRules(resources: Part, path: string): readonly FieldError[] {
  const limits = mapOf(resources.limits);
  const requests = mapOf(resources.requests);
  const errors: FieldError[] = [];
  for (const [field, amountsOf] of Object.entries({ limits, requests })) {
    for (const [name, amount] of Object.entries(amountsOf)) {
      const at = `${path}.${field}[${name}]`;
      if (!name.includes('/') && !standardResources.has(name) && !name.startsWith('hugepages-')) {
        errors.push(invalid(at, name, 'must be a standard resource type or fully qualified'));
        errors.push(invalid(at, name, 'must be a standard resource for containers'));
      }
      if (parseQuantity(amount).nanos < 0n) {
        errors.push(invalid(at, amount, 'must be greater than or equal to 0'));
      }
    }
  }
  for (const [name, amount] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit === undefined || compareQuantity(parseQuantity(amount), parseQuantity(limit)) <= 0) continue;
    const sentence = `must be less than or equal to ${name} limit of ${limit}`;
    errors.push(invalid(`${path}.requests`, amount, sentence));
  }
  return errors;
}
