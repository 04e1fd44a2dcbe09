import { invalid, notSupported } from '../field-error.ts';
import { labelValue, qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** What holds for a toleration of a node's taints. */
export function tolerationRules(toleration: Checked): void {
  toleration.at('key').optionalLike(qualifiedName);
  const operator = toleration.at('operator');
  const value = toleration.at('value');
  const effect = toleration.at('effect');
  if (toleration.at('key').isEmpty && operator.text !== 'Exists') {
    operator.invalid('operator must be Exists when `key` is empty, which means "match all values and all keys"');
  }
  if (!toleration.at('tolerationSeconds').isAbsent && effect.text !== 'NoExecute') {
    effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  if (operator.text === 'Equal' || operator.text === '') {
    const wrong = labelValue(value.text);
    if (wrong.length > 0) operator.add(invalid(operator.path, value.text, wrong.join(';')));
  } else if (operator.text === 'Exists') {
    if (value.text !== '') {
      operator.add(invalid(operator.path, toleration.value, "value must be empty when `operator` is 'Exists'"));
    }
  } else operator.add(notSupported(operator.path, operator.text, ['Equal', 'Exists']));
  if (effect.text !== '' && !effects.includes(effect.text)) {
    effect.add(notSupported(effect.path, effect.text, effects));
  }
}
