import { CelError } from '../../../api/cel/cel-error.ts';
import type { KubeObject } from '../../../api/object.ts';
import { compileConditions, type Named } from '../../../api/policy/compile-policy.ts';
import type { Env } from '../../../base/env.ts';
import type { Authorization } from '../../auth/authorization.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { askOf } from './ask.ts';
import { timedCompilation } from './cel-figures.ts';
import { Evaluation } from './evaluation.ts';

type Conditions = Parameters<typeof compileConditions>[0];
const compiled = new WeakMap<Conditions, ReturnType<typeof compileConditions>>();

/** All must hold; one that does not outvotes those that fail. */
export async function allHold(conditions: readonly Named[], evaluation: Evaluation): Promise<boolean | CelError> {
  let failure: CelError | undefined;
  for (const { program } of conditions) {
    const result = await evaluation.run(program);
    if (result === false) return false;
    if (result instanceof CelError) failure ??= result;
  }
  return failure ?? true;
}

/** Whether a webhook's own conditions let a request through to it. */
export async function conditionsHold(
  conditions: Conditions,
  object: KubeObject | undefined,
  request: AdmissionRequest,
  { env, authorization }: { readonly env: Pick<Env, 'clock' | 'metrics'>; readonly authorization: Authorization },
): Promise<boolean | CelError> {
  if (conditions.length === 0) return true;
  let programs = compiled.get(conditions);
  if (!programs) {
    programs = timedCompilation(env, () => compileConditions(conditions, 'matchConditions'));
    compiled.set(conditions, programs);
  }
  const broken = programs.errors[0];
  if (broken) return new CelError(broken.text);
  const ask = askOf(authorization, request.caller);
  const none = { namespace: undefined, params: undefined, variables: [], uid: '' };
  return allHold(programs.conditions, new Evaluation({ ...none, request, object, ask, env }));
}
