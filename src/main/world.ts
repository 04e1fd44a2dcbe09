import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { StopSource } from '../base/stop.ts';
import { CommandFailure, type Connected, type Where, type World } from '../cli/command.ts';
import { Client } from '../client/client.ts';
import { machineClock } from '../host/clock.ts';
import { httpTransport } from '../host/http/client.ts';
import { readKubeconfig } from '../host/kubeconfig-file.ts';
import { dataFolder } from './settings.ts';

/** What commands need of this machine. */
export function machineWorld(): World {
  const stop = new StopSource();
  return {
    io: {
      out: (words) => process.stdout.write(words),
      error: (words) => process.stderr.write(words),
      read,
      stdin: () => text(process.stdin),
    },
    clock: machineClock,
    environment: process.env,
    stop,
    version: JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
    connect,
    listen: async (place, accept) => (await import('../host/local-door.ts')).listen(place, accept),
    browse: async (url) => (await import('../host/browser.ts')).browse(url),
  };
}

async function read(path: string): Promise<{ readonly text: string } | { readonly folder: readonly string[] }> {
  if (!(await stat(path)).isDirectory()) return { text: await readFile(path, 'utf8') };
  const names = (await readdir(path)).sort();
  return { folder: names.map((name) => join(path, name)) };
}

/** A cluster named by flags wins, then the default cluster of this machine, then kubectl's own file. */
async function connect(where: Where): Promise<Connected> {
  const access = readKubeconfig(kubeconfigOf(where), where.context);
  return { client: new Client(httpTransport(access)), namespace: access.namespace };
}

function kubeconfigOf(where: Where): string {
  if (where.kubeconfig) return where.kubeconfig;
  const own = join(dataFolder({ 'data-dir': where.dataDir, name: where.name ?? 'default' }), 'kubeconfig');
  if (existsSync(own)) return own;
  if (where.dataDir || where.name)
    throw new CommandFailure(
      `no cluster was started in ${own.replace(/\/kubeconfig$/, '')}: start it with mini-k8s up`,
    );
  const usual = join(homedir(), '.kube', 'config');
  if (existsSync(usual)) return usual;
  throw new CommandFailure('no cluster is known: start one with mini-k8s up, or name a file with --kubeconfig');
}
