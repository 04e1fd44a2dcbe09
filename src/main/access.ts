import { readFileSync } from 'node:fs';
import { decodeYaml } from '../api/yaml/decode.ts';
import { UsageError } from '../cli/flags.ts';
import type { MachineCrypto } from '../host/crypto.ts';
import { httpTransport } from '../host/http/client.ts';
import { readKubeconfig } from '../host/kubeconfig-file.ts';
import { tokenSigning } from '../host/token-keys.ts';
import type { AccessOptions, ChosenAuthorizer } from '../server/auth/access.ts';
import type { AuthenticationConfiguration } from '../server/auth/authentication-configuration.ts';
import type { IssuerKeys } from '../server/auth/oidc-tokens.ts';
import type { ServerSettings } from './settings.ts';

/** Who is believed, as flags and files say. */
export async function accessOf(settings: ServerSettings, crypto: MachineCrypto): Promise<AccessOptions> {
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
    signing: tokenSigning(crypto),
    ...(tokenFile ? { staticTokens: readNamed('token-auth-file', tokenFile, (text) => text) } : {}),
    ...(configuration ? await issuersOf(configuration) : {}),
    ...(order ? { authorizerChoices: await choicesOf(order) } : {}),
  };
}

/** Loaded where it is asked for, too. */
async function choicesOf(path: string): Promise<readonly ChosenAuthorizer[]> {
  const { authorizationConfiguration } = await import('../server/auth/authorization-configuration.ts');
  return readNamed('authorization-config', path, (text) =>
    authorizationConfiguration(decodeYaml(text).value).map((choice) =>
      choice.type === 'Webhook'
        ? { type: 'Webhook', rules: choice.rules, transport: httpTransport(readKubeconfig(choice.kubeconfig)) }
        : { type: choice.type },
    ),
  );
}

/** Loaded where it is asked for: it brings the evaluator of expressions with it. */
async function issuersOf(
  path: string,
): Promise<{ readonly authentication: AuthenticationConfiguration; readonly issuerKeys: IssuerKeys }> {
  const { authenticationConfiguration } = await import('../server/auth/authentication-configuration.ts');
  const { fetchedKeys } = await import('../host/issuer-keys.ts');
  const authentication = readNamed('authentication-config', path, (text) =>
    authenticationConfiguration(decodeYaml(text).value),
  );
  return { authentication, issuerKeys: fetchedKeys };
}

function readNamed<T>(flag: string, path: string, read: (text: string) => T): T {
  try {
    return read(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--${flag} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
