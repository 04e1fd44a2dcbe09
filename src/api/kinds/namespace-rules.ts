import { qualifiedName } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];

export const namespaceRules = rulesOf(validateFinalizers, (root) => {
  const phase = root.at('status').at('phase');
  const at = root.at('status').at('Phase');
  const deleted = !root.at('metadata').at('deletionTimestamp').isAbsent;
  if (!deleted && phase.text !== 'Active') {
    at.invalidAs(phase.text, "may only be 'Active' if `deletionTimestamp` is empty");
  } else if (deleted && phase.text !== 'Terminating') {
    at.invalidAs(phase.text, "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
});

/** A create is told of the list, the finalize door of the entry. */
function validateFinalizers(root: Checked, previous: Checked | undefined): void {
  const finalizers = root.at('spec').at('finalizers');
  for (const finalizer of finalizers.items()) {
    const told = previous ? finalizer : finalizers;
    const sentences = qualifiedName(finalizer.text);
    for (const sentence of sentences) told.invalidAs(finalizer.text, sentence);
    if (finalizer.text.includes('/') || standardFinalizers.includes(finalizer.text)) continue;
    told.invalidAs(finalizer.text, 'name is neither a standard finalizer name nor is it fully qualified');
  }
}
