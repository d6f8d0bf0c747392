/**
 * Processes of a benchmark: pinned to cores, their CPU time as the operating system counts it, and all of them ended
 * with this one, however it ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Servers have the first core, clients the second. */
export const SERVER_CORE = 0;
export const CLIENT_CORE = 1;

/** A program and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** What a process was that ended by itself. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** User and system time of the process and all that it waited for. */
  readonly cpuS: number;
  readonly wallS: number;
}

const CHILDREN = new Set<ChildProcess>();
/** USER_HZ, the unit of the times in /proc, is this on every Linux. */
const TICKS_PER_S = 100;
/** The shell's own `time` has the rusage of its child to the millisecond; fd 3 keeps it apart from the child's stderr. */
const TIMED = 'TIMEFORMAT="%3U %3S"; { time "$@" 2>&4 3>&- 4>&-; } 4>&2 2>&3';

process.once('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}

/** Ends every process that was started here, with those that they started. */
export function endAll(): void {
  for (const child of CHILDREN) {
    endGroup(child);
  }
}

function endGroup(child: ChildProcess): void {
  CHILDREN.delete(child);
  try {
    // Every child leads a group of its own.
    process.kill(-(child.pid as number), 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function start(
  line: CommandLine,
  options: { readonly cwd?: string; readonly stdio: ('pipe' | 'ignore' | 'inherit')[] },
) {
  const [program, ...args] = line;
  const child = spawn(program, args, { ...options, detached: true, env: { ...process.env, LC_ALL: 'C' } });
  CHILDREN.add(child);
  child.once('exit', () => CHILDREN.delete(child));
  return child;
}

/** Runs a program to its end. Throws when it takes longer than `limitS`. */
export async function run(
  line: CommandLine,
  options: { readonly limitS: number; readonly cwd?: string; readonly onStart?: (pid: number) => void },
): Promise<Ended> {
  const startedMs = performance.now();
  const child = start(['bash', '-c', TIMED, 'bash', ...line], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const texts = ['', '', ''];
  for (const [index, stream] of [child.stdout, child.stderr, child.stdio[3]].entries()) {
    stream?.on('data', (chunk: Buffer) => {
      texts[index] = (texts[index] as string) + chunk;
    });
  }
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    endGroup(child);
  }, options.limitS * 1000);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status));
  });
  if (options.onStart) {
    options.onStart(await childOf(child.pid as number));
  }
  const status = await ended;
  clearTimeout(limit);
  const [stdout = '', stderr = '', times = ''] = texts;
  if (late) {
    throw new Error(`${line.join(' ')} took longer than ${options.limitS} s: ${stderr.slice(-500)}`);
  }
  const [, user, system] = /([\d.]+) ([\d.]+)\s*$/.exec(times) ?? [];
  return {
    status,
    stdout,
    stderr,
    cpuS: Number(user) + Number(system),
    wallS: (performance.now() - startedMs) / 1000,
  };
}

/** The process that the timing shell started. */
async function childOf(pid: number): Promise<number> {
  for (;;) {
    const found = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')[0]);
    if (found > 0) {
      return found;
    }
    await sleep(1);
  }
}

/** A server in a process of its own. */
export interface Server {
  /** What it is called in the results. */
  readonly name: string;
  readonly port: number;
  /** CPU time so far, s, of its whole process group. */
  cpuS(): number;
  /** Ends it in good order, so that its files are complete; kills it when it takes too long. */
  stop(): Promise<void>;
}

/** Starts a server that prints its port on the first line, or listens on the given one. */
export async function startServer(name: string, line: CommandLine, knownPort?: number): Promise<Server> {
  const child = start(line, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`${name} ended with ${status} before it listened`)));
    child.stdout?.once('data', (text) => resolve(Number(text)));
    if (knownPort !== undefined) {
      resolve(knownPort);
    }
  });
  return {
    name,
    port,
    cpuS: () => groupCpuS(child.pid as number),
    async stop() {
      child.kill('SIGTERM');
      const kill = setTimeout(() => endGroup(child), 5_000);
      await gone;
      clearTimeout(kill);
      endGroup(child);
    },
  };
}

/** A process that keeps a core busy until it is stopped. */
export async function startBusyLoop(core: number): Promise<Server> {
  return startServer(
    'busy loop',
    pinned(core, [process.execPath, '-e', 'console.log(1);setTimeout(()=>{for(;;);},1)']),
  );
}

/** CPU time of all processes of a group, s. */
function groupCpuS(group: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) {
      const fields = statFields(name);
      if (Number(fields?.[2]) === group) {
        ticks += Number(fields?.[11]) + Number(fields?.[12]);
      }
    }
  }
  return ticks / TICKS_PER_S;
}

/** The fields of /proc/PID/stat behind the name; undefined when the process has ended. */
function statFields(pid: string): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Resident memory of a process in bytes; undefined when it has ended. */
export function residentBytes(pid: number): number | undefined {
  return statusBytes(pid, 'VmRSS');
}

/** The most resident memory that a process has had so far, in bytes; undefined when it has ended. */
export function peakBytes(pid: number): number | undefined {
  return statusBytes(pid, 'VmHWM');
}

function statusBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number | undefined {
  try {
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** CPU time that the whole machine has spent or lost to its host, s. */
export function machineCpuS(): number {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] as string;
  const [user, nice, system, , , irq, softirq, steal] = line.trim().split(/\s+/).slice(1).map(Number) as number[];
  const all = [user, nice, system, irq, softirq, steal] as number[];
  return all.reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_S;
}

const CAN_PIN = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;

/** A command line that stays on one core, where taskset and more than one core are there. */
export function pinned(core: number, line: CommandLine): CommandLine {
  return CAN_PIN ? ['taskset', '-c', String(core), ...line] : line;
}

/** A TypeScript file of this repository as a command, run by the loader that this process has. */
export function script(url: URL, ...args: readonly string[]): CommandLine {
  return [process.execPath, ...process.execArgv, fileURLToPath(url), ...args];
}

/** Whether a program is there. */
export function has(program: string, args: readonly string[] = ['--version']): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined;
}

/** The first line that a program says about its version. */
export function versionOf(program: string, args: readonly string[] = ['--version']): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim().split('\n', 1)[0] as string;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
