import type { FieldError } from '../api/field-error.ts';
import type { Kind, WriteContext } from '../api/kind.ts';
import { validateMeta } from '../api/metadata-rules.ts';
import type { KubeObject, Meta } from '../api/object.ts';
import type { JsonObject } from '../base/json.ts';
import { longTextsInSteps, nestedText } from '../base/shared-json.ts';
import { isLarge, type Steps } from '../base/steps.ts';
import type { Answers, Judge } from './judge.ts';
import type { Pace } from './pace.ts';

/** An object that is about to be written. */
export interface Judged {
  readonly next: KubeObject;
  readonly previous: KubeObject | undefined;
  readonly context: WriteContext;
}

/** What is wrong with objects, and what is hardly meant. What is long is judged elsewhere where its rules cannot give way. */
export class Judging {
  readonly #judge: Judge | undefined;

  constructor(judge: Judge | undefined) {
    this.#judge = judge;
  }

  /** `asked`: the metadata that was sent. */
  errors(
    kind: Kind,
    object: Judged & { readonly asked: Meta },
    pace: Pace,
  ): Promise<readonly FieldError[]> | readonly FieldError[] {
    const { validate, validateInSteps } = kind.rules;
    const judge = validate && !validateInSteps ? this.#judgeOf(kind, object, pace) : undefined;
    if (!judge) return pace.run(allErrors(kind, object));
    return this.#errorsElsewhere(judge, { kind, ...object }, pace);
  }

  warnings(kind: Kind, object: Judged, pace: Pace): Promise<readonly string[]> | readonly string[] {
    const { warnings } = kind.rules;
    if (!warnings) return [];
    const judge = this.#judgeOf(kind, object, pace);
    return judge ? elsewhere(judge, 'warnings', { kind, ...object }, pace) : warnings(object.next, object.previous);
  }

  #judgeOf(kind: Kind, { next }: Judged, pace: Pace): Judge | undefined {
    return this.#judge && !kind.custom && (pace.isLong || isLarge(next)) ? this.#judge : undefined;
  }

  async #errorsElsewhere(
    judge: Judge,
    object: Judged & { readonly asked: Meta; readonly kind: Kind },
    pace: Pace,
  ): Promise<readonly FieldError[]> {
    const ofMeta = await pace.run(metaErrors(object.kind, object));
    return [...ofMeta, ...(await elsewhere(judge, 'errors', object, pace))];
  }
}

function* allErrors(kind: Kind, object: Judged & { readonly asked: Meta }): Steps<readonly FieldError[]> {
  const { next, previous, context } = object;
  const ofMeta = yield* metaErrors(kind, object);
  const { validate, validateInSteps } = kind.rules;
  const ofKind = validateInSteps
    ? yield* validateInSteps(next, previous, ofMeta)
    : (validate?.(next, previous, context) ?? []);
  return ofMeta.length === 0 ? ofKind : [...ofMeta, ...ofKind];
}

const metaErrors = (kind: Kind, { next, previous, asked }: Judged & { readonly asked: Meta }) =>
  validateMeta(next.metadata, { asked, previous: previous?.metadata }, kind);

async function elsewhere<A extends keyof Answers>(
  judge: Judge,
  asked: A,
  { kind, next, previous, context }: Judged & { readonly kind: Kind },
  pace: Pace,
): Promise<Answers[A]> {
  return judge.answer(asked, {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    next: await pace.run(textOf(next)),
    ...(previous ? { previous: await pace.run(textOf(previous)) } : {}),
    context,
  });
}

function* textOf(object: KubeObject): Steps<string> {
  const value = object as unknown as JsonObject;
  yield* longTextsInSteps(value);
  return nestedText(value);
}
