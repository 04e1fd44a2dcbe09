import { CelError } from '../../../api/cel/cel-error.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Validation } from '../../../api/policy/compile-policy.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import type { Evaluation } from './evaluation.ts';
import { Policies, type PolicyDeps, refusal, type Stuck, type Turn } from './policies.ts';

const messageMax = 5 * 1024;

interface Finding {
  readonly message: string;
  readonly reason?: string;
}

/** ValidatingAdmissionPolicies: expressions that say which writes are refused, and which are warned about. */
export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy';
  readonly #policies: Policies;

  constructor(deps: PolicyDeps) {
    this.#policies = new Policies(deps, 'validating');
  }

  async validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    const all = await this.#policies.applicable(request);
    if (!all) return;
    const subject = await this.#policies.subject(object, request);
    const name = (object ?? request.previous)?.metadata.name ?? '';
    for (const bound of all) {
      for (const turn of await this.#policies.turns(bound, subject)) {
        for (const finding of findings(turn)) act(turn, finding, request, name);
      }
    }
  }
}

function findings(turn: Turn | Stuck): readonly Finding[] {
  const isStrict = turn.policy.spec.failurePolicy !== 'Ignore';
  if ('why' in turn) return isStrict ? [{ message: `failed to configure binding: ${turn.why}` }] : [];
  const { compiled, evaluation } = turn;
  return compiled.validations.flatMap((validation): readonly Finding[] => {
    const result = evaluation.run(validation.program);
    if (result === true) return [];
    const reason = validation.reason === undefined ? {} : { reason: validation.reason };
    if (result instanceof CelError) {
      const message = `expression '${validation.source}' resulted in error: ${result.message}`;
      return isStrict ? [{ message, ...reason }] : [];
    }
    return [{ message: messageOf(validation, evaluation), ...reason }];
  });
}

/** What the message expression says, where it says one line; else the message, else the expression itself. */
function messageOf({ message, messageProgram, source }: Validation, evaluation: Evaluation): string {
  const said = messageProgram && evaluation.run(messageProgram);
  const text = typeof said === 'string' ? said.trim() : '';
  if (text !== '' && !text.includes('\n') && text.length <= messageMax) return text;
  return message || `failed expression: ${source}`;
}

function act({ policy, binding }: Turn | Stuck, finding: Finding, request: AdmissionRequest, name: string): void {
  const actions = binding.spec.validationActions ?? [];
  const who = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
  if (actions.includes('Warn')) request.warn?.(`Validation failed for ${who}: ${finding.message}`);
  if (actions.includes('Deny')) {
    throw refusal(request, name, { ...finding, text: `${who} denied request: ${finding.message}` });
  }
}
