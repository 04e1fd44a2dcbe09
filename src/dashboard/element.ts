/** An element with its text and children. Text goes in as text: nothing that the cluster says is ever read as HTML. */
export function element(tag: string, className: string, ...content: readonly (string | Node)[]): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

export interface Row {
  readonly cells: readonly string[];
  readonly tone: 'good' | 'waiting' | 'bad';
}

/** A titled table; a sentence where there is nothing to show. The dot in front of a row is its tone. */
export function section(title: string, head: readonly string[], rows: readonly Row[]): HTMLElement {
  const heading = element('h2', '', title, element('span', 'count', String(rows.length)));
  if (rows.length === 0) return element('section', '', heading, element('p', 'none', 'None yet.'));
  const top = element('tr', '', ...head.map((name) => element('th', '', name)));
  const lines = rows.map(({ cells, tone }) => element('tr', tone, ...cells.map((cell) => element('td', '', cell))));
  return element(
    'section',
    '',
    heading,
    element('div', 'scroll', element('table', '', element('thead', '', top), element('tbody', '', ...lines))),
  );
}
