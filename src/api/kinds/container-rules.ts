import type { FieldError } from '../field-error.ts';
import { dnsLabel, portName, portNumber } from '../names.ts';
import { Checked } from './checks.ts';
import { type Part, textOf } from './defaulting.ts';
import { validateEnvironment, validateEnvironmentSources } from './environment-rules.ts';
import { validateLife } from './probe-rules.ts';
import { validateRequirements } from './resource-name-rules.ts';
import { validateContainerSecurity } from './security-context-rules.ts';
import { validateDevices, validateMounts } from './volume-mount-rules.ts';

/** What containers need to know of the pod that they stand in. */
export interface ContainerSetting {
  /** The volumes that are in order, by their names. */
  readonly volumes: ReadonlyMap<string, Part>;
  readonly claims: ReadonlySet<string>;
  readonly restartPolicy: string;
  readonly graceSeconds: number | undefined;
  readonly ownUsers: boolean;
}

export function validateContainers(spec: Checked, setting: ContainerSetting): void {
  const containers = spec.at('containers');
  if (containers.items().length === 0) containers.missing();
  const names = new Set<string>();
  const ports = new Set<string>();
  for (const container of containers.items()) {
    validateCommon(container, setting);
    validateRestart(container);
    uniqueName(container, names);
    validateLife(container, setting.graceSeconds);
  }
  for (const container of containers.items()) uniqueHostPorts(container, ports);
  for (const container of spec.at('initContainers').items()) {
    validateCommon(container, setting);
    validateRestart(container);
    uniqueName(container, names);
    uniqueHostPorts(container, new Set());
    if (container.part.restartPolicy === 'Always') validateLife(container, setting.graceSeconds);
    else withoutLife(container);
  }
  for (const container of spec.at('ephemeralContainers').items()) validateEphemeral(container, setting, names);
}

const lifeFields = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'];
function withoutLife(container: Checked): void {
  for (const field of lifeFields) {
    if (container.at(field).isAbsent) continue;
    container.at(field).forbidden('may not be set for init containers without restartPolicy=Always');
  }
}

function uniqueName(container: Checked, names: Set<string>): void {
  const name = container.at('name');
  if (name.isEmpty) return;
  if (names.has(name.text)) name.duplicate(name.text);
  names.add(name.text);
}

function uniqueHostPorts(container: Checked, taken: Set<string>): void {
  for (const port of container.at('ports').items()) {
    const { hostPort = 0, hostIP = '', protocol = '' } = port.part;
    if (hostPort === 0) continue;
    const text = [textOf(protocol), textOf(hostIP), hostPort].join('/');
    if (taken.has(text)) port.at('hostPort').duplicate(text);
    taken.add(text);
  }
}

/** What holds for every container, whatever it is for. */
function validateCommon(container: Checked, setting: ContainerSetting): void {
  const name = container.at('name');
  if (name.needed()) name.like(dnsLabel);
  container.at('image').needed();
  container.at('terminationMessagePolicy').neededOneOf('File', 'FallbackToLogsOnError');
  validatePorts(container.at('ports'));
  validateEnvironment(container.at('env'));
  validateEnvironmentSources(container.at('envFrom'));
  validateMounts(container, setting.volumes);
  validateDevices(container, setting.volumes);
  container.at('imagePullPolicy').neededOneOf('Always', 'IfNotPresent', 'Never');
  validateRequirements(container.at('resources'), setting.claims);
  validateResizePolicies(container.at('resizePolicy'), setting.restartPolicy);
  validateContainerSecurity(container.at('securityContext'), setting.ownUsers);
}

function validatePorts(ports: Checked): void {
  const names = new Set<string>();
  for (const port of ports.items()) {
    const name = port.at('name');
    if (!name.isEmpty) {
      const sentences = portName(name.text);
      for (const sentence of sentences) name.invalid(sentence);
      if (sentences.length === 0 && names.has(name.text)) name.duplicate(name.text);
      if (sentences.length === 0) names.add(name.text);
    }
    const inside = port.at('containerPort');
    if (inside.number === 0) inside.missing();
    else for (const sentence of portNumber(inside.number)) inside.invalid(sentence);
    const outside = port.at('hostPort');
    if (outside.number !== 0) for (const sentence of portNumber(outside.number)) outside.invalid(sentence);
    port.at('protocol').neededOneOf('SCTP', 'TCP', 'UDP');
  }
}

