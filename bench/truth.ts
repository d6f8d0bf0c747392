/**
 * What the program says about a server of constant, bimodal and periodically stalling latency, against the server's own
 * record and against theory: p50 within 1 ms of the server, the step of a bimodal server at the right rank ± 0.2 %, tails
 * within 3 % + 10 ms, and sent ≤ received ≤ answered ≤ end in every row.
 *
 *     npm run build && npx tsx bench/truth.ts [--rounds 5] [--seconds 10] [--smoke] [--jsonl FILE]
 *
 * The golden server (test/support/golden-server.ts) is a process of its own on core 0 and logs CLOCK_MONOTONIC.
 * `--seconds` is rounded up to whole periods of the stall, 5 s. Needs Linux, bash and taskset.
 */
import type { Mode } from '../test/support/golden-server-modes.js';
import { atMost, bench } from './harness/figures.js';
import { interleave, values } from './harness/rounds.js';
import { quantile } from './harness/statistics.js';
import { type TruthRun, truthRun } from './harness/truth.js';

const RATE_PER_S = 200;
const PERIOD_S = 5;
const STALL_S = 1;
const BASE_MS = 5;
const SLOW_MS = 50;
const SLOW_EVERY = 10;
const BUDGET_S = 240;

const own = bench('truth', { rounds: 5, seconds: 10 });
const { seconds, smoke } = own.options;
const wholeS = smoke ? seconds : Math.ceil(seconds / PERIOD_S) * PERIOD_S;

const MODES: Readonly<Record<string, Mode>> = {
  constant: { kind: 'constant', ms: BASE_MS },
  bimodal: { kind: 'bimodal', ms: BASE_MS, slowMs: SLOW_MS, slowEvery: SLOW_EVERY },
  'periodic stall': { kind: 'periodic stall', ms: BASE_MS, everyMs: PERIOD_S * 1000, stallMs: STALL_S * 1000 },
};

/** A smoke run has no time for a period of the stall. */
const names = smoke ? ['bimodal'] : Object.keys(MODES);

/** Latency of an open loop over whole periods: the stall's share of arrivals waits for what is left of it, evenly spread. */
function stallTheoryMs(share: number): number {
  const calm = 1 - STALL_S / PERIOD_S;
  return BASE_MS + (share <= calm ? 0 : (STALL_S * 1000 * (share - calm)) / (1 - calm));
}

function program(name: string): Promise<TruthRun> {
  const load = ['--rate', String(RATE_PER_S), '--warmup', '1s', '--duration', `${wholeS}s`];
  return truthRun(MODES[name] as Mode, [...load, '--pacing', 'precise'], wholeS + 1);
}

/** The server's own time for each request. */
const served = ({ rows }: TruthRun) => rows.map(({ receivedMs, answeredMs }) => answeredMs - receivedMs);
const summaryMs = ({ summary }: TruthRun, percentile: number) => summary.latency[`p${percentile}_ms`] as number;

const all = await interleave(
  names.map((name) => ({ name, run: () => program(name) })),
  own.options,
  { budgetS: BUDGET_S, servers: [] },
);
for (const name of names) {
  const noisy = all.noisyOf(name);
  const figure = (title: string, of: (run: TruthRun) => number, most: number, unit: string) =>
    own.figure(`${name}: ${title}`, values(all, name, of), { must: atMost(most), judged: 'worst', unit, noisy });
  figure('requests that only one side has', ({ unmatched }) => unmatched, 0, '');
  figure('rows not sent ≤ received ≤ answered ≤ end', ({ disordered }) => disordered, 0, '');
  figure('p50 off the server', (run) => Math.abs(summaryMs(run, 50) - quantile(served(run), 0.5)), 1, 'ms');
}
own.figure(
  'bimodal: share of fast answers off 90 %',
  values(all, 'bimodal', ({ rows }) => {
    const fast = rows.filter(({ intendedMs, endMs }) => endMs - intendedMs < (BASE_MS + SLOW_MS) / 2).length;
    return Math.abs((100 * fast) / rows.length - (100 - 100 / SLOW_EVERY));
  }),
  { must: atMost(0.2), judged: 'worst', unit: '% of ranks', noisy: all.noisyOf('bimodal') },
);
for (const percentile of smoke ? [] : [90, 95, 99]) {
  const theoryMs = stallTheoryMs(percentile / 100);
  own.figure(
    `periodic stall: p${percentile} off theory of ${theoryMs.toFixed(0)} ms`,
    values(all, 'periodic stall', (run) => Math.abs(summaryMs(run, percentile) - theoryMs)),
    { must: atMost(0.03 * theoryMs + 10), judged: 'worst', unit: 'ms', noisy: all.noisyOf('periodic stall') },
  );
}
own.finish();
