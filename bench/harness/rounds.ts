/**
 * Interleaved rounds: every contender runs once in each, the order turns, and ratios are taken inside a round, so that
 * what changes on the machine meets all of them. A run that other processes disturbed is repeated.
 */
import type { BenchOptions } from './figures.js';
import { machineCpuS, type Server, sleep } from './processes.js';

/** What one run of a contender says. */
export interface Run {
  /** CPU of all processes that the run started and ended, s: what the machine spent beside it was others. */
  readonly cpuS: number;
}

export interface Contender<Value extends Run> {
  readonly name: string;
  run(): Promise<Value>;
}

/** The values of one round by contender. */
export type Round<Value> = Readonly<Record<string, Value>>;

export interface Rounds<Value> {
  readonly rounds: readonly Round<Value>[];
  /** Runs of these contenders that stayed disturbed after all repeats. */
  noisyOf(...names: readonly string[]): number;
}

/** Other processes may use so much of a core during a run. */
const MAX_OTHERS_CORES = 0.15;
const MAX_REPEATS = 3;
/** A run begins when the machine has been quiet for one look at it, or when it was not for so many. */
const LOOK_MS = 250;
const MAX_LOOKS = 40;

/** Runs all contenders once a round; fewer rounds than asked for when `budgetS` is over, but one at least. */
export async function interleave<Value extends Run>(
  contenders: readonly Contender<Value>[],
  options: BenchOptions,
  limits: { readonly budgetS: number; readonly servers: readonly Server[] },
): Promise<Rounds<Value>> {
  const endMs = performance.now() + limits.budgetS * 1000;
  const rounds: Round<Value>[] = [];
  const noisy: string[] = [];
  while (rounds.length < options.rounds && (rounds.length === 0 || performance.now() < endMs)) {
    const turn = rounds.length % contenders.length;
    const round: Record<string, Value> = {};
    for (const contender of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
      if (options.smoke) {
        // Nobody judges it: not worth waiting for a quiet machine.
        round[contender.name] = await contender.run();
        continue;
      }
      const { value, quiet } = await quietly(contender, limits.servers, endMs);
      round[contender.name] = value;
      if (!quiet) {
        noisy.push(contender.name);
      }
    }
    rounds.push(round);
  }
  return { rounds, noisyOf: (...names) => noisy.filter((name) => names.includes(name)).length };
}

/**
 * Runs until nobody else disturbed it, a few times at most; then the least disturbed run counts, as a noisy one. A run that
 * fails is repeated too, and its error thrown when none succeeds.
 */
async function quietly<Value extends Run>(
  contender: Contender<Value>,
  servers: readonly Server[],
  endMs: number,
): Promise<{ readonly value: Value; readonly quiet: boolean }> {
  let best: { readonly value: Value; readonly others: number } | undefined;
  let failure: unknown;
  for (let repeat = 0; repeat <= MAX_REPEATS && (best === undefined || performance.now() < endMs); repeat++) {
    try {
      const { value, others } = await observed(contender, servers);
      if (best === undefined || others < best.others) {
        best = { value, others };
      }
      if (others <= MAX_OTHERS_CORES) {
        return { value, quiet: true };
      }
      console.error(`${contender.name}: other processes used ${others.toFixed(2)} of a core`);
    } catch (error) {
      failure = error;
      console.error(`${contender.name}: ${(error as Error).message}`);
    }
  }
  if (best === undefined) {
    throw failure;
  }
  return { value: best.value, quiet: false };
}

/** One run, and how much of a core all others used meanwhile. */
async function observed<Value extends Run>(contender: Contender<Value>, servers: readonly Server[]) {
  await quietMachine(servers);
  const others = watchOthers(servers);
  const value = await contender.run();
  return { value, others: others(value.cpuS) };
}

async function quietMachine(servers: readonly Server[]): Promise<void> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    const others = watchOthers(servers);
    await sleep(LOOK_MS);
    if (others(0) <= MAX_OTHERS_CORES) {
      return;
    }
  }
}

/** From now on: how much of a core was used by others than the servers, this process and `alsoOwnS` of CPU time. */
function watchOthers(servers: readonly Server[]): (alsoOwnS: number) => number {
  const ownS = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6 + servers.reduce((sum, server) => sum + server.cpuS(), 0);
  };
  const before = { machineS: machineCpuS(), ownS: ownS(), ms: performance.now() };
  return (alsoOwnS) => {
    const othersS = machineCpuS() - before.machineS - (ownS() - before.ownS) - alsoOwnS;
    return (othersS * 1000) / (performance.now() - before.ms);
  };
}

/** A figure of one contender over that of another, round by round. */
export function ratios<Value>(
  { rounds }: Rounds<Value>,
  over: string,
  under: string,
  of: (value: Value) => number,
): readonly number[] {
  return rounds.map((round) => of(round[over] as Value) / of(round[under] as Value));
}

/** A figure of one contender in every round. */
export function values<Value>(
  { rounds }: Rounds<Value>,
  name: string,
  of: (value: Value) => number,
): readonly number[] {
  return rounds.map((round) => of(round[name] as Value));
}
