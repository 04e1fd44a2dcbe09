import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../field-error.ts';
import { validateLabels, validateSelector } from '../metadata-rules.ts';
import { dnsLabel, dnsSubdomain, dnsSubdomainWithUnderscore, ipAddress, labelValue, qualifiedName } from '../names.ts';
import { containerRules, lifeRules, resourcesRules } from './container-rules.ts';
import { mapOf, type Part, partOf, partsOf, textOf, textsOf } from './defaulting.ts';
import { byGrammar, named, notNegative, oneOf } from './rules.ts';
import { volumesRules } from './volume-rules.ts';

/** What must hold for a pod's spec, in a pod or in a template. */
export function podSpecRules(spec: Part, path: string): readonly FieldError[] {
  const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
  return [
    ...volumesRules(partsOf(spec.volumes), `${path}.volumes`),
    ...allContainersRules(spec, path),
    ...oneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${path}.restartPolicy`),
    ...oneOf(spec.dnsPolicy, dnsPolicies, `${path}.dnsPolicy`),
    ...validateLabels(mapOf(spec.nodeSelector), `${path}.nodeSelector`),
    ...securityRules(partOf(spec.securityContext), `${path}.securityContext`),
    ...partsOf(spec.imagePullSecrets).flatMap(({ name }, index) =>
      name ? [] : [required(`${path}.imagePullSecrets[${index}].name`)],
    ),
    ...affinityRules(partOf(spec.affinity), `${path}.affinity`),
    ...dnsRules(spec, `${path}.dnsConfig`),
    ...namesRules(spec, path),
    ...tolerationsRules(partsOf(spec.tolerations), `${path}.tolerations`),
    ...partsOf(spec.hostAliases).flatMap(({ ip, hostnames }, index) => [
      ...byGrammar(ipAddress, textOf(ip), `${path}.hostAliases[${index}].ip`),
      ...textsOf(hostnames).flatMap((n) => byGrammar(dnsSubdomain, n, `${path}.hostAliases[${index}].hostnames`)),
    ]),
    ...partsOf(spec.schedulingGates).flatMap(({ name }, index) =>
      byGrammar(qualifiedName, textOf(name), `${path}.schedulingGates[${index}]`),
    ),
    ...spreadRules(partsOf(spec.topologySpreadConstraints), `${path}.topologySpreadConstraints`),
    ...(spec.os ? osRules(partOf(spec.os), `${path}.os`) : []),
    ...resourcesRules(partOf(spec.resources), `${path}.resources`),
  ];
}

function allContainersRules(spec: Part, path: string): readonly FieldError[] {
  const setting = {
    volumes: new Set(partsOf(spec.volumes).map(({ name }) => textOf(name))),
    hostNetwork: spec.hostNetwork === true,
  };
  const errors: FieldError[] = [];
  if (partsOf(spec.containers).length === 0) errors.push(required(`${path}.containers`));
  const names = new Set<string>();
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    for (const [index, container] of partsOf(spec[list]).entries()) {
      const at = `${path}.${list}[${index}]`;
      errors.push(...containerRules(container, at, setting));
      if (list === 'containers' || container.restartPolicy === 'Always') errors.push(...lifeRules(container, at));
      else if (list === 'initContainers') errors.push(...initRules(container, at));
      const name = textOf(container.name);
      if (name !== '' && names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
  }
  return errors;
}

const initRules = (container: Part, path: string): readonly FieldError[] =>
  ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']
    .filter((field) => container[field] !== undefined)
    .map((field) => forbidden(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always'));

function namesRules(spec: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const grammars = {
    serviceAccountName: dnsSubdomain,
    nodeName: dnsSubdomain,
    hostname: dnsLabel,
    subdomain: dnsLabel,
  };
  for (const [field, grammar] of Object.entries(grammars)) {
    if (spec[field]) errors.push(...byGrammar(grammar, textOf(spec[field]), `${path}.${field}`));
  }
  for (const field of ['priorityClassName', 'runtimeClassName']) {
    if (spec[field]) errors.push(...byGrammar(dnsSubdomain, textOf(spec[field]), `${path}.${field}`));
  }
  const deadline = spec.activeDeadlineSeconds;
  if (typeof deadline === 'number' && (deadline < 1 || deadline > 2 ** 31 - 1)) {
    errors.push(invalid(`${path}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive'));
  }
  return [...errors, ...notNegative(spec.terminationGracePeriodSeconds, `${path}.terminationGracePeriodSeconds`)];
}

