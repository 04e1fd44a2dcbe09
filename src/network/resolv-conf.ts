/** What a resolver file says, the few things of it that matter here. */
export interface ResolverFile {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** The lines of /etc/resolv.conf. Of `search` and `domain` the last one counts; options add up. */
export function parseResolverFile(text: string): ResolverFile {
  const servers: string[] = [];
  const options: string[] = [];
  let searches: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [word = '', ...rest] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (word === 'nameserver' && rest[0]) servers.push(rest[0]);
    else if (word === 'search' || word === 'domain') searches = rest.filter((name) => name !== '.');
    else if (word === 'options') options.push(...rest);
  }
  return { servers, searches, options };
}

export function resolverFileText({ servers, searches, options }: ResolverFile): string {
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
