import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isApiError } from '../api/error.ts';
import { type EndpointSlice, endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { type Service, services } from '../api/kinds/service.ts';
import { CommandFailure } from '../cli/command.ts';
import type { Client } from '../client/client.ts';
import { canMount, withResolverFile } from '../host/runtime/process/resolver-mount.ts';
import {
  clusterAddresses,
  dnsService,
  dnsSlice,
  type LocalNames,
  localNames,
  proxyVariables,
} from '../network/kube-dns.ts';
import { clusterDomain, machineNames } from './cluster-dns.ts';
import type { DnsContext } from './dns-names.ts';

/** Where the names of the cluster are answered, as the cluster itself tells it. */
interface Found {
  readonly address: string | undefined;
  readonly local: LocalNames | undefined;
}

/** How this machine, or this shell, finds the names. */
export async function explain({ io, client }: DnsContext): Promise<number> {
  const { address, local } = await whereOf(await client());
  const name = `kubernetes.default.svc.${clusterDomain}`;
  const more = [
    'mini-k8s dns lookup NAME [TYPE]     asks the cluster, as a pod would',
    'mini-k8s dns run COMMAND            runs a command that finds the names; without one, your shell',
    'mini-k8s dns serve                  answers the names at a port of this machine',
  ];
  const told = address === undefined ? absence : local ? aboutLocal(local, name) : aboutAddress(address, name);
  io.out(`${[...told, '', 'From here:', ...more.map((line) => `  ${line}`)].join('\n')}\n`);
  return 0;
}

const absence: readonly string[] = [
  'This cluster has no Service kube-system/kube-dns: it was started with --bare, or its names are answered elsewhere.',
];

const aboutAddress = (address: string, name: string): readonly string[] => [
  `The names of this cluster are answered at ${address}, for pods and on the machine that it runs on:`,
  `  dig @${address} +short ${name}`,
  '',
  `For every program of this machine, send ${clusterDomain} there:`,
  ...everywhere(address, undefined),
];

function aboutLocal({ dns, proxy }: LocalNames, name: string): readonly string[] {
  const [host = '', port] = dns.split(':');
  return [
    `The names of this cluster are answered at ${dns}:`,
    `  dig @${host} -p ${port} +short ${name}`,
    'It runs without root, so addresses of Services lead nowhere by themselves. Programs that know HTTP proxies reach',
    `them by name through ${proxy}:`,
    `  curl --proxy http://default@${proxy} http://NAME.NAMESPACE/`,
    '',
    `For every program of this machine to know the names, send ${clusterDomain} there:`,
    ...everywhere(host, port),
  ];
}

function everywhere(host: string, port: string | undefined): readonly string[] {
  const colon = port ? `${host}:${port}` : host;
  if (process.platform === 'darwin') {
    const text = `nameserver ${host}\\n${port ? `port ${port}\\n` : ''}`;
    return [`  sudo sh -c 'printf "${text}" > /etc/resolver/${clusterDomain}'`];
  }
  return [
    `  systemd-resolved: [Resolve] DNS=${colon} Domains=~${clusterDomain}, in /etc/systemd/resolved.conf.d/cluster.conf`,
    `  dnsmasq:          server=/${clusterDomain}/${port ? `${host}#${port}` : host}`,
  ];
}

/** Runs a command, or the user's shell, that finds the names as a pod of the namespace would. Answers its exit code. */
export async function run(context: DnsContext, words: readonly string[]): Promise<number> {
  const { address, local } = await whereOf(await context.client());
  const namespace = await context.namespace();
  const command = words.length > 0 ? words : [process.env['SHELL'] ?? '/bin/sh'];
  if (words.length === 0) context.io.error(`names of the cluster are found in this shell until it ends\n`);
  if (local) return child(command, proxyVariables(local.proxy, namespace));
  if (address === undefined) throw new CommandFailure('this cluster has no Service kube-system/kube-dns to be asked');
  const around = mountWords();
  if (!around)
    throw new CommandFailure(
      `a resolver file of its own needs Linux, and root or user namespaces; mini-k8s dns tells how to use ${address} otherwise`,
    );
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-names-'));
  try {
    const { searches } = machineNames();
    const own = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
    const file = { servers: [address], searches: [...own, ...searches], options: ['ndots:5'] };
    return await child([...around(withResolverFile(folder, file)), ...command], {});
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Around = (words: readonly string[]) => readonly string[];

/** How mounts of one's own are had here: as root, or as a user in a namespace of users in which he may mount. */
function mountWords(): Around | undefined {
  if (canMount()) return (words) => words;
  if (process.platform !== 'linux') return undefined;
  const own = ['--user', '--map-current-user', '--keep-caps'];
  try {
    execFileSync('unshare', [...own, '--mount', 'true'], { stdio: 'ignore', timeout: 2_000 });
  } catch {
    return undefined;
  }
  return ([unshare = '', ...words]) => [unshare, ...own, ...words];
}

async function whereOf(client: Client): Promise<Found> {
  const absent = (error: unknown): undefined => {
    if (!isApiError(error, 'NotFound')) throw error;
    return undefined;
  };
  const service: Service | undefined = await client.get(services, dnsService).catch(absent);
  const slice: EndpointSlice | undefined = await client.get(endpointSlices, dnsSlice).catch(absent);
  return { address: service && clusterAddresses(service)[0], local: localNames(slice) };
}

function child(command: readonly string[], variables: Readonly<Record<string, string>>): Promise<number> {
  const [program = '', ...words] = command;
  const running = spawn(program, words, { stdio: 'inherit', env: { ...process.env, ...variables } });
  // What the terminal says to all of its programs is the command's affair.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  return new Promise((resolve, reject) => {
    running.once('error', (error) => reject(new CommandFailure(`cannot run ${program}: ${error.message}`)));
    running.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
