import { type FieldError, toldMax } from '../api/field-error.ts';
import type { Kind, WriteContext } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';

/** What is asked about a long object of a built-in kind: as text, since whoever answers may sit elsewhere. */
export interface Question {
  readonly apiVersion: string;
  readonly kind: string;
  readonly next: string;
  readonly previous?: string;
  readonly context: WriteContext;
}
export interface Answers {
  /** What is wrong with it. */
  readonly errors: readonly FieldError[];
  /** What is hardly meant. */
  readonly warnings: readonly string[];
}

/**
 * Answers by rules that cannot give way. There are hundreds of them, plain functions of an object, and for a long one
 * they take as long as it pleases: everybody else is served meanwhile.
 */
export interface Judge {
  answer<A extends keyof Answers>(asked: A, question: Question): Promise<Answers[A]>;
}

/** What the rules of the kind say. Pure, so that it does not matter where it is asked. */
export function answerOf<A extends keyof Answers>(asked: A, question: Question, kinds: readonly Kind[]): Answers[A];
export function answerOf(asked: keyof Answers, { apiVersion, kind, ...about }: Question, kinds: readonly Kind[]) {
  const rules = kinds.find((one) => one.apiVersion === apiVersion && one.kind === kind)?.rules;
  const next = JSON.parse(about.next) as KubeObject;
  const previous = about.previous === undefined ? undefined : (JSON.parse(about.previous) as KubeObject);
  const all = asked === 'errors' ? rules?.validate?.(next, previous, about.context) : rules?.warnings?.(next, previous);
  return (all ?? []).slice(0, toldMax);
}
