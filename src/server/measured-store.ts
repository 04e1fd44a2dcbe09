import type { Env, Labels, Millis } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import type { Commit, ListOptions, Revision, Store, Watcher } from '../store/store.ts';

const operations = ['create', 'update', 'delete', 'get', 'list'] as const;
type Operation = (typeof operations)[number];
interface Names {
  /** What the keys begin with. */
  readonly place: string;
  readonly of: Readonly<Record<Operation, Labels>>;
  readonly resource: Labels;
}

/**
 * A store whose answers are counted and timed, under the names that dashboards know of the store of upstream. What is
 * read at once, from memory, asks nothing of it and is not counted.
 */
export class MeasuredStore implements Store {
  readonly #env: Pick<Env, 'clock' | 'metrics'>;
  readonly #store: Store;
  readonly #names = new Map<string, Names>();
  /** Most often the next key is of the same place. */
  #last: Names | undefined;

  constructor(env: Pick<Env, 'clock' | 'metrics'>, store: Store) {
    this.#env = env;
    this.#store = store;
  }

  get revision(): Revision {
    return this.#store.revision;
  }

  get(key: string, at?: Revision): ReturnType<Store['get']> {
    return this.#timed('get', key, this.#store.get(key, at));
  }

  peek(key: string): ReturnType<Store['peek']> {
    return this.#store.peek(key);
  }

  list(prefix: string, options?: ListOptions): ReturnType<Store['list']> {
    const listed = this.#timed('list', prefix, this.#store.list(prefix, options));
    const { metrics } = this.#env;
    const { resource } = this.#namesOf(prefix);
    const count = ({ entries: { length } }: { readonly entries: readonly unknown[] }) => {
      metrics.count('apiserver_storage_list_total', resource);
      metrics.count('apiserver_storage_list_fetched_objects_total', resource, length);
    };
    listed.then(count, () => {});
    return listed;
  }

  commit(key: string, expect: Revision, value: Json | undefined): Promise<Commit> {
    const operation = value === undefined ? 'delete' : expect === 0 ? 'create' : 'update';
    return this.#timed(operation, key, this.#store.commit(key, expect, value));
  }

  watch(prefix: string, since: Revision, watcher: Watcher, stop: Stop): void {
    this.#store.watch(prefix, since, watcher, stop);
  }

  compact(before: Revision): Promise<void> {
    return this.#store.compact(before);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Whoever waits for the answer does not wait for its being counted. */
  #timed<T>(operation: Operation, key: string, answer: Promise<T>): Promise<T> {
    const { clock, metrics } = this.#env;
    const labels = this.#namesOf(key).of[operation];
    const started: Millis = clock.monotonic();
    const count = () => {
      metrics.count('etcd_requests_total', labels);
      metrics.observe('etcd_request_duration_seconds', (clock.monotonic() - started) / 1000, labels);
    };
    answer.then(count, () => {
      count();
      metrics.count('etcd_request_errors_total', labels);
    });
    return answer;
  }

  /** Keys begin with their group and resource, of which there are few. */
  #namesOf(key: string): Names {
    if (this.#last && key.startsWith(this.#last.place)) return this.#last;
    const place = key.slice(0, key.indexOf('/', key.indexOf('/', 1) + 1) + 1);
    let names = this.#names.get(place);
    if (!names) {
      const [, first = '', resource = ''] = place.split('/');
      const group = first === 'core' ? '' : first;
      const of = Object.fromEntries(
        operations.map((operation) => [operation, Object.freeze({ operation, group, resource })]),
      );
      names = { place, of: of as unknown as Names['of'], resource: Object.freeze({ group, resource }) };
      this.#names.set(place, names);
    }
    // With nothing, every key begins.
    if (place !== '') this.#last = names;
    return names;
  }
}
