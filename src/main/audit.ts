import { readFileSync } from 'node:fs';
import { decodeYaml } from '../api/yaml/decode.ts';
import { UsageError } from '../cli/flags.ts';
import { auditFile } from '../host/audit-file.ts';
import type { HostEnv } from '../host/env.ts';
import type { AuditOptions } from '../server/audit/audit.ts';
import { type AuditPolicy, auditPolicy, metadataOfAll } from '../server/audit/policy.ts';
import type { ServerSettings } from './settings.ts';

/** What is written down, and where; nothing without a file. */
export function auditOf(settings: ServerSettings, env: HostEnv): { readonly audit?: AuditOptions } {
  const path = settings['audit-log'];
  if (path === undefined) {
    if (settings['audit-policy'] !== undefined) throw new UsageError('--audit-policy needs --audit-log');
    return {};
  }
  const failed = (error: Error) => env.log.error('the audit log cannot be written', { path, error: error.message });
  return { audit: { policy: policyOf(settings['audit-policy']), write: auditFile(path, failed) } };
}

function policyOf(path: string | undefined): AuditPolicy {
  if (path === undefined) return metadataOfAll;
  try {
    return auditPolicy(decodeYaml(readFileSync(path, 'utf8')).value);
  } catch (error) {
    throw new UsageError(`--audit-policy ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
