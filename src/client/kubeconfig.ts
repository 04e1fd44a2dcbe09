import type { Json } from '../base/json.ts';

/** What a kubeconfig says about one context. Data is base64 as it stands there; files are named, not read. */
export interface KubeconfigContext {
  readonly server: string;
  readonly namespace: string;
  readonly user: string;
  readonly ca?: Source;
  readonly cert?: Source;
  readonly key?: Source;
  readonly token?: { readonly text: string } | { readonly file: string };
  readonly insecure: boolean;
}
export type Source = { readonly base64: string } | { readonly file: string };

/** What is written for one user of one cluster: everything embedded, so that the file can be carried away. */
export interface KubeconfigDraft {
  readonly name: string;
  readonly user: string;
  readonly server: string;
  /** Base64 of PEM. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

type Fields = { readonly [key: string]: Json | undefined };

/** The context of that name, or the current one. `document` is the parsed file. */
export function contextOf(document: unknown, contextName?: string): KubeconfigContext {
  const config = fields(document, 'a kubeconfig');
  const wanted = contextName ?? text(config['current-context']);
  if (!wanted) throw new Error('the kubeconfig has no current-context, and no context was named');
  const context = named(config, 'contexts', wanted, 'context');
  const cluster = named(config, 'clusters', text(context.cluster) ?? '', 'cluster');
  const userName = text(context.user) ?? '';
  const user = userName === '' ? {} : named(config, 'users', userName, 'user');
  const server = text(cluster.server);
  if (!server) throw new Error(`the cluster of context ${wanted} has no server`);
  for (const method of ['exec', 'auth-provider', 'username']) {
    if (user[method] !== undefined)
      throw new Error(`user ${userName}: ${method} is not understood; use a certificate or a token`);
  }
  const token = text(user.token);
  const tokenFile = text(user.tokenFile);
  return {
    server,
    namespace: text(context.namespace) ?? 'default',
    user: userName,
    ...source('ca', cluster, 'certificate-authority'),
    ...source('cert', user, 'client-certificate'),
    ...source('key', user, 'client-key'),
    ...(token ? { token: { text: token } } : tokenFile ? { token: { file: tokenFile } } : {}),
    insecure: cluster['insecure-skip-tls-verify'] === true,
  };
}

/** As YAML. Every value is written as a JSON string, which YAML reads as it stands. */
export function kubeconfigText(draft: KubeconfigDraft): string {
  const quoted = (value: string) => JSON.stringify(value);
  const context = `${draft.user}@${draft.name}`;
  return [
    'apiVersion: v1',
    'kind: Config',
    `current-context: ${quoted(context)}`,
    'clusters:',
    `- name: ${quoted(draft.name)}`,
    '  cluster:',
    `    server: ${quoted(draft.server)}`,
    `    certificate-authority-data: ${draft.ca}`,
    // On one machine the work of compressing costs more than the bytes it saves.
    ...(/^https:\/\/(127\.|localhost|\[::1\])/.test(draft.server) ? ['    disable-compression: true'] : []),
    'users:',
    `- name: ${quoted(draft.user)}`,
    '  user:',
    `    client-certificate-data: ${draft.cert}`,
    `    client-key-data: ${draft.key}`,
    'contexts:',
    `- name: ${quoted(context)}`,
    '  context:',
    `    cluster: ${quoted(draft.name)}`,
    `    user: ${quoted(draft.user)}`,
    '',
  ].join('\n');
}

/** Data wins over a file, as in kubectl. */
function source(as: 'ca' | 'cert' | 'key', from: Fields, field: string): { readonly [key in typeof as]?: Source } {
  const base64 = text(from[`${field}-data`]);
  if (base64) return { [as]: { base64 } };
  const file = text(from[field]);
  return file ? { [as]: { file } } : {};
}

function named(config: Fields, list: string, name: string, member: string): Fields {
  const entries = config[list];
  const found = Array.isArray(entries) ? entries.find((entry) => (entry as Fields | null)?.name === name) : undefined;
  if (!found) throw new Error(`the kubeconfig has no ${member} named ${JSON.stringify(name)}`);
  return fields((found as Fields)[member] ?? {}, `${member} ${name}`);
}

function fields(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${what} must be a mapping`);
}

const text = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
