import { type ConfigMap, configMaps } from '../api/kinds/config-map.ts';
import type { Secret } from '../api/kinds/secret.ts';
import { type Key, keyOf } from '../api/object.ts';
import { encodeBase64 } from '../base/base64.ts';
import type { Crypto, Instant } from '../base/env.ts';
import { encodeText, equalJson, type Json } from '../base/json.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { type BootstrapToken, isTokenSecret, readToken } from './bootstrap-token.ts';

const told: Key = { namespace: 'kube-public', name: 'cluster-info' };
const kubeconfigName = 'kubeconfig';
const signaturePrefix = 'jws-kubeconfig-';

export interface SignerObserved {
  readonly map: ConfigMap;
  readonly tokens: readonly BootstrapToken[];
}

/** Signs what a machine that joins must know of the cluster, with every token that may be used for that. */
export class BootstrapSigner implements Controller<SignerObserved> {
  readonly name = 'bootstrap-signer-controller';
  readonly #maps: Cache<ConfigMap>;
  readonly #secrets: Cache<Secret>;
  readonly #crypto: Pick<Crypto, 'digest'>;

  constructor(maps: Cache<ConfigMap>, secrets: Cache<Secret>, crypto: Pick<Crypto, 'digest'>) {
    this.#maps = maps;
    this.#secrets = secrets.index('bootstrap-token', (secret) => (isTokenSecret(secret) ? ['yes'] : []));
    this.#crypto = crypto;
  }

  sources(): readonly Source[] {
    return [
      source(this.#maps, (map) => {
        const { namespace, name } = map.metadata;
        return namespace === told.namespace && name === told.name ? [keyOf(map)] : [];
      }),
      source(this.#secrets, (secret) => (isTokenSecret(secret) ? [told] : [])),
    ];
  }

  observe(key: Key): SignerObserved | undefined {
    const map = this.#maps.get(key);
    if (!map) return undefined;
    const tokens = this.#secrets
      .by('bootstrap-token', 'yes')
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .flatMap((secret) => readToken(secret) ?? []);
    return { map, tokens };
  }

  plan({ map, tokens }: SignerObserved, now: Instant): Plan {
    const before = map.data ?? {};
    const content = before[kubeconfigName];
    if (content === undefined) return nothing;
    const signing = tokens.filter(({ signs, expiresAt }) => signs && (expiresAt === '' || (expiresAt ?? 0) > now));
    const rest = Object.entries(before).filter(([name]) => !name.startsWith(signaturePrefix));
    const signatures = signing.map((token) => [signaturePrefix + token.id, this.#signature(token, content)] as const);
    const data = Object.fromEntries([...rest, ...signatures]);
    if (equalJson(before, data)) return nothing;
    const removed = Object.keys(before).filter((name) => data[name] === undefined);
    const { uid, resourceVersion } = map.metadata;
    const changes: Readonly<Record<string, Json>> = {
      ...Object.fromEntries(removed.map((name) => [name, null])),
      ...Object.fromEntries(signatures),
    };
    const patch = { metadata: { uid, resourceVersion }, data: changes };
    return { actions: [[act({ verb: 'patch', kind: configMaps, key: told, patch })]] };
  }

  /** A JWS without its payload, which stands beside it. */
  #signature({ id, secret }: BootstrapToken, content: string): string {
    const header = urlText(encodeText(JSON.stringify({ alg: 'HS256', kid: id })));
    const signed = encodeText(`${header}.${urlText(encodeText(content))}`);
    return `${header}..${urlText(this.#hmac(encodeText(secret), signed))}`;
  }

  #hmac(key: Uint8Array, text: Uint8Array): Uint8Array {
    const block = new Uint8Array(64);
    block.set(key.length > block.length ? this.#digest(key) : key);
    const inner = this.#digest(joined(masked(block, 0x36), text));
    return this.#digest(joined(masked(block, 0x5c), inner));
  }

  #digest(bytes: Uint8Array): Uint8Array {
    const hex = this.#crypto.digest(bytes);
    return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
  }
}

const urlText = (bytes: Uint8Array): string =>
  encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const masked = (block: Uint8Array, mask: number): Uint8Array => block.map((byte) => byte ^ mask);
const joined = (a: Uint8Array, b: Uint8Array): Uint8Array => Uint8Array.from([...a, ...b]);
