import { duplicate, invalid, notSupported, required, tooLong } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';

export const statusWords = ['False', 'True', 'Unknown'];
const reasonBytesMax = 1_024;
const messageBytesMax = 32_768;
const reasonPattern = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonGrammar = new RegExp(`^${reasonPattern}$`);

/** The conditions that most kinds share (metav1.Condition). */
export function conditionRules(conditions: Checked): void {
  const seen = new Set<string>();
  for (const condition of conditions.items()) {
    const type = condition.at('type');
    if (seen.has(type.text)) type.add(duplicate(type.path, type.text));
    seen.add(type.text);
    oneCondition(condition);
  }
}

function oneCondition(condition: Checked): void {
  condition.at('type').like(qualifiedName);
  const status = condition.at('status');
  if (!statusWords.includes(status.text)) status.add(notSupported(status.path, status.text, statusWords));
  condition.at('observedGeneration').atLeast(0, 'must be greater than or equal to zero');
  condition.at('lastTransitionTime').needed('must be set');
  const reason = condition.at('reason');
  if (reason.isEmpty) reason.add(required(reason.path, 'must be set'));
  else if (!reasonGrammar.test(reason.text)) {
    const examples = "(e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB'";
    const sentence = 'a condition reason must start with alphabetic character, optionally followed by a string of';
    const rest = "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
    reason.add(
      invalid(
        reason.path,
        reason.text,
        `${sentence} ${rest} ${examples}, regex used for validation is '${reasonPattern}')`,
      ),
    );
  }
  if (reason.text.length > reasonBytesMax) reason.add(tooLong(reason.path, reasonBytesMax));
  const message = condition.at('message');
  if (message.text.length > messageBytesMax) message.add(tooLong(message.path, messageBytesMax));
}
