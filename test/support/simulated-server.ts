import type { SideBins } from '../../src/commands/compared-runs.js';
import { exponential, normal, type Random } from '../../src/random.js';
import { blockFold, type Figure, figureBins } from '../../src/reduce/block-figures.js';
import { sampleBlock } from '../../src/samples/sample.js';
import { US_PER_S } from '../../src/units.js';

/** A server in virtual time: one queue, lognormal service, and a slowness that wanders as that of a shared machine does. */
export interface SimulatedServer {
  /** Median service time, µs, and the standard deviation of its logarithm from request to request. */
  readonly serviceUs: number;
  readonly spread: number;
  /** Requests that are worked on at a time: with 1 there is a queue, and its latencies are alike for seconds. */
  readonly slots: 1 | 'unlimited';
  /** Standard deviation and memory of the logarithm of the slowness, an AR(1) series by the second. */
  readonly wander: number;
  readonly memoryS: number;
  /** A share of requests takes so many times as long, times a Pareto variable of this shape. */
  readonly tail?: { readonly share: number; readonly times: number; readonly shape: number };
}

export interface SimulatedRun {
  readonly server: SimulatedServer;
  /** Poisson arrivals. */
  readonly perS: number;
  readonly seconds: number;
  /** By how much slower it is at the end than at the start. */
  readonly drift?: number;
  readonly arrivals: Random;
  readonly noise: Random;
}

/** A side without any run yet, with room for so many units. */
export function emptySide(unitsN: number): SideBins {
  return { units: figureBins(unitsN), unitsN, whole: figureBins(1) };
}

/** Does an open run in virtual time and folds it into the units of a side, from the one at `first` on. */
export function simulate(run: SimulatedRun, side: SideBins, { first = 0, blockUs = 10 * US_PER_S } = {}): void {
  const { server, perS, seconds, drift = 0, arrivals, noise } = run;
  const endUs = seconds * US_PER_S;
  const fold = blockFold({ fromUs: 0, toUs: endUs, blockUs }, { bins: side.units, first, side: side.whole });
  const slowness = wandering(server, noise);
  const block = sampleBlock(4096);
  let freeUs = 0;
  for (let us = gapUs(); us < endUs; us += gapUs()) {
    const begins = server.slots === 1 ? Math.max(us, freeUs) : us;
    const drifted = server.serviceUs * (1 + (drift * us) / endUs);
    freeUs = begins + drifted * slowness(begins) * Math.exp(server.spread * normal(noise)) * tailOf(server, noise);
    const row = block.length++;
    block.phase[row] = 1;
    block.batch[row] = 1;
    block.firstTokenUs[row] = Number.NaN;
    block.intendedUs[row] = us;
    block.startUs[row] = us;
    block.endUs[row] = freeUs;
    if (block.length === block.capacity) {
      flush();
    }
  }
  flush();

  function gapUs(): number {
    return (exponential(arrivals) / perS) * US_PER_S;
  }

  function flush(): void {
    fold.rows(block);
    block.length = 0;
  }
}

function tailOf({ tail }: SimulatedServer, noise: Random): number {
  return tail && noise.unit() < tail.share ? tail.times * (1 - noise.unit()) ** (-1 / tail.shape) : 1;
}

/** The slowness at a moment; asked for in the order of time. */
function wandering({ wander, memoryS }: SimulatedServer, noise: Random): (us: number) => number {
  const keep = Math.exp(-1 / memoryS);
  let second = 0;
  let state = wander * normal(noise);
  return (us) => {
    for (; second < Math.floor(us / US_PER_S); second++) {
      state = keep * state + wander * Math.sqrt(1 - keep * keep) * normal(noise);
    }
    return Math.exp(state);
  };
}

/** What `compare` looks at in an open run without failures. */
export const OPEN_FIGURES: readonly Figure[] = [
  ...[0.5, 0.9, 0.95, 0.99].map((of) => ({ metric: 'latency', of, population: 'all_inf' }) as const),
  ...[0.5, 0.95].map((of) => ({ metric: 'service_time', of, population: 'ok' }) as const),
  { metric: 'throughput' },
  { metric: 'error_rate' },
];
