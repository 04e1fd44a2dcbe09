import type { Change } from './ledger.ts';

/** One transaction: what is new comes first, what is used no more goes last. Empty where nothing is to be done. */
export function scriptOf(table: string, changes: readonly Change[]): string {
  const chains = changes.filter(({ into }) => into === 'chain');
  const clients = changes.filter(({ into }) => into === 'affinity');
  const elements = changes.filter(({ into }) => into !== 'chain' && into !== 'affinity');
  const gone = ({ after }: Change) => after === undefined;
  const lines = [
    ...clients.filter((change) => !gone(change)).map(({ key, after }) => `add set inet ${table} ${key} { ${after} }`),
    ...chains.filter(({ before }) => before === undefined).map(({ key }) => `add chain inet ${table} ${key}`),
    ...chains.filter(({ before }) => before !== undefined).map(({ key }) => `flush chain inet ${table} ${key}`),
    ...chains.flatMap(({ key, after }) =>
      (after ? after.split('\n') : []).map((rule) => `add rule inet ${table} ${key} ${rule}`),
    ),
    ...elementLines(`delete element inet ${table}`, elements, ({ before }) => before),
    ...elementLines(`add element inet ${table}`, elements, ({ after }) => after),
    ...chains.filter(gone).map(({ key }) => `delete chain inet ${table} ${key}`),
    ...clients.filter(gone).map(({ key }) => `delete set inet ${table} ${key}`),
  ];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function elementLines(
  command: string,
  changes: readonly Change[],
  valueOf: (change: Change) => string | undefined,
): readonly string[] {
  const bySet = new Map<string, string[]>();
  for (const change of changes) {
    const value = valueOf(change);
    if (value === undefined) continue;
    const element = value === '' ? change.key : `${change.key} : ${value}`;
    const known = bySet.get(change.into);
    if (known) known.push(element);
    else bySet.set(change.into, [element]);
  }
  return [...bySet].map(([set, elements]) => `${command} ${set} { ${elements.join(', ')} }`);
}
