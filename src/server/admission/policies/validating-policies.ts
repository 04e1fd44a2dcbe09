import { CelError } from '../../../api/cel/cel-error.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Validation } from '../../../api/policy/compile-policy.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import type { Evaluation } from './evaluation.ts';
import { Policies, type PolicyDeps, refusal, type Stuck, type Turn } from './policies.ts';
import type { Bound } from './policy-index.ts';

const messageMax = 5 * 1024;
const annotationMax = 10 * 1024;

interface Finding {
  readonly message: string;
  readonly reason?: string;
  /** Which of the validations it is. */
  readonly at?: number;
}
/** By key, what the bindings of a policy want written down: each value once. */
type Notes = Map<string, Set<string>>;
const failureKey = 'validation.policy.admission.k8s.io/validation_failure';

/** ValidatingAdmissionPolicies: expressions that say which writes are refused, and which are warned about. */
export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy';
  readonly #policies: Policies;

  constructor(deps: PolicyDeps) {
    this.#policies = new Policies(deps, 'validating');
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    const all = this.#policies.applicable(request);
    if (all instanceof Promise) return all.then((found) => found && this.#validated(found, object, request));
    if (all) return this.#validated(all, object, request);
  }

  async #validated(all: readonly Bound[], object: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    const subject = await this.#policies.subject(object, request);
    const name = (object ?? request.previous)?.metadata.name ?? '';
    const notes: Notes = new Map();
    try {
      for (const bound of all) {
        for (const turn of await this.#policies.turns(bound, subject)) {
          const found = [...(await findings(turn)), ...(await noted(turn, notes))];
          for (const finding of found) act(turn, finding, request, name);
        }
      }
    } finally {
      for (const [key, values] of notes) request.annotate?.(key, [...values].join(', '));
    }
  }
}

async function findings(turn: Turn | Stuck): Promise<readonly Finding[]> {
  const isStrict = turn.policy.spec.failurePolicy !== 'Ignore';
  if ('why' in turn) return isStrict ? [{ message: `failed to configure binding: ${turn.why}` }] : [];
  const { compiled, evaluation } = turn;
  const found: Finding[] = [];
  for (const [at, validation] of compiled.validations.entries()) {
    const result = await evaluation.run(validation.program);
    if (result === true) continue;
    const reason = validation.reason === undefined ? {} : { reason: validation.reason };
    if (result instanceof CelError) {
      const message = `expression '${validation.source}' resulted in error: ${result.message}`;
      if (isStrict) found.push({ message, at, ...reason });
    } else found.push({ message: await messageOf(validation, evaluation), at, ...reason });
  }
  return found;
}

/** What the message expression says, where it says one line; else the message, else the expression itself. */
async function messageOf({ message, messageProgram, source }: Validation, evaluation: Evaluation): Promise<string> {
  const said = messageProgram && (await evaluation.run(messageProgram));
  const text = typeof said === 'string' ? said.trim() : '';
  if (text !== '' && !text.includes('\n') && text.length <= messageMax) return text;
  return message || `failed expression: ${source}`;
}

/** Takes what a policy wants written down; what cannot be worked out is a finding where the policy is strict. */
async function noted(turn: Turn | Stuck, notes: Notes): Promise<readonly Finding[]> {
  if ('why' in turn) return [];
  const { policy, compiled, evaluation } = turn;
  const isStrict = policy.spec.failurePolicy !== 'Ignore';
  const found: Finding[] = [];
  for (const { name, program } of compiled.annotations) {
    const result = await evaluation.run(program);
    if (result instanceof CelError) {
      const message = `valueExpression of ${JSON.stringify(name)} resulted in error: ${result.message}`;
      if (isStrict) found.push({ message });
      continue;
    }
    const text = typeof result === 'string' ? result.trim() : '';
    const key = `${policy.metadata.name}/${name}`;
    if (text !== '') notes.set(key, (notes.get(key) ?? new Set()).add(text.slice(0, annotationMax)));
  }
  return found;
}

function act({ policy, binding }: Turn | Stuck, finding: Finding, request: AdmissionRequest, name: string): void {
  const actions = binding.spec.validationActions ?? [];
  const who = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
  if (actions.includes('Audit')) {
    const { message, at = 0 } = finding;
    const [policyName, bindingName] = [policy.metadata.name, binding.metadata.name];
    const failure = {
      message,
      policy: policyName,
      binding: bindingName,
      expressionIndex: at,
      validationActions: actions,
    };
    request.annotate?.(failureKey, JSON.stringify([failure]));
  }
  if (actions.includes('Warn')) request.warn?.(`Validation failed for ${who}: ${finding.message}`);
  if (actions.includes('Deny')) {
    throw refusal(request, name, { ...finding, text: `${who} denied request: ${finding.message}` });
  }
}
