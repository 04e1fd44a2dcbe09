import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where an engine listens: a socket (or named pipe) of this machine, or a host and port. */
export type EngineAddress = { readonly text: string } & (
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number; readonly tls?: EngineTls }
);
export interface EngineTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized: boolean;
}
export type Environment = Readonly<Record<string, string | undefined>>;

/** The engine that was asked for cannot be meant: said in one line to whoever asked. */
export class EngineAddressError extends Error {}

const plainPort = 2375;
const tlsPort = 2376;

/**
 * Where to look for an engine, in order: DOCKER_HOST, then the chosen context, then the usual sockets. What was named
 * is the only candidate: an engine that somebody chose is never replaced by another one.
 */
export function engineAddresses(env: Environment = process.env): readonly EngineAddress[] {
  const folder = env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const host = env['DOCKER_HOST'];
  if (host) return [parseAddress(host, hostTls(env, folder))];
  const context = env['DOCKER_CONTEXT'] ?? currentContext(folder);
  if (context && context !== 'default') return [contextAddress(folder, context)];
  return usualSockets(env)
    .filter((path) => existsSync(path))
    .map(socketAddress);
}

function usualSockets(env: Environment): readonly string[] {
  if (process.platform === 'win32') return ['//./pipe/docker_engine', '//./pipe/podman-machine-default'];
  const own = env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    join(homedir(), '.docker', 'run', 'docker.sock'),
    ...(own ? [join(own, 'docker.sock'), join(own, 'podman', 'podman.sock')] : []),
    '/run/podman/podman.sock',
  ];
}

const socketAddress = (socketPath: string): EngineAddress => ({ text: `unix://${socketPath}`, socketPath });

function parseAddress(text: string, tls: EngineTls | undefined): EngineAddress {
  const [scheme, rest = ''] = text.split('://', 2);
  if (scheme === 'unix') return socketAddress(rest);
  if (scheme === 'npipe') return { text, socketPath: rest };
  if (scheme === 'tcp' || scheme === 'http' || scheme === 'https') {
    const found = /^(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(rest);
    const secure = tls ?? (scheme === 'https' ? { rejectUnauthorized: true } : undefined);
    if (found?.[1]) {
      const port = Number(found[2] ?? (secure ? tlsPort : plainPort));
      return { text, host: found[1].replace(/^\[|\]$/g, ''), port, ...(secure ? { tls: secure } : {}) };
    }
  }
  throw new EngineAddressError(`an engine is reached by unix://, npipe:// or tcp://, not by ${JSON.stringify(text)}`);
}

function hostTls(env: Environment, folder: string): EngineTls | undefined {
  const verify = Boolean(env['DOCKER_TLS_VERIFY']);
  const from = env['DOCKER_CERT_PATH'];
  if (!verify && !from) return undefined;
  return tlsFiles(from ?? folder, verify);
}

function tlsFiles(folder: string, verify: boolean): EngineTls {
  const read = (name: string) => {
    const file = join(folder, name);
    return existsSync(file) ? readFileSync(file) : undefined;
  };
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')];
  return { rejectUnauthorized: verify, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

function currentContext(folder: string): string | undefined {
  const config = readJson<{ readonly currentContext?: string }>(join(folder, 'config.json'));
  return config?.currentContext;
}

interface ContextFile {
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

/** Contexts are kept by the digest of their name. */
function contextAddress(folder: string, name: string): EngineAddress {
  const digest = createHash('sha256').update(name).digest('hex');
  const context = readJson<ContextFile>(join(folder, 'contexts', 'meta', digest, 'meta.json'));
  const endpoint = context?.Endpoints?.docker;
  if (!endpoint?.Host) throw new EngineAddressError(`there is no engine in the context ${JSON.stringify(name)}`);
  const certificates = join(folder, 'contexts', 'tls', digest, 'docker');
  const tls = existsSync(certificates) ? tlsFiles(certificates, !endpoint.SkipTLSVerify) : undefined;
  return parseAddress(endpoint.Host, tls);
}

function readJson<T>(file: string): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (cause) {
    throw new EngineAddressError(`${file} cannot be read`, { cause });
  }
}
