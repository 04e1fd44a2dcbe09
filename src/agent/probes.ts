import type { Container, ContainerPort, HttpGet, IntOrString } from '../api/kinds/pod.ts';
import type { Duplex } from '../api/wire.ts';
import type { Cancel, Clock } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { StopSource } from '../base/stop.ts';
import type { ProbeKind, ProbeTarget } from './pod-plan.ts';
import type { Runtime } from './runtime.ts';

// A gRPC probe is not asked here: it would need HTTP/2. It counts as failing, and says so.
const statusLineBytesMax = 8192;

export interface ProbeSubject extends ProbeTarget {
  readonly runtime: Runtime;
  readonly sandbox: string;
  readonly podIp: string;
}
/** `ok` after enough successes in a row, not `ok` after enough failures in a row; told when it changes. */
export interface ProbeOutcome {
  readonly id: string;
  readonly kind: ProbeKind;
  readonly ok: boolean;
  readonly message: string;
}

/** Runs the probes that ought to be at work, each on its own period. */
export class Probes {
  readonly #clock: Clock;
  readonly #told: (outcome: ProbeOutcome) => void;
  /** By sandbox, then by container and kind. */
  readonly #running = new Map<string, Map<string, ProbeRun>>();

  constructor(clock: Clock, told: (outcome: ProbeOutcome) => void) {
    this.#clock = clock;
    this.#told = told;
  }

  /** From now on exactly these probes are at work for the pod. */
  set(sandbox: string, subjects: readonly ProbeSubject[]): void {
    const before = this.#running.get(sandbox);
    if (!before && subjects.length === 0) return;
    const next = new Map<string, ProbeRun>();
    for (const subject of subjects) {
      const key = `${subject.kind} ${subject.id}`;
      next.set(key, before?.get(key) ?? new ProbeRun(this.#clock, subject, this.#told));
    }
    for (const [key, run] of before ?? []) if (!next.has(key)) run.end();
    if (next.size > 0) this.#running.set(sandbox, next);
    else this.#running.delete(sandbox);
  }

  end(): void {
    for (const sandbox of [...this.#running.keys()]) this.set(sandbox, []);
  }
}

class ProbeRun {
  readonly #clock: Clock;
  readonly #subject: ProbeSubject;
  readonly #told: (outcome: ProbeOutcome) => void;
  readonly #stop = new StopSource();
  #cancel: Cancel;
  #good = 0;
  #bad = 0;
  #last: boolean | undefined;

  constructor(clock: Clock, subject: ProbeSubject, told: (outcome: ProbeOutcome) => void) {
    this.#clock = clock;
    this.#subject = subject;
    this.#told = told;
    this.#cancel = clock.after((subject.probe.initialDelaySeconds ?? 0) * 1000, () => this.#ask());
  }

  end(): void {
    this.#cancel();
    this.#stop.stop();
  }

  #ask(): void {
    const { probe } = this.#subject;
    const attempt = StopSource.under(this.#stop);
    const began = this.#clock.monotonic();
    let answered = false;
    const answer = (ok: boolean, message: string) => {
      if (answered || this.#stop.stopped) return;
      answered = true;
      timeout();
      attempt.stop();
      const period = (probe.periodSeconds ?? 10) * 1000;
      const rest = Math.max(1, period - (this.#clock.monotonic() - began));
      this.#cancel = this.#clock.after(rest, () => this.#ask());
      this.#count(ok, message);
    };
    const timeout = this.#clock.after((probe.timeoutSeconds ?? 1) * 1000, () => answer(false, 'timed out'));
    this.#stop.onStop(timeout);
    askOnce(this.#subject, attempt).then(
      ({ ok, message }) => answer(ok, message),
      (error: unknown) => answer(false, error instanceof Error ? error.message : String(error)),
    );
  }

  #count(ok: boolean, message: string): void {
    const { id, kind, probe } = this.#subject;
    this.#good = ok ? this.#good + 1 : 0;
    this.#bad = ok ? 0 : this.#bad + 1;
    const enough = ok ? this.#good >= (probe.successThreshold ?? 1) : this.#bad >= (probe.failureThreshold ?? 3);
    if (!enough || this.#last === ok) return;
    this.#last = ok;
    this.#told({ id, kind, ok, message });
  }
}

type Answer = { readonly ok: boolean; readonly message: string };

async function askOnce(subject: ProbeSubject, stop: StopSource): Promise<Answer> {
  const { probe, container, runtime, sandbox } = subject;
  if (probe.exec) return askExec(subject, stop);
  if (probe.httpGet) {
    const { httpGet } = probe;
    return httpAnswer(await open(runtime, sandbox, portOf(httpGet.port, container), stop), httpGet, subject);
  }
  if (probe.tcpSocket) {
    const duplex = await open(runtime, sandbox, portOf(probe.tcpSocket.port, container), stop);
    duplex.end();
    return { ok: true, message: '' };
  }
  return { ok: false, message: probe.grpc ? 'gRPC probes are not supported' : 'the probe has no action' };
}

async function askExec({ probe, runtime, id }: ProbeSubject, stop: StopSource): Promise<Answer> {
  const output = new TextDecoder();
  let text = '';
  for await (const part of runtime.exec(id, probe.exec?.command ?? [], { tty: false }, stop)) {
    if ('exitCode' in part) return { ok: part.exitCode === 0, message: text.trim() || `exit code ${part.exitCode}` };
    if (text.length < statusLineBytesMax) text += output.decode(part.bytes, { stream: true });
  }
  return { ok: false, message: 'the command ended without an exit code' };
}

/** A connection that ends with the attempt, so that a server that never answers holds nothing. */
async function open(runtime: Runtime, sandbox: string, port: number, stop: StopSource): Promise<Duplex> {
  const duplex = await runtime.connect(sandbox, port);
  stop.onStop(() => duplex.end());
  return duplex;
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: IntOrString, container: { readonly ports?: readonly ContainerPort[] }): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
  if (!Number.isInteger(named)) throw new Error(`the container has no port named ${port}`);
  return named;
}

/** One GET; 200 to 399 is well. */
export async function httpAnswer(
  duplex: Duplex,
  get: HttpGet,
  { podIp, container }: { readonly podIp: string; readonly container: Container },
): Promise<Answer> {
  if (get.scheme === 'HTTPS') return { ok: false, message: 'HTTPS probes are not supported' };
  const given = new Map((get.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), `${name}: ${value}`]));
  const standard: readonly (readonly [string, string])[] = [
    ['host', `Host: ${get.host ?? podIp}:${portOf(get.port, container)}`],
    ['user-agent', 'User-Agent: kube-probe/1.36'],
    ['accept', 'Accept: */*'],
    ['connection', 'Connection: close'],
  ];
  const headers = [...standard.filter(([name]) => !given.has(name)).map(([, line]) => line), ...given.values()];
  const path = get.path || '/';
  await duplex.write(encodeText(`GET ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`));
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const bytes of duplex.incoming) {
      text += decoder.decode(bytes, { stream: true });
      const line = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r?\n/.exec(text);
      if (line) {
        const code = Number(line[1]);
        return { ok: code >= 200 && code < 400, message: `HTTP probe failed with statuscode: ${code}` };
      }
      if (text.length > statusLineBytesMax) break;
    }
  } finally {
    duplex.end();
  }
  return { ok: false, message: 'the answer is not HTTP' };
}
