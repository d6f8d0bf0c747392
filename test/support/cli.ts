import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROGRAM = fileURLToPath(new URL('../../bin/infer-bench.js', import.meta.url));

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A new empty directory. */
export function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'infer-bench-e2e-'));
}

/** The built program as a process of its own. */
export function startCli(
  words: readonly string[],
  {
    cwd = newDirectory(),
    stdin = '',
    env = {} as Readonly<Record<string, string>>,
    node = [] as readonly string[],
  } = {},
): { readonly process: ChildProcess; readonly end: Promise<CliEnd>; stderrHas(text: string): Promise<void> } {
  const child = spawn(process.execPath, [...node, PROGRAM, ...words], {
    cwd,
    env: { ...process.env, NO_COLOR: '', ...env },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }) as CliEnd);
  return {
    process: child,
    end,
    async stderrHas(text) {
      while (!stderr.includes(text)) {
        await Promise.race([once(child.stderr, 'data'), end]);
        if (child.exitCode !== null && !stderr.includes(text)) {
          throw new Error(`ended with ${child.exitCode} and never said "${text}":\n${stderr}`);
        }
      }
    },
  };
}

export function cli(words: readonly string[], options?: Parameters<typeof startCli>[1]): Promise<CliEnd> {
  return startCli(words, options).end;
}

/** The rows of a CSV file of plain cells, by the names of its header. */
export function readRows(path: string): readonly Readonly<Record<string, string>>[] {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const names = header.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, index) => [names[index], cell])));
}

/** What a run left behind. Refuses a run that has nothing to say: a test on it would prove nothing. */
export function readRun(directory: string) {
  const text = (name: string) => readFileSync(join(directory, name), 'utf8');
  const samples = readRows(join(directory, 'samples.csv'));
  if (samples.length === 0) {
    throw new Error('the run has no samples');
  }
  return {
    samples,
    rawRequests: text('raw_requests.csv').trimEnd().split('\n'),
    rawUsers: text('raw_users.csv')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(',').map(Number) as [epochS: number, users: number]),
    perSecond: readRows(join(directory, 'per_second.csv')),
    summary: JSON.parse(text('summary.json')),
    plan: JSON.parse(text('plan.json')),
    spec: text('spec.yaml'),
  };
}
