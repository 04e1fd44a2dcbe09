import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { UsageError } from '../cli/flags.ts';
import type { MachineCrypto } from '../host/crypto.ts';
import { httpTransport } from '../host/http/client.ts';
import { fetchedKeys } from '../host/issuer-keys.ts';
import { readKubeconfig } from '../host/kubeconfig-file.ts';
import { tokenSigning } from '../host/token-keys.ts';
import type { AccessOptions } from '../server/auth/access.ts';
import { authenticationConfiguration } from '../server/auth/authentication-configuration.ts';
import type { ServerSettings } from './settings.ts';

/** Who is believed, as flags and files say. */
export function accessOf(
  settings: ServerSettings,
  keys: { readonly crypto: MachineCrypto; readonly publicKey: string },
): AccessOptions {
  const tokenFile = settings['token-auth-file'];
  const configuration = settings['authentication-config'];
  const webhook = (flag: 'authorization-webhook' | 'authentication-token-webhook') => {
    const file = settings[`${flag}-config-file`];
    return file ? httpTransport(readKubeconfig(file)) : undefined;
  };
  const authorizationWebhook = webhook('authorization-webhook');
  const tokenWebhook = webhook('authentication-token-webhook');
  return {
    ...(authorizationWebhook ? { authorizationWebhook } : {}),
    ...(tokenWebhook ? { tokenWebhook } : {}),
    signing: tokenSigning(keys.crypto, keys.publicKey),
    ...(tokenFile ? { staticTokens: readNamed('token-auth-file', tokenFile, (text) => text) } : {}),
    ...(configuration
      ? {
          authentication: readNamed('authentication-config', configuration, (text) =>
            authenticationConfiguration(parse(text)),
          ),
          issuerKeys: fetchedKeys,
        }
      : {}),
  };
}

function readNamed<T>(flag: string, path: string, read: (text: string) => T): T {
  try {
    return read(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--${flag} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
