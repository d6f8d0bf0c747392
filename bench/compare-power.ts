/**
 * What `infer-bench compare` finds, and what it calls different that is not: comparisons of equal servers, and with one
 * whose service takes 5 % longer, in virtual time. Runs, blocks and interleaved blocks; machines whose speed wanders or
 * drifts, a queue, a heavy tail. Of each design the share of comparisons, in percent, in which any row of the table
 * differs, in which each row does, and in which p95 does as a limit of `--fail-on`, whose interval need not hold together
 * with the others; and how small a change of p95 the comparison of equals says it would find.
 *
 *     npx tsx bench/compare-power.ts [--rounds 200] [--smoke] [--jsonl FILE]
 *
 * `--rounds` is the number of comparisons. Musts: at most 5 % false alarms, and any row finds the slower server in
 * 95 % where a run is 300 s long; single rows have that as an aim. Deterministic: no sockets, no clock, the same figures
 * on every machine. Two runs of 100 s and a tail that begins at p95 show what such comparisons cannot find.
 */
import { figureName } from '../src/reports/comparison.js';
import type { Compared } from '../src/verdicts/comparison.js';
import { DESIGNS, differs, P95, type Trial, trial } from '../test/support/simulated-comparisons.js';
import { OPEN_FIGURES } from '../test/support/simulated-server.js';
import { atLeast, atMost, bench } from './harness/figures.js';
import { quantile } from './harness/statistics.js';

const MOST_ALARMS = 5;
const LEAST_FOUND = 95;

const own = bench('compare-power', { rounds: 200, seconds: 1 });

/** Of so many trials a false alarm was raised, and the slower server found, by the rows that are asked about. */
function show(
  row: string,
  trials: readonly Trial[],
  rowsOf: (of: readonly Compared[]) => readonly Compared[],
  must: boolean,
) {
  const share = (which: keyof Trial) => [
    (100 * trials.filter((one) => rowsOf(one[which]).some(differs)).length) / trials.length,
  ];
  own.figure(`${row}: false alarms`, share('equal'), { unit: '%', must: atMost(MOST_ALARMS) });
  own.figure(`${row}: +5 % found`, share('slower'), {
    unit: '%',
    ...(must ? { must: atLeast(LEAST_FOUND) } : { aim: atLeast(LEAST_FOUND) }),
  });
}

for (const design of DESIGNS) {
  // The sides of a trial are let go with it: those of all would be gigabytes.
  const trials = Array.from({ length: own.options.rounds }, (_, repeat) => {
    const judged = trial(design, repeat);
    return { table: judged(OPEN_FIGURES), limit: judged([P95]) };
  });
  const tables = trials.map(({ table }) => table);
  const limits = trials.map(({ limit }) => limit);
  show(`${design.name}: any row`, tables, (rows) => rows, design.findsSlower);
  for (const [at, { figure }] of (tables[0] as Trial).equal.entries()) {
    // A rate that is kept and requests that do not fail are the same on both sides.
    if ('of' in figure) {
      show(`${design.name}: ${figureName(figure)}`, tables, (rows) => rows.slice(at, at + 1), false);
    }
  }
  show(`${design.name}: p95 as a limit`, limits, (rows) => rows, false);
  const least = limits.flatMap(({ equal: [p95] }) => p95?.detectable.relative ?? []);
  own.figure(`${design.name}: change of p95 that it says it would find`, [100 * quantile(least, 0.5)], { unit: '%' });
}
own.finish();
