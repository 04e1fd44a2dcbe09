import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant, Millis } from '../base/env.ts';
import { Pipe } from '../base/pipe.ts';
import { never, type Stop, StopSource } from '../base/stop.ts';
import { sandboxOf, servedPort, untilHinted } from './runtime.test-data.ts';
import { type ContainerSpec, type ContainerState, InvalidImage, type Runtime } from './runtime.ts';

export interface RuntimeUnderTest {
  readonly runtime: Runtime;
  /** Time passes: real or virtual. */
  wait(ms: Millis): Promise<void>;
  /** Everything that was opened is closed again. */
  dispose(): Promise<void>;
}

type Line = Pick<ContainerSpec, 'image' | 'command'>;

/** What the suite runs, in the words of this runtime. */
export interface RuntimeCommands {
  readonly forever: Line;
  readonly succeeds: Line;
  /** Ends with exit code 3. */
  readonly fails: Line;
  /** Says `one`, `two`, `three` on standard output, a line each, and ends. */
  readonly says: Line;
  /** Does not end when it is asked to. */
  readonly stubborn: Line;
  /** Answers every connection on $HOST:$PORT with its POD_IP. */
  readonly serves: Line;
  readonly missing: Line;
  /** Says `heard` and its line for each line that it hears. */
  readonly hears: Line;
  readonly exec: { readonly hello: readonly string[]; readonly fails: readonly string[] };
  readonly invalidImage: string;
}

/** The claims that this runtime does not make, each with the reason. */
export type Skips = Partial<
  Record<
    'attach' | 'hold' | 'exitCodes' | 'output' | 'stubborn' | 'connect' | 'missing' | 'exec' | 'invalidImage',
    string
  >
>;

const deadlineMs = 10_000;
const stepMs = 10;
let count = 0;

/** One suite for every runtime. */
export function runtimeConformance(
  name: string,
  make: () => Promise<RuntimeUnderTest>,
  commands: RuntimeCommands,
  skips: Skips = {},
): void {
  const claim = (text: string, run: (bench: Bench) => Promise<void>, skip?: string) => {
    test(`${name} runtime: ${text}`, skip === undefined ? {} : { skip }, async () => {
      const under = await make();
      try {
        await run(new Bench(under, commands));
      } finally {
        await under.dispose();
      }
    });
  };
  lifeClaims(claim, commands, skips);
  stopClaims(claim, commands, skips);
  outputClaims(claim, commands, skips);
  insideClaims(claim, commands, skips);
}

type Claim = (text: string, run: (bench: Bench) => Promise<void>, skip?: string) => void;

