import { isObject, type Json } from '../base/json.ts';

const columnMin = 6;
const columnGap = 3;

/** Rows in columns as kubectl lines them up; the last cell of a row is not padded. */
export function aligned(rows: readonly (readonly string[])[], widths: number[] = []): string {
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? columnMin, [...cell].length + columnGap);
    });
  }
  return rows.map((row) => line(row, widths)).join('\n');
}

function line(row: readonly string[], widths: readonly number[]): string {
  const last = row.length - 1;
  return row
    .map((cell, index) => (index === last ? cell : cell + ' '.repeat((widths[index] ?? 0) - [...cell].length)))
    .join('');
}

export interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly TableRow[];
  readonly metadata?: { readonly resourceVersion?: string };
}
export interface TableRow {
  readonly cells: readonly Json[];
  readonly object?: { readonly metadata?: RowMeta };
}
interface RowMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}
export interface TableOptions {
  readonly wide?: boolean;
  readonly withNamespace?: boolean;
  readonly withLabels?: boolean;
  /** Put before names, such as `deployment.apps/`. */
  readonly prefix?: string;
}

/** Prints a server's Table, and later its changes in the same columns. */
export class TablePrinter {
  readonly #options: TableOptions;
  readonly #widths: number[] = [];
  #columns: Table['columnDefinitions'] = [];
  #headed: boolean;

  constructor(options: TableOptions & { readonly headless?: boolean } = {}) {
    this.#options = options;
    this.#headed = options.headless ?? false;
  }

  /** Lines, each with its end; none for a table without rows. */
  text(table: Table): string {
    if (table.columnDefinitions.length > 0) this.#columns = table.columnDefinitions;
    if (table.rows.length === 0) return '';
    const rows = table.rows.map((row) => this.#row(row));
    if (!this.#headed) rows.unshift(this.#head());
    this.#headed = true;
    return `${aligned(rows, this.#widths)}\n`;
  }

  #head(): readonly string[] {
    const shown = this.#columns.filter((column) => this.#shows(column)).map((column) => column.name.toUpperCase());
    return [
      ...(this.#options.withNamespace ? ['NAMESPACE'] : []),
      ...shown,
      ...(this.#options.withLabels ? ['LABELS'] : []),
    ];
  }

  #row({ cells, object }: TableRow): readonly string[] {
    const { namespace = '', labels } = object?.metadata ?? {};
    const shown = this.#columns.flatMap((column, index) =>
      this.#shows(column) ? [cellText(cells[index] ?? null)] : [],
    );
    if (this.#options.prefix) shown[0] = this.#options.prefix + shown[0];
    return [
      ...(this.#options.withNamespace ? [namespace] : []),
      ...shown,
      ...(this.#options.withLabels ? [labelsText(labels)] : []),
    ];
  }

  #shows(column: { readonly priority: number }): boolean {
    return column.priority === 0 || this.#options.wide === true;
  }
}

function cellText(cell: Json): string {
  const text = cell === null ? '' : typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
  const end = text.search(/[\f\n\r]/);
  return end < 0 ? text : `${text.slice(0, end)}...`;
}

function labelsText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`);
  return pairs.join(',') || '<none>';
}

/** Keys in order all the way down, as kubectl prints objects; what machines keep about fields is left out. */
export function printable(value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => printable(item));
  if (!isObject(value)) return value;
  const out: Record<string, Json> = {};
  for (const key of Object.keys(value).sort()) out[key] = printable(value[key] as Json);
  return out;
}

export function withoutManagedFields(object: Json): Json {
  if (!isObject(object) || !isObject(object.metadata)) return object;
  const { managedFields: _kept, ...metadata } = object.metadata;
  return { ...object, metadata };
}
