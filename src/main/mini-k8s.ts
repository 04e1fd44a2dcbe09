import { enableCompileCache } from 'node:module';
import { clusterCommands } from '../cli/commands.ts';
import { type CommandEntry, runCommand } from '../cli/run.ts';
import { machineWorld } from './world.ts';

const leaveWithinMs = 500;

// argv -> one command. Those that make a cluster are here, those that speak to one are in cli/.
const ownCommands: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'Start a cluster',
    load: async () => {
      // What was compiled once need not be compiled again: ready 100 ms sooner for 4 MB. A server alone is soon ready
      // as it is, and is meant to be small.
      enableCompileCache();
      return (await import('./up.ts')).up;
    },
  },
  { name: 'down', summary: 'End a cluster', load: async () => (await import('./down.ts')).down },
  { name: 'server', summary: 'Run the API server alone', load: async () => (await import('./server.ts')).server },
  {
    name: 'controllers',
    summary: 'Run the controllers against any API server',
    load: async () => (await import('./part.ts')).controllers,
  },
  {
    name: 'scheduler',
    summary: 'Run the scheduler against any API server',
    load: async () => (await import('./part.ts')).scheduler,
  },
  {
    name: 'agent',
    summary: 'Run a node of this machine against any API server',
    load: async () => (await import('./part.ts')).agent,
  },
  {
    name: 'proxy',
    summary: 'Let HTTP in to Services, Ingresses and Gateways of any API server',
    load: async () => (await import('./proxy.ts')).proxy,
  },
  {
    name: 'backup',
    summary: 'Save the state and keys of a running cluster in one file',
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'restore',
    summary: 'Make the data folder of a new cluster from a backup',
    load: async () => (await import('./restore.ts')).restore,
  },
  {
    name: 'rotate-key',
    summary: 'Seal all secrets of a cluster that is down with a new key',
    load: async () => (await import('./rotate-key.ts')).rotateKey,
  },
  {
    name: 'rotate-ca',
    summary: 'Sign certificates by new authorities',
    load: async () => (await import('./rotate-ca.ts')).rotateCa,
  },
  {
    name: 'rotate-signing-key',
    summary: 'Sign tokens of ServiceAccounts by a new key',
    load: async () => (await import('./rotate-signing-key.ts')).rotateSigningKey,
  },
  {
    name: 'dashboard',
    summary: 'Show the cluster in a browser, live and read-only',
    load: async () => (await import('./dashboard.ts')).dashboard,
  },
  {
    name: 'dns',
    summary: 'Find names of the cluster from here: look one up, serve them, run a command that finds them',
    load: async () => (await import('./dns.ts')).dns,
  },
];

// SQLite is still called experimental by Node; nobody who uses this program needs to be told at every start.
process.removeAllListeners('warning');

process.exitCode = await runCommand([...ownCommands, ...clusterCommands], process.argv.slice(2), machineWorld());
// What failed half-way may have left something open that nobody will ever close.
if (process.exitCode !== 0) setTimeout(() => process.exit(), leaveWithinMs).unref();