const osRules = (os: Part, path: string): readonly FieldError[] =>
  os.name ? oneOf(os.name, ['linux', 'windows'], `${path}.name`) : [required(`${path}.name`)];

const idMax = 2 ** 31 - 1;
function securityRules(context: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['runAsUser', 'runAsGroup', 'fsGroup']) {
    const id = context[field];
    if (typeof id === 'number' && (id < 0 || id > idMax)) {
      errors.push(invalid(`${path}.${field}`, id, 'must be between 0 and 2147483647, inclusive'));
    }
  }
  const names = new Set<string>();
  for (const [index, { name }] of partsOf(context.sysctls).entries()) {
    if (!name) errors.push(required(`${path}.sysctls[${index}].name`));
    else if (names.has(textOf(name))) errors.push(duplicate(`${path}.sysctls[${index}].name`, name));
    names.add(textOf(name));
  }
  errors.push(...oneOf(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${path}.fsGroupChangePolicy`));
  errors.push(...oneOf(context.supplementalGroupsPolicy, ['Merge', 'Strict'], `${path}.supplementalGroupsPolicy`));
  const profiles = ['Localhost', 'RuntimeDefault', 'Unconfined'];
  if (context.seccompProfile) {
    const { type } = partOf(context.seccompProfile);
    const at = `${path}.seccompProfile.type`;
    if (!type) errors.push(required(at, 'type is required when seccompProfile is set'));
    else errors.push(...oneOf(type, profiles, at));
  }
  if (context.appArmorProfile) {
    const { type } = partOf(context.appArmorProfile);
    const at = `${path}.appArmorProfile.type`;
    if (!type) errors.push(required(at, 'type is required when appArmorProfile is set'));
    else errors.push(...oneOf(type, profiles, at));
  }
  return errors;
}

function dnsRules({ dnsPolicy, dnsConfig }: Part, path: string): readonly FieldError[] {
  const servers = textsOf(partOf(dnsConfig).nameservers);
  const errors: FieldError[] = [];
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (servers.length === 0) {
      const sentence = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      errors.push(required(`${path}.nameservers`, sentence));
    }
  }
  for (const [index, server] of servers.entries()) {
    errors.push(...byGrammar(ipAddress, server, `${path}.nameservers[${index}]`));
  }
  for (const [index, search] of textsOf(partOf(dnsConfig).searches).entries()) {
    if (search === '.') continue;
    errors.push(...byGrammar(dnsSubdomainWithUnderscore, search.replace(/\.$/, ''), `${path}.searches[${index}]`));
  }
  for (const [index, { name }] of partsOf(partOf(dnsConfig).options).entries()) {
    if (!name) errors.push(required(`${path}.options[${index}]`, 'must not be empty'));
  }
  return errors;
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
function tolerationsRules(tolerations: readonly Part[], path: string): readonly FieldError[] {
  return tolerations.flatMap((toleration, index) => {
    const at = `${path}[${index}]`;
    const { key, operator = '', value, effect = '', tolerationSeconds } = toleration;
    const errors = key ? [...byGrammar(qualifiedName, textOf(key), `${at}.key`)] : [];
    if (!key && operator !== 'Exists') {
      const sentence = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(`${at}.operator`, operator, sentence));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === 'Equal' || operator === '') {
      const wrong = labelValue(textOf(value));
      if (wrong.length > 0) errors.push(invalid(`${at}.operator`, textOf(value), wrong.join(';')));
    } else if (operator === 'Exists') {
      if (value) errors.push(invalid(`${at}.operator`, toleration, "value must be empty when `operator` is 'Exists'"));
    } else errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    if (effect !== '' && !effects.includes(textOf(effect))) errors.push(notSupported(`${at}.effect`, effect, effects));
    return errors;
  });
}

function spreadRules(constraints: readonly Part[], path: string): readonly FieldError[] {
  const actions = ['DoNotSchedule', 'ScheduleAnyway'];
  return constraints.flatMap((constraint, index) => {
    const at = `${path}[${index}]`;
    const { maxSkew = 0, topologyKey, whenUnsatisfiable = '', minDomains, labelSelector } = constraint;
    const errors: FieldError[] = [];
    if (Number(maxSkew) <= 0) errors.push(invalid(`${at}.maxSkew`, maxSkew, 'must be greater than zero'));
    if (!topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    if (!actions.includes(textOf(whenUnsatisfiable))) {
      errors.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, actions));
    }
    if (typeof minDomains === 'number') {
      if (minDomains <= 0) errors.push(invalid(`${at}.minDomains`, minDomains, 'must be greater than zero'));
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const sentence = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${textOf(whenUnsatisfiable)}`;
        errors.push(invalid(`${at}.minDomains`, minDomains, sentence));
      }
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) {
      errors.push(...oneOf(constraint[field], ['Honor', 'Ignore'], `${at}.${field}`));
    }
    if (labelSelector) errors.push(...validateSelector(partOf(labelSelector), `${at}.labelSelector`));
    return errors;
  });
}

