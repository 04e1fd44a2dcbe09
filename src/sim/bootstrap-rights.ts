import { type Attributes, type Authorizer, type Decision, noOpinion } from '../server/attributes.ts';
import { type BootstrapRole, bootstrapBindings, bootstrapRoles } from '../server/auth/bootstrap/policy.ts';
import { ruleAllows } from '../server/auth/policy-rule.ts';

/** What the roles that every cluster has allow, without a copy of them in the pretended store. */
export class BootstrapRights implements Authorizer {
  readonly name = 'BootstrapRights';
  readonly #roles = new Map<string, BootstrapRole>();
  readonly #bindings = bootstrapBindings();

  constructor() {
    for (const role of bootstrapRoles()) this.#roles.set(`${role.namespace}/${role.name}`, role);
  }

  authorize(attributes: Attributes): Decision {
    const { name, groups } = attributes.caller;
    const place = 'path' in attributes ? '' : attributes.namespace;
    for (const { namespace, role, subjects } of this.#bindings) {
      if (namespace !== '' && namespace !== place) continue;
      const isMeant = subjects.some((subject) => {
        if (subject.kind === 'Group') return groups.includes(subject.name);
        if (subject.kind === 'User') return subject.name === name;
        return name === `system:serviceaccount:${subject.namespace}:${subject.name}`;
      });
      const rules = isMeant ? this.#roles.get(`${namespace}/${role}`)?.rules : undefined;
      if (rules?.some((rule) => ruleAllows(rule, attributes))) return { verdict: 'allow' };
    }
    return noOpinion;
  }
}