function lifeClaims(claim: Claim, commands: RuntimeCommands, skips: Skips): void {
  claim('a sandbox has one address, however often it is opened', async ({ runtime }) => {
    const first = await runtime.openSandbox(sandboxOf('a'), []);
    assert.equal(first.ips.length, 1);
    assert.deepEqual(await runtime.openSandbox(sandboxOf('a'), []), first);
    const other = await runtime.openSandbox(sandboxOf('b'), []);
    assert.notDeepEqual(other.ips, first.ips);
    const { sandboxes } = await runtime.list();
    assert.deepEqual(sandboxes.map((one) => one.id).sort(), ['a', 'b']);
  });
  claim('a container is created, runs, and exits with its times', async (bench) => {
    const id = await bench.create(commands.succeeds);
    assert.equal((await bench.state(id)).state, 'created');
    await bench.runtime.start(id);
    const over = await bench.until(id, 'exited');
    assert.equal(over.exitCode, 0);
    assert.equal(over.reason, 'Completed');
    assert.ok((over.startedAt as Instant) <= (over.finishedAt as Instant));
    await bench.runtime.openSandbox(sandboxOf('other'), []);
    const { sandboxes, containers } = await bench.runtime.list();
    for (const one of [over.sandbox, 'other', 'none']) {
      const told = await bench.runtime.listOf?.(one);
      if (!told) continue;
      assert.deepEqual(told, {
        sandboxes: sandboxes.filter(({ id }) => id === one),
        containers: containers.filter((container) => container.sandbox === one),
      });
    }
  });
  claim(
    'an exit code is kept',
    async (bench) => {
      const over = await bench.until(await bench.run(commands.fails), 'exited');
      assert.equal(over.exitCode, 3);
      assert.equal(over.reason, 'Error');
    },
    skips.exitCodes,
  );
  claim('a container that is started again is not run again', async (bench) => {
    const id = await bench.run(commands.forever);
    const before = await bench.until(id, 'running');
    await bench.runtime.start(id);
    await bench.runtime.create(bench.spec(id, commands.forever));
    assert.deepEqual(await bench.state(id), before);
    await bench.runtime.stop(id, 0);
    const after = await bench.until(id, 'exited');
    await bench.runtime.start(id);
    assert.deepEqual(await bench.state(id), after);
  });
  claim(
    'a command that is not there is an error of start, and an exit',
    async (bench) => {
      const id = await bench.create(commands.missing);
      await assert.rejects(bench.runtime.start(id));
      const over = await bench.until(id, 'exited');
      assert.equal(over.exitCode, 128);
      assert.equal(over.reason, 'StartError');
    },
    skips.missing,
  );
  claim('a container that was never created cannot be started', async ({ runtime }) => {
    await assert.rejects(runtime.start('nobody'));
  });
  claim('an exit is hinted at', async (bench) => {
    const id = await bench.run(commands.forever);
    await bench.until(id, 'running');
    const stop = new StopSource();
    const hints = bench.runtime.events(stop)[Symbol.asyncIterator]();
    const hinted = untilHinted(hints, id);
    await bench.runtime.stop(id, 0);
    await hinted;
    stop.stop();
    for (let left = await hints.next(); left.done !== true; left = await hints.next());
  });
}

function stopClaims(claim: Claim, commands: RuntimeCommands, skips: Skips): void {
  claim('stop ends a container, and a second one changes nothing', async (bench) => {
    const id = await bench.run(commands.forever);
    await bench.until(id, 'running');
    await bench.runtime.stop(id, 5_000);
    const over = await bench.state(id);
    assert.equal(over.state, 'exited');
    assert.equal(over.exitCode, 143);
    await bench.runtime.stop(id, 0);
    assert.deepEqual(await bench.state(id), over);
  });
  claim(
    'stop kills what does not end within its grace',
    async (bench) => {
      const id = await bench.run(commands.stubborn);
      await bench.said(id, 'ready');
      await bench.runtime.stop(id, 100);
      assert.equal((await bench.state(id)).exitCode, 137);
    },
    skips.stubborn,
  );
  claim(
    'what nobody holds any more ends by itself, and nothing starts in its place until somebody does',
    async (bench) => {
      const id = await bench.run(commands.forever);
      await bench.until(id, 'running');
      await bench.runtime.holdFor?.(bench.sandbox, 300);
      await bench.wait(200);
      await bench.runtime.holdFor?.(bench.sandbox, 300);
      await bench.wait(200);
      assert.equal((await bench.state(id)).state, 'running');
      assert.equal((await bench.until(id, 'exited')).exitCode, 137);
      const late = await bench.run(commands.forever).catch(() => undefined);
      if (late !== undefined) assert.notEqual((await bench.state(late)).state, 'running');
      await bench.runtime.holdFor?.(bench.sandbox, 60_000);
      await bench.until(await bench.run(commands.forever), 'running');
    },
    skips.hold,
  );
  claim('what is removed is not listed', async (bench) => {
    const id = await bench.run(commands.forever);
    await bench.runtime.remove(id);
    assert.deepEqual((await bench.runtime.list()).containers, []);
    await bench.runtime.remove(id);
  });
  claim('closing a sandbox ends and removes what is inside', async (bench) => {
    await bench.run(commands.forever);
    await bench.run(commands.forever);
    await bench.runtime.closeSandbox(bench.sandbox);
    assert.deepEqual(await bench.runtime.list(), { sandboxes: [], containers: [] });
    await bench.runtime.closeSandbox(bench.sandbox);
  });
  claim('ending what is not there is no error', async ({ runtime }) => {
    await runtime.stop('nobody', 0);
    await runtime.remove('nobody');
    await runtime.closeSandbox('nobody');
  });
}

