import { readFileSync } from 'node:fs';
import { decodeYaml } from '../api/yaml/decode.ts';
import type { Env } from '../base/env.ts';
import type { Followed } from '../base/followed.ts';
import { UsageError } from '../cli/flags.ts';
import type { MachineCrypto } from '../host/crypto.ts';
import type { FileReading } from '../host/followed-file.ts';
import { httpTransport } from '../host/http/client.ts';
import { readKubeconfig } from '../host/kubeconfig-file.ts';
import { tokenSigning } from '../host/token-keys.ts';
import type { AccessOptions, ChosenAuthorizer } from '../server/auth/access.ts';
import type { AuthenticationConfiguration } from '../server/auth/authentication-configuration.ts';
import type { AuthorizerChoice } from '../server/auth/authorization-configuration.ts';
import type { IssuerKeys } from '../server/auth/oidc-tokens.ts';
import type { ServerSettings } from './settings.ts';

/** Who is believed, as flags and files say. */
export async function accessOf(
  settings: ServerSettings,
  env: Env & { readonly crypto: MachineCrypto },
): Promise<AccessOptions> {
  const tokenFile = settings['token-auth-file'];
  const configuration = settings['authentication-config'];
  const webhook = (flag: 'authorization-webhook' | 'authentication-token-webhook') => {
    const file = settings[`${flag}-config-file`];
    return file ? httpTransport(readKubeconfig(file)) : undefined;
  };
  const order = settings['authorization-config'];
  if (order && settings['authorization-webhook-config-file'])
    throw new UsageError(
      '--authorization-config: name the webhook in this file, without --authorization-webhook-config-file',
    );
  const authorizationWebhook = webhook('authorization-webhook');
  const tokenWebhook = webhook('authentication-token-webhook');
  return {
    ...(authorizationWebhook ? { authorizationWebhook } : {}),
    ...(tokenWebhook ? { tokenWebhook } : {}),
    signing: tokenSigning(env.crypto),
    ...(tokenFile ? { staticTokens: named('token-auth-file', tokenFile, () => readFileSync(tokenFile, 'utf8')) } : {}),
    ...(configuration ? await issuersOf(env, configuration) : {}),
    ...(order ? { authorizerChoices: await choicesOf(env, order) } : {}),
  };
}

/** Loaded where it is asked for, too. */
async function choicesOf(env: Env, path: string): Promise<Followed<readonly ChosenAuthorizer[]>> {
  const { authorizationConfiguration } = await import('../server/auth/authorization-configuration.ts');
  const read = (text: string, before: readonly ChosenAuthorizer[] | undefined) => {
    const choices = authorizationConfiguration(decodeYaml(text).value).map(chosen);
    if (before && ownNames(before) !== ownNames(choices))
      throw new Error(`authorizers: ${ownNames(before)} can be put in another order, but not taken out or added to`);
    return choices;
  };
  return await followed(env, { flag: 'authorization-config', path, read });
}

function chosen(choice: AuthorizerChoice): ChosenAuthorizer {
  if (choice.type !== 'Webhook') return { type: choice.type };
  return { type: 'Webhook', rules: choice.rules, transport: httpTransport(readKubeconfig(choice.kubeconfig)) };
}

/** A file that has lost a line by accident must not take the roles out of a cluster that runs. */
const ownNames = (choices: readonly ChosenAuthorizer[]): string =>
  choices
    .map(({ type }) => type)
    .filter((type) => type !== 'Webhook')
    .sort()
    .join(', ');

/** Loaded where it is asked for: it brings the evaluator of expressions with it. */
async function issuersOf(
  env: Env,
  path: string,
): Promise<{ readonly authentication: Followed<AuthenticationConfiguration>; readonly issuerKeys: IssuerKeys }> {
  const { authenticationConfiguration } = await import('../server/auth/authentication-configuration.ts');
  const { fetchedKeys } = await import('../host/issuer-keys.ts');
  const read = (text: string) => authenticationConfiguration(decodeYaml(text).value);
  return {
    authentication: await followed(env, { flag: 'authentication-config', path, read }),
    issuerKeys: fetchedKeys,
  };
}

async function followed<T>(
  env: Env,
  { flag, path, read }: Pick<FileReading<T>, 'path' | 'read'> & { readonly flag: `${string}-config` },
): Promise<Followed<T>> {
  const { FollowedFile } = await import('../host/followed-file.ts');
  const figure = `apiserver_${flag.replace('-', '_')}_controller_automatic_reloads_total`;
  return named(flag, path, () => new FollowedFile<T>(env, { path, read, figure }));
}

function named<T>(flag: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`--${flag} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
