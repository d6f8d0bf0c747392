import { figureValues, type SideBins } from '../../src/commands/compared-runs.js';
import { random } from '../../src/random.js';
import type { Figure } from '../../src/reduce/block-figures.js';
import { US_PER_S } from '../../src/units.js';
import { type Compared, compareSides, type Design } from '../../src/verdicts/comparison.js';
import { emptySide, type SimulatedServer, simulate } from './simulated-server.js';

/** No queue, on a machine whose speed wanders by 3 % with a memory of 5 s. */
export const WANDERING: SimulatedServer = {
  serviceUs: 5000,
  spread: 0.3,
  slots: 'unlimited',
  wander: 0.03,
  memoryS: 5,
};
/** One slot that is busy for 80 % of the time: a slow stretch is felt by all that queue behind it. */
const QUEUE: SimulatedServer = { serviceUs: 8000 * Math.exp(-0.125), spread: 0.5, slots: 1, wander: 0.01, memoryS: 2 };
/** One request of 20 takes three times as long and more, without a variance: the 95th percentile is where that begins. */
const HEAVY: SimulatedServer = { ...WANDERING, tail: { share: 0.05, times: 3, shape: 2 } };

const PER_S = 100;
/** A machine that gets slower by a fifth from the first unit to the last. */
const DRIFT = 0.2;
/** The service of the head that is to be found takes so much longer. */
const SLOWER = 1.05;

export const P95: Figure = { metric: 'latency', of: 0.95, population: 'all_inf' };

interface Measured {
  readonly server: SimulatedServer;
  /** Of two sides that are compared, the arrivals are the same and the rest is not. */
  readonly repeat: number;
  readonly side: 0 | 1;
}

/** How both sides are measured, and how `compare` would take it. */
export interface SimulatedDesign {
  readonly name: string;
  readonly server: SimulatedServer;
  readonly design: Design;
  /** Whether so much measured time is enough to find 5 %. */
  readonly findsSlower: boolean;
  measure(measured: Measured): SideBins;
}

const noiseOf = ({ repeat, side }: Measured) => random(1 + repeat * 2 + side, 'service');

/** One run, cut into blocks of so many seconds. */
export const oneRun =
  (seconds: number, blockS: number, drift = 0) =>
  (measured: Measured): SideBins => {
    const into = emptySide(seconds / blockS);
    const arrivals = random(measured.repeat, 'arrivals');
    const run = { server: measured.server, perS: PER_S, seconds, drift, arrivals, noise: noiseOf(measured) };
    simulate(run, into, { blockUs: blockS * US_PER_S });
    return into;
  };

/** Runs of so many seconds, each a unit. */
const severalRuns =
  (units: number, seconds: number, drift = 0) =>
  (measured: Measured): SideBins => {
    const into = emptySide(units);
    const noise = noiseOf(measured);
    for (let unit = 0; unit < units; unit++) {
      const server = { ...measured.server, serviceUs: measured.server.serviceUs * (1 + (drift * unit) / units) };
      const arrivals = random(measured.repeat * units + unit, 'arrivals');
      simulate({ server, perS: PER_S, seconds, arrivals, noise }, into, { first: unit, blockUs: seconds * US_PER_S });
    }
    return into;
  };

const SERIES: Design = { paired: true, serial: true };

export const BLOCKS: SimulatedDesign = {
  name: 'blocks of two runs of 300 s on a machine whose speed wanders',
  server: WANDERING,
  design: SERIES,
  findsSlower: true,
  measure: oneRun(300, 10),
};

export const INTERLEAVED: SimulatedDesign = {
  name: '12 interleaved blocks with a queue on a machine that drifts',
  server: QUEUE,
  design: { paired: true, serial: false },
  findsSlower: true,
  measure: severalRuns(12, 10, DRIFT),
};

export const DESIGNS: readonly SimulatedDesign[] = [
  BLOCKS,
  INTERLEAVED,
  {
    name: '10 against 10 runs of 60 s',
    server: WANDERING,
    design: { paired: false, serial: false },
    findsSlower: true,
    measure: severalRuns(10, 60),
  },
  {
    name: 'blocks of two runs of 300 s that drift',
    server: WANDERING,
    design: SERIES,
    findsSlower: true,
    measure: oneRun(300, 10, DRIFT),
  },
  {
    name: 'blocks of two runs of 300 s with a queue',
    server: QUEUE,
    design: SERIES,
    findsSlower: true,
    measure: oneRun(300, 10),
  },
  {
    name: 'blocks of two runs of 300 s with a heavy tail',
    server: HEAVY,
    design: SERIES,
    findsSlower: true,
    measure: oneRun(300, 10),
  },
  {
    name: 'blocks of two runs of 100 s',
    server: WANDERING,
    design: SERIES,
    findsSlower: false,
    measure: oneRun(100, 10),
  },
];

const compared = (base: SideBins, head: SideBins, design: Design, figures: readonly Figure[]) =>
  compareSides(
    figures.map((figure) => figureValues(figure, base, head, design.paired)),
    { design, minEffect: 0.02, seed: 1 },
  );

/** What a comparison of equals came to, and one with a head whose service takes 5 % longer. */
export interface Trial {
  readonly equal: readonly Compared[];
  readonly slower: readonly Compared[];
}

/** One repeat of a design in virtual time; what comes of the figures that are asked for. */
export function trial(
  { server, design, measure }: SimulatedDesign,
  repeat: number,
): (figures: readonly Figure[]) => Trial {
  const base = measure({ server, repeat, side: 0 });
  const slower = { ...server, serviceUs: server.serviceUs * SLOWER };
  const heads = [server, slower].map((of) => measure({ server: of, repeat, side: 1 })) as [SideBins, SideBins];
  return (figures) => ({
    equal: compared(base, heads[0], design, figures),
    slower: compared(base, heads[1], design, figures),
  });
}

/** Whether a comparison says that a figure differs. */
export const differs = ({ change }: Compared) => change === 'better' || change === 'worse';
