import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describeWhere } from '../support/tools.js';

/** Debian's own Python, whatever comes first on the path: the python3-* packages are for no other. */
const PYTHON = '/usr/bin/python3';
const HERE = fileURLToPath(new URL('.', import.meta.url));
export const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));

export const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/** A program that an npm package brings. */
export function npmProgram(name: string): string {
  return join(MODULES, '.bin', name);
}

/** Debian's own browser: none is downloaded. */
export const CHROMIUM = '/usr/bin/chromium';

/** Software that no npm package brings: the Debian packages that have it, and whether this machine has it. */
const FOREIGN = {
  chromium: { packages: 'chromium', isHere: () => existsSync(CHROMIUM) },
  fastapi: { packages: 'python3-fastapi uvicorn', isHere: () => pythonHas('fastapi', 'uvicorn') },
  grpcio: {
    packages: 'python3-grpcio python3-protobuf protobuf-compiler protobuf-compiler-grpc',
    isHere: () => pythonHas('grpc', 'google.protobuf') && runs('protoc', '--version') && runs('which', GRPC_PLUGIN),
  },
  hey: { packages: 'hey', isHere: () => runs('which', 'hey') },
  wrk: { packages: 'wrk', isHere: () => runs('which', 'wrk') },
} as const;

const GRPC_PLUGIN = 'grpc_python_plugin';

/**
 * Tests that need foreign software. Without it they are skipped, one by one and with a line that says what to install;
 * with INTEROP=required, which the CI sets, they fail.
 */
export function describeWith(name: keyof typeof FOREIGN, title: string, tests: () => void): void {
  const { packages, isHere } = FOREIGN[name];
  describeWhere(isHere(), title, `needs ${name}: apt-get install ${packages}`, tests);
}

function runs(program: string, ...words: readonly string[]): boolean {
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0;
}

function pythonHas(...modules: readonly string[]): boolean {
  const look = 'import importlib.util as u, sys; sys.exit(any(u.find_spec(name) is None for name in sys.argv[1:]))';
  return existsSync(PYTHON) && runs(PYTHON, '-c', look, ...modules);
}

/** A request as a foreign server saw it; times in nanoseconds of CLOCK_MONOTONIC. */
export interface SeenRow {
  /** The values of its x-request-id headers. */
  readonly ids: readonly string[];
  readonly recv_ns: number;
  readonly send_ns: number;
  /** HTTP status or gRPC code. */
  readonly status: number;
  /** Of the text servers: the path, the texts as they were decoded, and the value of X-MLAPI-Cache. */
  readonly path: string;
  readonly texts: readonly string[];
  readonly cache: string;
  /** Of the tensor servers: what is left of the deadline, how the tensor came, its first size, and a digest per image. */
  readonly time_remaining_s: number;
  readonly encoding: 'raw' | 'typed';
  readonly batch: number;
  readonly images: readonly string[];
}

/** A server in a process of its own. */
export interface ForeignServer<Row extends SeenRow = SeenRow> {
  readonly port: number;
  /** Lets it answer what is in flight and write its log out; the rows, in the order of their answers. */
  stop(): Promise<readonly Row[]>;
}

const GRPC_SCRIPTS: ReadonlySet<string> = new Set(['models.py', 'grpc_client.py']);
const CHILDREN = new Set<ChildProcess>();

/** Ends what a failed test left behind. */
export function killForeign(): void {
  for (const child of CHILDREN) {
    child.kill('SIGKILL');
  }
  CHILDREN.clear();
}

function spawnPython(folder: 'servers' | 'clients', script: string, words: readonly string[]) {
  const child = spawn(PYTHON, [join(HERE, folder, script), ...words], {
    stdio: 'pipe',
    env: {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '1',
      ...(GRPC_SCRIPTS.has(script) && { PYTHONPATH: pythonStubs() }),
    },
  });
  CHILDREN.add(child);
  child.once('close', () => CHILDREN.delete(child));
  child.stdin.on('error', () => {});
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const ended = once(child, 'close').then(([code]) => {
    if (code !== 0) {
      throw new Error(`${script} ended with ${code}:\n${complaints}`);
    }
  });
  // Whoever waits for it hears of it; until then it is no unhandled rejection.
  ended.catch(() => {});
  return { child, ended };
}

/** Starts a server of `servers/`. */
export async function startForeign(script: string, words: readonly string[] = []): Promise<ForeignServer> {
  const log = join(mkdtempSync(join(tmpdir(), 'infer-bench-interop-')), 'log.jsonl');
  const { child, ended } = spawnPython('servers', script, ['--log', log, ...words]);
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    ended.then(() => '{}'),
  ]);
  return {
    port: (JSON.parse(line) as { port: number }).port,
    async stop() {
      child.stdin.end();
      await ended;
      return readFileSync(log, 'utf8')
        .split('\n')
        .filter((row) => row !== '')
        .map((row) => JSON.parse(row) as SeenRow);
    },
  };
}

/** Runs a client of `clients/` and reads the one JSON document that it prints. */
export async function runForeignClient(script: string, words: readonly string[]): Promise<unknown> {
  const { child, ended } = spawnPython('clients', script, words);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stdin.end();
  await ended;
  return JSON.parse(stdout);
}

let stubs: string | undefined;

/** The directory of the Python stubs that protoc makes of our message definitions; made once. */
function pythonStubs(): string {
  if (stubs === undefined) {
    stubs = mkdtempSync(join(tmpdir(), 'infer-bench-stubs-'));
    // Debian's protoc comes without the well-known types that ours import; buf has them.
    const image = join(stubs, 'protos.binpb');
    execFileSync(npmProgram('buf'), ['build', PROTOS, '-o', image], { env: { ...process.env, BUF_CACHE_DIR: stubs } });
    const files = readdirSync(PROTOS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.proto'));
    execFileSync('protoc', [
      ...[`--descriptor_set_in=${image}`, `--python_out=${stubs}`, `--grpc_python_out=${stubs}`],
      ...[`--plugin=protoc-gen-grpc_python=${which(GRPC_PLUGIN)}`, ...files],
    ]);
  }
  return stubs;
}

function which(program: string): string {
  return spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim();
}
