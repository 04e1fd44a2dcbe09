/**
 * A path in normal form: no `.` and `..`, and no percent sign before what needs none. What is matched is what is
 * forwarded, so that a backend cannot read another path than the one whose rule was chosen. Undefined where the path
 * would leave its root, or is not one.
 */
export function normalPath(path: string): string | undefined {
  if (path.charCodeAt(0) !== 47) return undefined;
  if (!path.includes('%') && !path.includes('/.')) return path;
  const plain = path.replace(/%[0-9a-fA-F]{2}/g, (code) => {
    const letter = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(letter) ? letter : code.toUpperCase();
  });
  if (/%(?![0-9A-F]{2})/.test(plain) || plain.includes('%00')) return undefined;
  return plain.includes('/.') ? withoutDots(plain) : plain;
}

function withoutDots(path: string): string | undefined {
  const kept: string[] = [];
  const parts = path.slice(1).split('/');
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (part === '..') {
      if (kept.pop() === undefined) return undefined;
    } else if (part !== '.') kept.push(part);
    if (isLast && (part === '.' || part === '..')) kept.push('');
  }
  return `/${kept.join('/')}`;
}
