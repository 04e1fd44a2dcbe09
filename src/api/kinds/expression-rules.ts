import { required } from '../field-error.ts';
import type { Checked } from './checks.ts';

/** The one place where the expressions of policies and webhooks are judged: whether there is one to compile. */
export function expressionRules(expression: Checked, detail = ''): void {
  if (expression.text.trim() === '') expression.add(required(expression.path, detail));
}
