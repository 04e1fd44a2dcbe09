/** Attributes of HTML whose values are links. */
const names = 'href|src|action|formaction|cite|background|longdesc|usemap|codebase|poster|data|icon|manifest|profile';
const tags = /<[a-z][^<>]*>/gi;
const links = new RegExp(`(\\s(?:${names})\\s*=\\s*)("[^"]*"|'[^']*'|[^\\s"'>]+)`, 'gi');

/** A link to whoever is behind as it has to be for somebody in front; every other link as it is. */
export function throughRoot(link: string, root: string, hosts: readonly string[]): string {
  const found = /^(?:https?:)?(?:\/\/([^/?#]*))?(\/[^?#]*)?([?#].*)?$/i.exec(link);
  if (!found) return link;
  const [, host, path, rest = ''] = found;
  if (host === undefined && path === undefined) return link;
  if (host !== undefined && !hosts.includes(host)) return link;
  if (path === root || path?.startsWith(`${root}/`)) return `${path}${rest}`;
  return `${root}${path ?? '/'}${rest}`;
}

/** A page whose links still lead through here. */
export function withLinksThrough(html: string, root: string, hosts: readonly string[]): string {
  return html.replace(tags, (tag) =>
    tag.replace(links, (_whole, before: string, value: string) => {
      const quote = value[0] === '"' || value[0] === "'" ? value[0] : '';
      const link = quote ? value.slice(1, -1) : value;
      return `${before}${quote}${throughRoot(link, root, hosts)}${quote}`;
    }),
  );
}