function validateResizePolicies(policies: Checked, podRestartPolicy: string): void {
  const seen = new Set<string>();
  for (const policy of policies.items()) {
    const resource = policy.at('resourceName');
    if (seen.has(resource.text)) policy.duplicate(resource.text);
    seen.add(resource.text);
    resource.toldAt(policies.path).neededOneOf('cpu', 'memory');
    const restart = policy.at('restartPolicy').toldAt(policies.path);
    restart.neededOneOf('NotRequired', 'RestartContainer');
    if (podRestartPolicy === 'Never' && restart.text !== 'NotRequired') {
      restart.invalid("must be 'NotRequired' when `restartPolicy` is 'Never'");
    }
  }
}

const restartRulesMax = 20;
const exitCodesMax = 255;

/** When a container is started again, where it says so for itself. */
function validateRestart(container: Checked): void {
  const policy = container.at('restartPolicy');
  const rules = container.at('restartPolicyRules');
  if (policy.isAbsent) {
    if (!rules.isEmpty) policy.missing('must specify restartPolicy when restart rules are used');
  } else policy.oneOf('Always', 'Never', 'OnFailure');
  rules.itemsAtMost(restartRulesMax);
  for (const rule of rules.items()) {
    rule.at('action').neededOneOf('Restart', 'RestartAllContainers');
    const codes = rule.at('exitCodes');
    if (codes.isAbsent) {
      codes.missing('must be specified');
      continue;
    }
    codes.at('operator').neededOneOf('In', 'NotIn');
    if (codes.at('values').needed('must specify at least one value')) codes.at('values').itemsAtMost(exitCodesMax);
  }
}

/** The fields that a container may have that is put into a pod that runs. */
const ephemeralFields: ReadonlySet<string> = new Set([
  'args',
  'command',
  'env',
  'envFrom',
  'image',
  'imagePullPolicy',
  'name',
  'securityContext',
  'stdin',
  'stdinOnce',
  'targetContainerName',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'tty',
  'volumeDevices',
  'volumeMounts',
  'workingDir',
]);
const ephemeralSentence = 'cannot be set for an Ephemeral Container';

function validateEphemeral(container: Checked, setting: ContainerSetting, names: Set<string>): void {
  validateCommon(container, { ...setting, restartPolicy: '' });
  const target = textOf(container.part.targetContainerName);
  if (target !== '' && !names.has(target)) container.at('targetContainerName').notFound(target);
  uniqueName(container, names);
  for (const field of Object.keys(container.part)) {
    const value = container.at(field);
    const nothing = value.isEmpty || (typeof value.value === 'object' && Object.keys(value.part).length === 0);
    if (!ephemeralFields.has(field) && !nothing) value.forbidden(ephemeralSentence);
  }
  for (const mount of container.at('volumeMounts').items()) {
    for (const field of ['subPath', 'subPathExpr']) {
      if (!mount.at(field).isEmpty) mount.at(field).forbidden(ephemeralSentence);
    }
  }
}

/** What a template may leave open and a pod may not. */
export function validatePodContainers(spec: Checked): void {
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    for (const container of spec.at(list).items()) {
      const image = container.at('image');
      if (image.text.trim() !== image.text) image.invalid('must not have leading or trailing whitespace');
    }
  }
}

/** On the host's network a port is the host's as well; a template may leave it to its pods to say so. */
export function validateHostPorts(spec: Checked, isPod: boolean): void {
  if (spec.part.hostNetwork !== true) return;
  for (const container of spec.at('containers').items()) {
    for (const port of container.at('ports').items()) {
      const outside = port.at('hostPort');
      if (outside.number === port.at('containerPort').number || (!isPod && outside.number === 0)) continue;
      outside.invalidAs(outside.number, 'must match `containerPort` when `hostNetwork` is true');
    }
  }
}

/** The same for amounts that stand outside of a container. */
export function resourcesRules(resources: Part, path: string): readonly FieldError[] {
  const root = new Checked(resources, path);
  validateRequirements(root, new Set());
  return root.errors;
}
