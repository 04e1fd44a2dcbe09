import { execFile } from 'node:child_process';

/** A transaction of any size that takes longer is stuck. */
const transactionMaxMs = 30_000;
const outputBytesMax = 64 * 1024 * 1024;

/** Runs the tool of nftables with these words, and a script on its standard input. Answers what it printed. */
export function nft(words: readonly string[], script = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: transactionMaxMs, maxBuffer: outputBytesMax };
    const child = execFile('nft', words, options, (error, out, text) => {
      if (error === null) resolve(out);
      else reject(new Error(`nft: ${firstLines(text) || error.message}`));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(script);
  });
}

/** All or nothing. */
export const transact = (script: string): Promise<string> => nft(['-f', '-'], script);

// The tool repeats the line that it does not like, which may be as long as a table.
const firstLines = (text: string): string =>
  text
    .trim()
    .split('\n')
    .slice(0, 3)
    .map((line) => line.slice(0, 300))
    .join(' ');