function outputClaims(claim: Claim, commands: RuntimeCommands, skips: Skips): void {
  claim('a followed log ends with its container', async (bench) => {
    const id = await bench.run(commands.forever);
    const text = bench.log(id, { follow: true });
    await bench.until(id, 'running');
    await bench.runtime.stop(id, 0);
    assert.equal(typeof (await text), 'string');
  });
  claim('a followed log ends when it is stopped', async (bench) => {
    const id = await bench.run(commands.forever);
    const stop = new StopSource();
    const text = bench.log(id, { follow: true }, stop);
    await bench.wait(stepMs);
    stop.stop();
    assert.equal(typeof (await text), 'string');
  });
  claim(
    'a log is what was said; its tail the last lines; its times are asked for',
    async (bench) => {
      const id = await bench.run(commands.says);
      const over = await bench.until(id, 'exited');
      assert.equal(await bench.log(id), 'one\ntwo\nthree\n');
      assert.equal(await bench.log(id, { tail: 2 }), 'two\nthree\n');
      assert.equal(await bench.log(id, { tail: 0 }), '');
      assert.equal(await bench.log(id, { tail: 9 }), 'one\ntwo\nthree\n');
      assert.match(await bench.log(id, { tail: 1, timestamps: true }), /^\d{4}-\d\d-\d\dT[\d:]+\.\d{9}Z three\n$/);
      assert.equal(await bench.log(id, { since: ((over.finishedAt as number) + 1_000) as Instant }), '');
      assert.equal(
        await bench.log(id, { since: ((over.startedAt as number) - 1_000) as Instant }),
        'one\ntwo\nthree\n',
      );
    },
    skips.output,
  );
}

function insideClaims(claim: Claim, commands: RuntimeCommands, skips: Skips): void {
  claim('exec ends with an exit code', async (bench) => {
    const id = await bench.run(commands.forever);
    await bench.until(id, 'running');
    const { exitCode } = await bench.exec(id, commands.exec.hello);
    assert.equal(exitCode, 0);
  });
  claim(
    'exec tells what was said and how it ended',
    async (bench) => {
      const id = await bench.run(commands.forever);
      await bench.until(id, 'running');
      assert.deepEqual(await bench.exec(id, commands.exec.hello), { text: 'hello\n', exitCode: 0 });
      assert.equal((await bench.exec(id, commands.exec.fails)).exitCode, 3);
      assert.equal((await bench.exec(id, ['no-such-command-anywhere'])).exitCode, 127);
    },
    skips.exec,
  );
  claim('exec in a container that does not run is an error', async (bench) => {
    const id = await bench.create(commands.forever);
    await assert.rejects(bench.exec(id, commands.exec.hello));
  });
  claim(
    'the declared port of a sandbox is reached, also with the same port in another sandbox',
    async (bench) => {
      const ids = [await bench.run(commands.serves), await bench.run(commands.serves, 'other')];
      for (const id of ids) await bench.said(id, 'ready');
      const { sandboxes } = await bench.runtime.list();
      for (const { id, ips } of sandboxes) assert.equal(await bench.hear(id, servedPort), ips[0]);
    },
    skips.connect,
  );
  claim(
    'whoever is attached speaks to a container and hears it, and leaves it running',
    async (bench) => {
      await bench.runtime.openSandbox(sandboxOf(bench.sandbox), []);
      const spec = { ...bench.spec('talk', commands.hears), stdin: true };
      await bench.runtime.create(spec);
      await bench.runtime.start(spec.id);
      await bench.until(spec.id, 'running');
      for (const word of ['one', 'two']) {
        const stop = new StopSource();
        assert.ok((await bench.attached(spec.id, word, stop)).includes(`heard ${word}`));
        stop.stop();
      }
      assert.equal((await bench.state(spec.id)).state, 'running');
      await bench.said(spec.id, 'heard two');
    },
    skips.attach,
  );
  claim('usage is told of what runs', async (bench) => {
    const id = await bench.run(commands.forever);
    await bench.until(id, 'running');
    const [usage] = await bench.runtime.usage();
    assert.equal(usage?.id, id);
    assert.ok((usage?.memoryBytes ?? 0) > 0);
    await bench.runtime.update(id, { memoryBytes: 1 });
    await bench.runtime.stop(id, 0);
    assert.deepEqual(await bench.runtime.usage(), []);
  });
  claim(
    'an image that it cannot run is refused, and never run',
    async (bench) => {
      const { images } = bench.runtime;
      await assert.rejects(images.ensure(commands.invalidImage, 'IfNotPresent', []), InvalidImage);
      await assert.rejects(bench.create({ ...commands.forever, image: commands.invalidImage }), InvalidImage);
    },
    skips.invalidImage,
  );
  claim('an image that it can run has an id', async ({ runtime }) => {
    const { id } = await runtime.images.ensure(commands.forever.image, 'IfNotPresent', []);
    assert.ok((await runtime.images.list()).some((image) => image.id === id));
  });
}

