/** infer-bench as its user runs it: the built program, all files written to a real disk. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLIENT_CORE, type CommandLine, type Ended, pinned, run } from './processes.js';

const PROGRAM = fileURLToPath(new URL('../../bin/infer-bench.js', import.meta.url));
/** Beyond the load itself: start, encoding, the end of the drain. */
const SLACK_S = 45;

/** The part of `summary.json` that benchmarks read. */
export interface Summary {
  readonly verdict: { readonly status: string; readonly reasons: readonly { readonly code: string }[] };
  readonly counts: Readonly<Record<'planned' | 'sent' | 'dropped' | 'not_sent' | 'ok' | 'failed' | 'warmup', number>>;
  readonly rates: { readonly completed_per_s: number };
  readonly latency: Readonly<Record<string, number>>;
  readonly service_time: Readonly<Record<string, number>>;
  readonly lag: Readonly<Record<string, number>>;
  readonly bytes: { readonly out_bytes: number; readonly in_bytes: number };
  readonly connections: { readonly reused: number; readonly fresh: number };
  readonly run: { readonly pacing: string | null };
  readonly notes: readonly string[];
}

/** A run of the program with its directory, which is gone once `use` has read it. */
export interface ClientRun extends Ended {
  readonly summary: Summary;
  readonly directory: string;
}

export interface ClientOptions {
  /** How long the load takes, for the limit of time. */
  readonly seconds: number;
  /** null: wherever the system puts it. */
  readonly core?: null;
  /** Gets the id of the program's process. */
  readonly onStart?: (pid: number) => void;
  /** Exit codes that are no failure of the benchmark; 0 unless told otherwise. */
  readonly statuses?: readonly number[];
}

/** The command line of a run. */
export function runLine(...args: readonly string[]): CommandLine {
  if (!existsSync(fileURLToPath(new URL('../../dist/main.js', import.meta.url)))) {
    throw new Error('The program is not built: npm run build');
  }
  return [process.execPath, PROGRAM, 'run', ...args];
}

/** Runs the program and lets `use` read what it wrote. */
export async function client<Value>(
  args: readonly string[],
  options: ClientOptions,
  use: (run: ClientRun) => Value | Promise<Value>,
): Promise<Value> {
  return inDirectory(async (parent) => {
    const directory = join(parent, 'run');
    const line = runLine(...args, '--json', '--out', directory);
    const ended = await run(options.core === null ? line : pinned(CLIENT_CORE, line), {
      limitS: options.seconds + SLACK_S,
      ...(options.onStart && { onStart: options.onStart }),
    });
    if (!(options.statuses ?? [0]).includes(ended.status ?? -1)) {
      throw new Error(
        `infer-bench ended with ${ended.status}: ${ended.stderr.slice(-1_000)}${ended.stdout.slice(0, 1_500)}`,
      );
    }
    return use({ ...ended, directory, summary: JSON.parse(ended.stdout) as Summary });
  });
}

/** A temporary directory for as long as `use` takes. */
export async function inDirectory<Value>(use: (path: string) => Promise<Value>): Promise<Value> {
  const path = mkdtempSync(join(tmpdir(), 'infer-bench-bench-'));
  try {
    return await use(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** A column-wise reader of a small CSV file: text by row and name. */
export function readCsv(path: string): readonly Readonly<Record<string, string>>[] {
  const [head = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const names = head.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']));
  });
}

/** CLOCK_MONOTONIC of the run's start, ns. */
export function startedNs(directory: string): bigint {
  const plan = JSON.parse(readFileSync(join(directory, 'plan.json'), 'utf8')) as { started_monotonic_ns: string };
  return BigInt(plan.started_monotonic_ns);
}

/** An HTTP request as the program sends it, for peers to send the same. */
export interface Captured {
  readonly method: string;
  readonly path: string;
  /** Without `host`, which each client sets, and `content-length`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Lets the program send one request to a server that keeps it. */
export async function captureRequest(args: readonly string[]): Promise<Captured> {
  let bytes = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const brief = ['--users', '1', '--duration', '1ms', '--timeout', '300ms', '--drain', '500ms'];
    await client([`http://127.0.0.1:${port}`, ...args, ...brief], { seconds: 2, statuses: [0, 4] }, () => undefined);
  } finally {
    server.close();
  }
  const end = bytes.indexOf('\r\n\r\n');
  const [line = '', ...headerLines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    headerLines.map((header) => [header.slice(0, header.indexOf(':')), header.slice(header.indexOf(':') + 1).trim()]),
  );
  const length = Number(headers['content-length'] ?? 0);
  const body = Buffer.from(bytes.subarray(end + 4));
  if (end < 0 || body.length !== length) {
    throw new Error(`Captured ${bytes.length} bytes, which are not one request`);
  }
  const { host: _host, 'content-length': _length, ...rest } = headers;
  const [method = '', path = ''] = line.split(' ');
  return { method, path, headers: rest, body };
}

/** Writes a dataset of one image with these grey levels, so that every request of a run is the same. */
export function writeImage(path: string, pixels: readonly number[]): void {
  const header = Buffer.alloc(16);
  for (const [index, value] of [0x0803, 1, 1, pixels.length].entries()) {
    header.writeUInt32BE(value, index * 4);
  }
  writeFileSync(path, Buffer.concat([header, Buffer.from(pixels)]));
}

/** An image of 784 pixels, as many of them lit as make its JSON 7 KB long: like a digit, mostly dark. */
export const LARGE_IMAGE: readonly number[] = Array.from({ length: 784 }, (_, pixel) =>
  (pixel * 313) % 784 < 313 ? 1 + ((pixel * 37) % 250) : 0,
);
/** An image whose JSON has 100 bytes. */
export const SMALL_IMAGE: readonly number[] = [1, 47, 0, 0, 0, 0];
