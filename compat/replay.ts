import { randomBytes } from 'node:crypto';
import type { Case, Digest, Fixture, Step } from './cases.ts';
import { type Answered, type CompatClient, pause } from './client.ts';
import { digestOf } from './normal.ts';
import { at, edited } from './tree.ts';

const widthMax = 16;
const untilTries = 100;
const conflictTries = 6;

/** What placeholders in requests stand for. */
interface Variables {
  readonly [name: string]: unknown;
  live?: unknown;
  livePath?: string;
}
type Told = (item: Case, answers: readonly Digest[]) => void;

/** A name of its own for each run, so that two runs never meet in one namespace. */
export const newRun = (): string => `r${randomBytes(3).toString('hex').slice(1)}zq`;

/** Replays all cases of one fixture and tells what was answered to each. */
export class Replay {
  readonly #client: CompatClient;
  readonly #objects: ReadonlyMap<string, unknown>;
  readonly #run: string;

  constructor(client: CompatClient, objects: ReadonlyMap<string, unknown>, run: string) {
    this.#client = client;
    this.#objects = objects;
    this.#run = run;
  }

  async fixture(fixture: Fixture, cases: readonly Case[], told: Told): Promise<void> {
    const variables: Variables = { run: this.#run, known: fixture.known ?? '' };
    for (const step of fixture.setup ?? []) await this.#step(step, variables);
    await this.#refresh(variables);
    const one = async (item: Case) => {
      const own = { ...variables };
      const answers: Digest[] = [];
      for (const step of item.steps) answers.push(await this.#step(step, own));
      told(item, answers);
    };
    try {
      // Queries look at whole namespaces: fewer at once disturb each other less.
      const width = fixture.id === 'query' ? widthMax / 2 : widthMax;
      await together(
        cases.filter(({ serial }) => !serial),
        width,
        one,
      );
      for (const item of cases.filter(({ serial }) => serial)) await one(item);
    } finally {
      for (const step of fixture.teardown ?? []) await this.#step(step, variables);
    }
  }

  async #step(step: Step, variables: Variables): Promise<Digest> {
    const unfilled = this.#bodyOf(step);
    const answer = await this.#asked(step, unfilled, variables);
    if (step.capture || step.live) remember(step, answer, variables);
    if (step.pause) await pause(step.pause);
    const known = `${unfilled ?? ''}${variables.known ?? ''}`;
    return JSON.parse(JSON.stringify(digestOf(answer, { known, run: this.#run, step }))) as Digest;
  }

  #bodyOf(step: Step): string | undefined {
    if (step.raw !== undefined) return step.raw;
    if (step.ref !== undefined) return JSON.stringify(edited(this.#objects.get(step.ref), step.edit));
    return step.body === undefined ? undefined : JSON.stringify(step.body);
  }

  async #asked(step: Step, unfilled: string | undefined, variables: Variables): Promise<Answered> {
    for (let tries = 0; ; tries++) {
      const body = unfilled === undefined ? undefined : filled(unfilled, variables);
      const headers = step.headers && JSON.parse(filled(JSON.stringify(step.headers), variables));
      const asked = { method: step.method, path: filled(step.path, variables), headers, body };
      const answer = await this.#client.send({ ...asked, ...(step.stream ? { stream: true } : {}) }, step.as);
      if (step.until && answer.code !== step.until && tries < untilTries) {
        await pause(100);
        continue;
      }
      const crossed = answer.code === 409 && /has been modified/.test(answer.text) && !step.keepConflict;
      if (!crossed || !variables.livePath || tries >= conflictTries) return answer;
      await pause(40 * tries);
      await this.#refresh(variables);
    }
  }

  async #refresh(variables: Variables): Promise<void> {
    if (!variables.livePath) return;
    const answer = await this.#client.send({ method: 'GET', path: variables.livePath });
    if (answer.code === 200) variables.live = JSON.parse(answer.text);
  }
}

function remember(step: Step, answer: Answered, variables: Variables): void {
  let parsed: unknown = {};
  try {
    parsed = JSON.parse(answer.text);
  } catch {
    // An answer that is no JSON holds nothing to remember.
  }
  for (const [name, path] of Object.entries(step.capture ?? {})) {
    (variables as Record<string, unknown>)[name] = at(parsed, path.split('|'));
  }
  if (step.live && answer.code < 300) {
    variables.live = parsed;
    variables.livePath = filled(step.live, variables);
  }
}

/** `{{name}}` becomes its value as text, `"{{#name}}"` its value as JSON. */
function filled(text: string, variables: Variables): string {
  return text.replace(/"\{\{#([^{}]+)\}\}"|\{\{([^{}]+)\}\}/g, (_all, asJson?: string, asText?: string) => {
    const value = valueOf(asJson ?? asText ?? '', variables);
    if (asJson !== undefined) return value === undefined ? 'null' : JSON.stringify(value);
    return value === undefined ? '' : JSON.stringify(String(value)).slice(1, -1);
  });
}
function valueOf(name: string, variables: Variables): unknown {
  if (name.startsWith('live:')) return at(variables.live, name.slice('live:'.length).split('|'));
  if (name === 'rv') return at(variables.live, ['metadata', 'resourceVersion']);
  if (name === 'uid') return at(variables.live, ['metadata', 'uid']);
  return variables[name];
}

async function together<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
