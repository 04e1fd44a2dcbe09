import { invalid, required } from '../field-error.ts';
import { dnsOldLabel, dnsSubdomain, portNumber } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';
import { statusWords } from './status-rules.ts';

const groupPriorityMax = 20_000;
const versionPriorityMax = 1_000;

export const apiServiceRules = rulesOf(mainRules, (root) => {
  for (const condition of root.at('status').at('conditions').items()) condition.at('status').oneOf(...statusWords);
});

function mainRules(root: Checked): void {
  const spec = root.at('spec');
  const group = spec.at('group');
  const version = spec.at('version');
  const name = root.at('metadata').at('name');
  const whole = `${version.text}.${group.text}`;
  if (!name.isEmpty && name.text !== whole) {
    name.invalid(`must be \`spec.version+"."+spec.group\`: ${JSON.stringify(whole)}`);
  }
  if (group.isEmpty) {
    if (version.text !== 'v1') group.needed('only v1 may have an empty group and it better be legacy kube');
  } else group.like(dnsSubdomain);
  version.like(dnsOldLabel);
  priorityRules(spec.at('groupPriorityMinimum'), groupPriorityMax);
  priorityRules(spec.at('versionPriority'), versionPriorityMax);
  targetRules(spec);
}

function priorityRules(priority: Checked, max: number): void {
  if (priority.number > 0 && priority.number <= max) return;
  priority.add(invalid(priority.path, priority.number, `must be positive and less than ${max}`));
}

function targetRules(spec: Checked): void {
  const service = spec.at('service');
  const bundle = spec.at('caBundle');
  const insecure = spec.at('insecureSkipTLSVerify');
  if (service.isAbsent) {
    if (!bundle.isEmpty) bundle.invalid('local APIServices may not have a caBundle');
    if (insecure.value === true) insecure.invalid('local APIServices may not have insecureSkipTLSVerify');
    return;
  }
  for (const key of ['namespace', 'name']) {
    const part = service.at(key);
    if (part.isEmpty) part.add(required(part.path));
  }
  const port = service.at('port');
  const sentences = portNumber(port.number);
  if (sentences.length > 0) port.add(invalid(port.path, port.number, `port is not valid: ${sentences.join(',')}`));
  if (insecure.value === true && !bundle.isEmpty) insecure.invalid('may not be true if caBundle is present');
}