const must = 'requiredDuringSchedulingIgnoredDuringExecution';
const should = 'preferredDuringSchedulingIgnoredDuringExecution';

function affinityRules(affinity: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const node = partOf(affinity.nodeAffinity);
  if (node[must]) errors.push(...nodeSelectorRules(partOf(node[must]), `${path}.nodeAffinity.${must}`));
  for (const [index, { weight, preference }] of partsOf(node[should]).entries()) {
    const at = `${path}.nodeAffinity.${should}[${index}]`;
    errors.push(...weightRules(weight, at), ...termRules(partOf(preference), `${at}.preference`));
  }
  for (const side of ['podAffinity', 'podAntiAffinity']) {
    const rules = partOf(affinity[side]);
    for (const [index, term] of partsOf(rules[must]).entries()) {
      errors.push(...podTermRules(term, `${path}.${side}.${must}[${index}]`));
    }
    for (const [index, { weight, podAffinityTerm }] of partsOf(rules[should]).entries()) {
      const at = `${path}.${side}.${should}[${index}]`;
      errors.push(...weightRules(weight, at), ...podTermRules(partOf(podAffinityTerm), `${at}.podAffinityTerm`));
    }
  }
  return errors;
}

const weightRules = (weight: unknown, path: string): readonly FieldError[] =>
  Number(weight) >= 1 && Number(weight) <= 100
    ? []
    : [invalid(`${path}.weight`, weight ?? 0, 'must be in the range 1-100')];

export function nodeSelectorRules(selector: Part, path: string): readonly FieldError[] {
  const terms = partsOf(selector.nodeSelectorTerms);
  if (terms.length === 0) return [required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term')];
  return terms.flatMap((term, index) => termRules(term, `${path}.nodeSelectorTerms[${index}]`));
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];
function termRules(term: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { key, operator = '', values }] of partsOf(term.matchExpressions).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    const count = textsOf(values).length;
    if (!operators.includes(textOf(operator))) {
      errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    } else if ((operator === 'In' || operator === 'NotIn') && count === 0) {
      errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if ((operator === 'Exists' || operator === 'DoesNotExist') && count > 0) {
      errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else if ((operator === 'Gt' || operator === 'Lt') && count !== 1) {
      errors.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
    }
    errors.push(...byGrammar(qualifiedName, textOf(key), `${at}.key`));
    for (const [place, value] of textsOf(values).entries()) {
      errors.push(...byGrammar(labelValue, value, `${at}.values[${place}]`));
    }
  }
  for (const [index, { key, operator = '', values }] of partsOf(term.matchFields).entries()) {
    const at = `${path}.matchFields[${index}]`;
    if (operator !== 'In' && operator !== 'NotIn') {
      errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    } else if (textsOf(values).length !== 1) {
      const sentence = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.push(required(`${at}.values`, sentence));
    }
    if (key !== 'metadata.name') errors.push(invalid(`${at}.key`, key ?? '', 'not a valid field selector key'));
  }
  return errors;
}

function podTermRules(term: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (term.labelSelector) errors.push(...validateSelector(partOf(term.labelSelector), `${path}.labelSelector`));
  for (const [index, name] of textsOf(term.namespaces).entries()) {
    errors.push(...byGrammar(dnsLabel, name, `${path}.namespaces[${index}]`));
  }
  for (const field of ['matchLabelKeys', 'mismatchLabelKeys']) {
    for (const [index, key] of textsOf(term[field]).entries()) {
      errors.push(...byGrammar(qualifiedName, key, `${path}.${field}[${index}]`));
    }
  }
  if (!term.topologyKey) errors.push(required(`${path}.topologyKey`, 'can not be empty'));
  else errors.push(...named(qualifiedName, term.topologyKey, `${path}.topologyKey`));
  return errors;
}
