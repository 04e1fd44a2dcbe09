import { CelError, CostExceeded } from '../../api/cel/cel-error.ts';
import { baseEnvironment } from '../../api/cel/kubernetes.ts';
import { compile } from '../../api/cel/program.ts';
import { bool } from '../../api/cel/type.ts';
import type { Result } from '../../api/cel/value.ts';
import { valueOf } from '../../api/custom/cel-value.ts';
import type { JsonSchema } from '../../api/custom/json-schema.ts';
import { typeOfSchema } from '../../api/policy/environment.ts';
import type { JsonObject } from '../../base/json.ts';

/** Whether a request is one to ask a webhook about. Throws where the expression fails. */
export type MatchCondition = (review: JsonObject) => boolean;

const text: JsonSchema = { type: 'string' };
const texts: JsonSchema = { type: 'array', items: text };
const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({ type: 'object', properties });
const requirement = object({ key: text, operator: text, values: texts });
const selector = object({ rawSelector: text, requirements: { type: 'array', items: requirement } });

/** The spec of a SubjectAccessReview. */
const reviewSchema: JsonSchema = object({
  user: text,
  groups: texts,
  uid: text,
  extra: { type: 'object', additionalProperties: texts },
  resourceAttributes: object({
    ...{ namespace: text, verb: text, group: text, version: text, resource: text, subresource: text, name: text },
    fieldSelector: selector,
    labelSelector: selector,
  }),
  nonResourceAttributes: object({ path: text, verb: text }),
});
const environment = baseEnvironment.withVariables({ request: typeOfSchema(reviewSchema) });
const resourceTexts = ['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'];

export function reviewConditions(sources: readonly string[], at: string): readonly MatchCondition[] {
  return sources.map((source, index) => {
    const { program, error } = compile(environment, source, { wanted: [bool] });
    if (!program) throw new Error(`${at}[${index}].expression: ${error}`);
    return (review) => {
      const request = valueOf(wholeReview(review), reviewSchema);
      const result = evaluated(() =>
        program.evaluate((name): Result | undefined => (name === 'request' ? request : undefined)),
      );
      if (result instanceof CelError) throw new Error(`cel evaluation error: ${result.message}`);
      return result === true;
    };
  });
}

function evaluated(run: () => { readonly result: Result }): Result {
  try {
    return run().result;
  } catch (error) {
    if (error instanceof CostExceeded) return new CelError(error.message);
    throw error;
  }
}

/** What is empty is a text too: only one of the two kinds of attributes is missing. */
function wholeReview(review: JsonObject): JsonObject {
  const resource = review.resourceAttributes as JsonObject | undefined;
  if (!resource) return { uid: '', ...review };
  const empty = Object.fromEntries(resourceTexts.map((name) => [name, '']));
  return { uid: '', ...review, resourceAttributes: { ...empty, ...resource } };
}