/** The few verbs that the claims are written in. */
class Bench {
  readonly runtime: Runtime;
  readonly sandbox = 'box';
  readonly wait: (ms: Millis) => Promise<void>;
  readonly commands: RuntimeCommands;

  constructor(under: RuntimeUnderTest, commands: RuntimeCommands) {
    this.runtime = under.runtime;
    this.wait = (ms) => under.wait(ms);
    this.commands = commands;
  }

  spec(id: string, line: Line, box: string = this.sandbox): ContainerSpec {
    const rest = { args: [], env: [], mounts: [], resources: {}, security: {}, tty: false, stdin: false };
    return { id, sandbox: box, name: 'main', attempt: 0, ...line, ...rest };
  }

  async create(line: Line, box: string = this.sandbox): Promise<string> {
    const id = `c${++count}`;
    await this.runtime.openSandbox(sandboxOf(box), []);
    await this.runtime.create(this.spec(id, line, box));
    return id;
  }

  async run(line: Line, box: string = this.sandbox): Promise<string> {
    const id = await this.create(line, box);
    await this.runtime.start(id);
    return id;
  }

  async state(id: string): Promise<ContainerState> {
    const found = (await this.runtime.list()).containers.find((one) => one.id === id);
    assert.ok(found, `container ${id} is listed`);
    return found;
  }

  async until(id: string, state: ContainerState['state']): Promise<ContainerState> {
    for (let waited = 0; waited < deadlineMs; waited += stepMs) {
      const found = await this.state(id);
      if (found.state === state) return found;
      await this.wait(stepMs);
    }
    throw new Error(
      `container ${id} was not ${state} within ${deadlineMs} ms: ${JSON.stringify(await this.state(id))}`,
    );
  }

  async said(id: string, text: string): Promise<void> {
    for (let waited = 0; waited < deadlineMs; waited += stepMs) {
      if ((await this.log(id)).includes(text)) return;
      await this.wait(stepMs);
    }
    throw new Error(`container ${id} did not say ${text}, only: ${await this.log(id)}`);
  }

  async log(id: string, options: object = {}, stop: Stop = never): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.runtime.logs(id, { follow: false, timestamps: false, ...options }, stop)) {
      chunks.push(chunk);
    }
    return textOf(chunks);
  }

  async exec(id: string, command: readonly string[]): Promise<{ text: string; exitCode: number }> {
    const said: Uint8Array[] = [];
    for await (const part of this.runtime.exec(id, command, { tty: false }, never)) {
      if ('exitCode' in part) return { text: textOf(said), exitCode: part.exitCode };
      said.push(part.bytes);
    }
    throw new Error('exec ended without an exit code');
  }

  /** Speaks one line, and hears until it is answered. */
  async attached(id: string, word: string, stop: Stop): Promise<string> {
    const stdin = new Pipe();
    void stdin.write(new TextEncoder().encode(`${word}\n`));
    let heard = '';
    for await (const part of this.runtime.attach?.(id, { tty: false, stdin }, stop) ?? []) {
      if ('bytes' in part) heard += textOf([part.bytes]);
      if (heard.endsWith('\n')) break;
    }
    return heard;
  }

  async hear(box: string, port: number): Promise<string> {
    const duplex = await this.runtime.connect(box, port);
    const chunks: Uint8Array[] = [];
    for await (const chunk of duplex.incoming) chunks.push(chunk);
    duplex.end();
    return textOf(chunks);
  }
}

function textOf(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode();
}
