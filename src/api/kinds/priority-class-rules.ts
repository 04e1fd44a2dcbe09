import { type Checked, rulesOf } from './checks.ts';

/** Larger ones are the cluster's own. */
const userValueMax = 1_000_000_000;
const systemClasses: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

export const priorityClassRules = rulesOf((root, previous) => {
  if (!previous) {
    createRules(root);
    return;
  }
  if (root.at('value').number !== previous.at('value').number) {
    root.at('value').forbidden('may not be changed in an update.');
  }
  root.at('preemptionPolicy').same(previous.part.preemptionPolicy);
});

function createRules(root: Checked): void {
  const name = root.at('metadata').at('name');
  const value = root.at('value');
  if (name.text.startsWith('system-')) {
    const why = reserved(name.text, value.number, root.part.globalDefault === true);
    if (why !== undefined) {
      const sentence = "priority class names with 'system-' prefix are reserved for system use only. error";
      name.forbidden(`${sentence}: ${why}`);
    }
  } else if (value.number > userValueMax) {
    value.forbidden(`maximum allowed value of a user defined priority is ${userValueMax}`);
  }
  const policy = root.at('preemptionPolicy');
  if (!policy.isAbsent) policy.neededOneOf('PreemptLowerPriority', 'Never');
}

function reserved(name: string, value: number, globalDefault: boolean): string | undefined {
  const known = systemClasses[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (known !== value) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}
