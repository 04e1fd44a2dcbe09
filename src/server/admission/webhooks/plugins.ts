import type { AdmissionPlugin } from '../plugin.ts';
import type { WebhookParts } from './caller.ts';
import { MutatingAdmissionWebhook } from './mutating.ts';
import { ValidatingAdmissionWebhook } from './validating.ts';

/** Last of all plugins: they see an object as everybody else has made it. */
export const webhookPlugins = (parts: WebhookParts): readonly AdmissionPlugin[] => [
  new MutatingAdmissionWebhook(parts),
  new ValidatingAdmissionWebhook(parts),
];
