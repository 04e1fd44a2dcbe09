import { changed, changedItems, filled, type Part } from './defaulting.ts';

/** What webhooks and policies match where they do not say. */
export function matchDefaults(given: Part): Part {
  let match = filled(given, { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} });
  for (const list of ['resourceRules', 'excludeResourceRules']) match = changedItems(match, list, anyScope);
  return match;
}
const anyScope = (rule: Part): Part => filled(rule, { scope: '*' });

export function webhookDefaults(given: Part): Part {
  const webhook = filled(given, {
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
  });
  return changed(changedItems(webhook, 'rules', anyScope), 'clientConfig', (config) =>
    changed(config, 'service', (service) => filled(service, { port: 443 })),
  );
}
