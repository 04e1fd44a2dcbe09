/** The floors of src/, from the ground up. A folder imports only from lower floors, never from one on its own floor. */
export const floors: readonly (readonly string[])[] = [
  ['base'],
  ['api', 'store'],
  ['server', 'client'],
  ['machinery'],
  ['controllers', 'scheduler', 'agent', 'network', 'cli'],
  ['host', 'sim', 'dashboard'],
  ['main'],
];

/** Doors, stricter than floors: who may import a folder, and what everybody else uses. */
export const doors: Readonly<Record<string, { readonly open: readonly string[]; readonly instead: string }>> = {
  store: { open: ['server', 'host', 'sim', 'main'], instead: 'ask through client/client.ts' },
  server: { open: ['host', 'sim', 'main'], instead: 'take a Transport (api/wire.ts) or a Client (client/client.ts)' },
};

/** Folders without clock, chance or device, and the third-party packages (pure ones) that each may use. */
export const purePackages: Readonly<Record<string, readonly string[]>> = {
  base: [],
  api: ['re2js'],
  store: [],
  server: [],
  client: [],
  machinery: [],
  controllers: [],
  scheduler: [],
  agent: [],
  network: [],
  cli: ['yaml'],
  sim: [],
};

/** Names that reach the machine from a pure folder, and what to use instead. */
export const bannedNames: Readonly<Record<string, string>> = {
  setTimeout: 'env.clock.after',
  setInterval: 'env.clock.after, again each time',
  setImmediate: 'env.clock.after',
  queueMicrotask: 'await, or env.clock.after',
  clearTimeout: 'the Cancel that env.clock.after returns',
  clearInterval: 'the Cancel that env.clock.after returns',
  performance: 'env.clock.now',
  AbortSignal: 'Stop of base/stop.ts',
  AbortController: 'Stop of base/stop.ts',
  process: 'a port that host/ implements and main/ passes in',
  Buffer: 'Uint8Array, TextEncoder and TextDecoder',
  fetch: 'a Transport (api/wire.ts)',
  XMLHttpRequest: 'a Transport (api/wire.ts)',
  WebSocket: 'the upgrade of ApiResponse (api/wire.ts)',
  crypto: 'env.random, or the synchronous crypto of Env',
  console: 'env.log',
  Intl: 'code of our own: Intl answers by locale',
  WeakRef: 'a Map with a named limit: the garbage collector is not deterministic',
  FinalizationRegistry: 'Stop of base/stop.ts: the garbage collector is not deterministic',
  Worker: 'the Runtime port (agent/runtime.ts)',
  SharedArrayBuffer: 'ArrayBuffer',
  Atomics: 'nothing: the core is one thread',
  eval: 'a table of functions',
  globalThis: 'an import or Env',
  require: 'import',
};

/** The same for members of things that are allowed themselves. */
export const bannedMembers: Readonly<Record<string, string>> = {
  'Date.now': 'env.clock.now',
  'Math.random': 'a fork of env.random, with a name',
};

/** What is banned even in the tests of a pure folder: they run on virtual time and repeat exactly. */
export const bannedInTests: readonly string[] = ['setTimeout', 'setInterval', 'Date.now', 'Math.random'];

/** Methods that answer by locale, on whatever they are called. */
export const bannedMethods: Readonly<Record<string, string>> = {
  localeCompare: 'compareText of base/text.ts (by code unit)',
  toLocaleString: 'String(x)',
  toLocaleDateString: 'toISOString',
  toLocaleTimeString: 'toISOString',
  toLocaleLowerCase: 'toLowerCase',
  toLocaleUpperCase: 'toUpperCase',
};

/** Names that say nothing about the one idea inside. */
export const forbiddenNames: readonly string[] = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'misc',
  'types',
  'index',
];

/** Folders that touch devices: not even a test of a pure folder may import them. */
export const machineFolders: readonly string[] = ['host', 'main', 'dashboard'];

/** A table test may show one whole plan, so it may be longer than code. */
export const limits = { fileLines: 500, functionLines: 70, testLines: 100, columns: 120, parameters: 4 } as const;

/** Made by a tool from somebody's documents: their size is not ours to choose. */
export const generated: readonly string[] = ['src/api/schema/tables'];

/** Files that something outside the sources starts: never imported, and alive. */
export const entries: readonly string[] = ['src/main/', 'src/dashboard/main.ts', 'src/platform.d.ts'];

export const sourceFolders: readonly string[] = ['src', 'tools', 'e2e', 'bench', 'compat', 'conformance'];
