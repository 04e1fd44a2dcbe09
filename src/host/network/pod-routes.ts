import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { hash32 } from '../../base/hash.ts';
import type { NodeRoute, RouteTable } from '../../network/node-routes.ts';
import { podLinks } from './nftables/pod-links.ts';

const run = promisify(execFile);
const deadlineMs = 5_000;
/** Shown beside a route by routing tools: by it and the metric we know ours again. */
const routeMark = '107';

/** Routes of the kernel to pods of other machines, all of which are neighbours. */
export class PodRoutes implements RouteTable {
  readonly #podRange: string;
  readonly #metric: string;

  constructor(podRange: string, cluster: string) {
    this.#podRange = podRange;
    this.#metric = String(1 + (hash32(cluster) >>> 1));
  }

  async replace(routes: readonly NodeRoute[]): Promise<void> {
    const wanted = new Set(routes.map(({ range, via }) => `${range} via ${via}`));
    const present = await this.#present();
    for (const text of present) if (!wanted.has(text)) await this.#change('del', text);
    for (const text of wanted) if (!present.includes(text)) await this.#change('replace', text);
    if (routes.length > 0) this.#answerForOthers();
  }

  close(): Promise<void> {
    return this.replace([]);
  }

  async #present(): Promise<readonly string[]> {
    const { stdout } = await run('ip', ['-4', 'route', 'show', 'proto', routeMark], { timeout: deadlineMs });
    return stdout.split('\n').flatMap((line) => {
      const found = /^(?<range>\S+) via (?<via>\S+) .*metric (?<metric>\d+)/.exec(line)?.groups;
      return found?.metric === this.#metric ? [`${found.range} via ${found.via}`] : [];
    });
  }

  async #change(verb: 'replace' | 'del', text: string): Promise<void> {
    const words = ['route', verb, ...text.split(' '), 'proto', routeMark, 'metric', this.#metric];
    await run('ip', words, { timeout: deadlineMs });
  }

  /** To containers the whole range is their neighbourhood: this machine answers for those who are behind it. */
  #answerForOthers(): void {
    for (const device of podLinks(this.#podRange).near) {
      try {
        writeFileSync(`/proc/sys/net/ipv4/conf/${device}/proxy_arp`, '1');
      } catch {
        // The device is gone, or is none that has neighbours.
      }
    }
  }
}
