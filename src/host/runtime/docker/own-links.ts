import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { SandboxSpec } from '../../../agent/runtime.ts';
import type { Engine } from './engine.ts';

const run = promisify(execFile);
const deadlineMs = 10_000;
const engineIdPattern = /^[0-9a-f]{64}$/;
const nameLength = 12;
/** The kernel takes 15 characters for the name of a device. */
const endLength = 11;

/** The end of a pod's link that lies on this machine: by its name it is known whose it is, and that it is whole. */
const endOf = (engineId: string): string => `mk8s${engineId.slice(0, endLength)}`;
const draftOf = (engineId: string): string => `mk8d${engineId.slice(0, endLength)}`;

/**
 * Links of pods to the bridge of their network, made by this machine's own tools. Engines before 28 start their own
 * program anew, once or twice, for each container that they give a network; this is a tenth of that.
 */
export class OwnLinks {
  readonly #bridge: string;
  readonly #gateway: string;
  readonly #prefix: string;

  private constructor(bridge: string, gateway: string, prefix: string) {
    this.#bridge = bridge;
    this.#gateway = gateway;
    this.#prefix = prefix;
  }

  /** Undefined where they would gain nothing or cannot be made: by who is not root, or not where the engine is. */
  static async of({ slowLinks, reachable }: Engine, networkId: string): Promise<OwnLinks | undefined> {
    if (!slowLinks || !reachable || process.getuid?.() !== 0) return undefined;
    const bridge = `br-${networkId.slice(0, nameLength)}`;
    try {
      const { stdout } = await run('ip', ['-4', '-o', 'addr', 'show', 'dev', bridge], { timeout: deadlineMs });
      await run('nsenter', ['--net=/proc/self/ns/net', 'true'], { timeout: deadlineMs });
      const { gateway, prefix } = /inet (?<gateway>[\d.]+)\/(?<prefix>\d+)/.exec(stdout)?.groups ?? {};
      return gateway && prefix ? new OwnLinks(bridge, gateway, prefix) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The engine has to publish ports itself, and to write resolver files that ask nobody in particular. */
  static fits({ hostNetwork, ports, dns }: SandboxSpec): boolean {
    return !hostNetwork && dns.servers.length > 0 && ports.every(({ host }) => host === undefined);
  }

  static isMade(engineId: string): boolean {
    return existsSync(`/proc/sys/net/ipv4/conf/${endOf(engineId)}`);
  }

  /** For the container of this id of the engine, whose first process this is. It is over with the container. */
  async make(engineId: string, pid: number, address: string): Promise<void> {
    if (!engineIdPattern.test(engineId) || !belongsTo(pid, engineId)) throw new ForeignProcess(engineId);
    const [draft, end] = [draftOf(engineId), endOf(engineId)];
    // An address has the same hardware address whoever has it: neighbours that remember it are not led astray.
    const hardware = ['02', '42', ...address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))];
    const inside = [
      'link set lo up',
      `addr add ${address}/${this.#prefix} brd + dev eth0`,
      ...(existsSync('/proc/sys/net/ipv6') ? ['link set eth0 addrgenmode none'] : []),
      'link set eth0 up',
      `route add default via ${this.#gateway}`,
    ];
    const script = [
      `ip link add ${draft} type veth peer name eth0 address ${hardware.join(':')} netns ${pid}`,
      'nsenter --net="/proc/$1/ns/net" ip -batch - <<\'END\'',
      ...inside,
      'END',
      "ip -batch - <<'END'",
      `link set ${draft} master ${this.#bridge}`,
      // What a pod sends to itself through a service comes back to it.
      `link set ${draft} type bridge_slave hairpin on`,
      `link set ${draft} name ${end} up`,
      'END',
    ];
    await run('/bin/sh', ['-e', '-c', script.join('\n'), 'sh', String(pid)], { timeout: deadlineMs });
  }
}

/** The engine numbers processes otherwise than this machine does: nothing can be done to them from here. */
export class ForeignProcess extends Error {
  constructor(engineId: string) {
    super(`the first process of container ${engineId.slice(0, nameLength)} is not to be found on this machine`);
    this.name = 'ForeignProcess';
  }
}

function belongsTo(pid: number, engineId: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(engineId);
  } catch {
    return false;
  }
}
