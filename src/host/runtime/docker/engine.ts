import { type Environment, engineAddresses } from './engine-address.ts';
import { EngineClient } from './engine-client.ts';

/** One that answers, in a version that both sides speak. */
export interface Engine {
  readonly client: EngineClient;
  readonly version: string;
  /** 'amd64', 'arm64', ... */
  readonly architecture: string;
  /** Whether this machine reaches a container by its address. Not so where the engine runs in a machine of its own. */
  readonly reachable: boolean;
  /** Where it keeps its images, if that is on this machine. */
  readonly folder?: string;
  readonly mountsRecursively?: boolean;
  /** It starts its own program anew for each container that it gives a network: until version 28 of Docker's. */
  readonly slowLinks?: boolean;
  /** Whether it holds containers to profiles of AppArmor. */
  readonly appArmor?: boolean;
}
export type Search = { readonly engine: Engine } | { readonly missing: string };

/** Engines from Docker 20.10 on. Debian 12 and RHEL 8 have nothing newer. */
const oldest = '1.41';
/** What was written against; newer engines still speak it. */
const newest = '1.51';
const recursiveSince = '1.44';
const quickLinksSince = '1.48';
const patienceMs = 3_000;

interface Version {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Arch: string;
  readonly Components?: readonly { readonly Name: string }[];
}
interface Info {
  readonly OperatingSystem?: string;
  readonly SecurityOptions?: readonly string[];
  readonly DockerRootDir?: string;
}

/** The first engine that answers, or why there is none, in one line. */
export async function findEngine(env: Environment = process.env): Promise<Search> {
  const reasons: string[] = [];
  try {
    for (const address of engineAddresses(env)) {
      const found = await ask(new EngineClient(address)).catch((error: unknown) => ({ missing: messageOf(error) }));
      if ('engine' in found) return found;
      reasons.push(`${address.text}: ${found.missing}`);
    }
  } catch (error) {
    return { missing: messageOf(error) };
  }
  return { missing: reasons.join('; ') || 'no socket of a container engine is there, and DOCKER_HOST is not set' };
}

async function ask(client: EngineClient): Promise<Search> {
  const version = await within(client.json<Version>('GET', '/version'));
  const spoken = negotiate(version);
  if (spoken === undefined) {
    const range = `${version.MinAPIVersion ?? '?'} to ${version.ApiVersion}`;
    return { missing: `the engine speaks API ${range}, and ${oldest} to ${newest} is what is understood here` };
  }
  const own = new EngineClient(client.address, spoken);
  client.close();
  const info = await within(own.json<Info>('GET', '/info'));
  const local = process.platform === 'linux' && 'socketPath' in client.address;
  const rootless = info.SecurityOptions?.some((option) => option.includes('rootless')) ?? false;
  const reachable = local && !rootless && info.OperatingSystem !== 'Docker Desktop';
  const folder = reachable && info.DockerRootDir ? { folder: info.DockerRootDir } : {};
  const mountsRecursively = !isBefore(spoken, recursiveSince);
  const appArmor = info.SecurityOptions?.some((option) => option.includes('apparmor')) ?? false;
  // Docker's calls itself so; those that are compatible say who they are.
  const isDocker = version.Components?.some(({ Name: name }) => name === 'Engine') ?? false;
  const slowLinks = isDocker && isBefore(spoken, quickLinksSince);
  const about = { version: version.Version, architecture: version.Arch, reachable };
  return { engine: { client: own, ...about, mountsRecursively, appArmor, slowLinks, ...folder } };
}

/** The newest version that both know; undefined where there is none. */
export function negotiate(engine: Pick<Version, 'ApiVersion' | 'MinAPIVersion'>): string | undefined {
  const spoken = isBefore(engine.ApiVersion, newest) ? engine.ApiVersion : newest;
  const least = engine.MinAPIVersion ?? oldest;
  return isBefore(spoken, oldest) || isBefore(spoken, least) ? undefined : spoken;
}

function isBefore(one: string, other: string): boolean {
  const [major = 0, minor = 0] = one.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map(Number);
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}

async function within<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs / 1000} s`)), patienceMs);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
