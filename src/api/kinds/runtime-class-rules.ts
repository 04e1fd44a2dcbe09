import { canonicalJson, type Json } from '../../base/json.ts';
import { duplicate } from '../field-error.ts';
import { validateLabels } from '../metadata-rules.ts';
import { dnsLabel } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import { resourcesRules } from './container-rules.ts';
import { mapOf } from './defaulting.ts';
import { validateTolerations } from './pod-affinity-rules.ts';

export const runtimeClassRules = rulesOf((root, previous) => {
  const handler = root.at('handler');
  if (handler.needed()) handler.like(dnsLabel);
  const overhead = root.at('overhead');
  // An overhead is judged as if it were the limits of a container.
  if (!overhead.isAbsent) overhead.add(...resourcesRules({ limits: overhead.part.podFixed }, overhead.path));
  const selector = root.at('scheduling').at('nodeSelector');
  selector.add(...validateLabels(mapOf(selector.value), selector.path));
  const tolerations = root.at('scheduling').at('tolerations');
  validateTolerations(tolerations);
  onlyOnce(tolerations);
  if (previous) handler.same(previous.part.handler);
});

function onlyOnce(tolerations: Checked): void {
  const seen = new Set<string>();
  for (const toleration of tolerations.items()) {
    const text = canonicalJson(toleration.part as Json);
    if (seen.has(text)) toleration.add(duplicate(toleration.path, goView('core.v1.Toleration', toleration.value)));
    seen.add(text);
  }
}
