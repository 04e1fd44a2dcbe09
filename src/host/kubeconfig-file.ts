import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { decodeYaml } from '../api/yaml/decode.ts';
import type { Env } from '../base/env.ts';
import type { Followed } from '../base/followed.ts';
import { contextOf, kubeconfigText, type Source } from '../client/kubeconfig.ts';
import { FollowedFile } from './followed-file.ts';
import type { Access } from './http/client.ts';
import { writePrivateFile } from './private-file.ts';
import type { Pair } from './x509/certificate.ts';

export interface KubeconfigFile {
  readonly path: string;
  readonly cluster: string;
  readonly user: string;
  readonly server: string;
  /** PEM. */
  readonly authority: string;
  readonly pair: Pair;
}

/** Appears whole: whoever waits for the file may use it the moment it is there. */
export function writeKubeconfig(file: KubeconfigFile): void {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const text = kubeconfigText({
    name: file.cluster,
    user: file.user,
    server: file.server,
    ca: base64(file.authority),
    cert: base64(file.pair.certificate),
    key: base64(file.pair.key),
  });
  writePrivateFile(file.path, text);
}

/** What a kubeconfig says, also when it is written anew: after a rotation of keys. */
export function followKubeconfig(env: Env, path: string): Followed<Access> {
  return new FollowedFile<Access>(env, { path, read: () => readKubeconfig(path) });
}

/** The access that a kubeconfig gives, with the files that it names read in. */
export function readKubeconfig(path: string, contextName?: string): Access & { readonly namespace: string } {
  const read = (name: string) => {
    try {
      return readFileSync(name, 'utf8');
    } catch (error) {
      throw new Error(`read ${name}`, { cause: error });
    }
  };
  // Names inside are relative to the file that holds them.
  const pem = (source: Source) =>
    'file' in source
      ? read(resolve(dirname(path), source.file))
      : Buffer.from(source.base64, 'base64').toString('utf8');
  try {
    const { server, namespace, insecure, ca, cert, key, token } = contextOf(decodeYaml(read(path)).value, contextName);
    return {
      server,
      namespace,
      insecure,
      ...(ca ? { ca: pem(ca) } : {}),
      ...(cert ? { cert: pem(cert) } : {}),
      ...(key ? { key: pem(key) } : {}),
      ...(token ? { token: 'text' in token ? token.text : read(resolve(dirname(path), token.file)).trim() } : {}),
    };
  } catch (error) {
    throw new Error(`kubeconfig ${path}: ${(error as Error).message}`, { cause: error });
  }
}
