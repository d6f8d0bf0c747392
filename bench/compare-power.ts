/**
 * What `infer-bench compare` finds, and what it calls different that is not: comparisons of equal servers, and with one
 * whose service takes 5 % longer, in virtual time. Runs, blocks and interleaved blocks; machines whose speed wanders or
 * drifts, a queue, a heavy tail. Of each design the share of comparisons, in percent, in which any row of the table
 * differs, in which each row does, and in which p95 does as a limit of `--fail-on`, whose interval need not hold together
 * with the others; and how small a change of p95 the comparison of equals says it would find.
 *
 *     npx tsx bench/compare-power.ts [--rounds 200] [--smoke] [--jsonl FILE]
 *
 * `--rounds` is the number of comparisons. Goals: any row and p95 raise at most 5 % false alarms, and 95 % find the
 * slower server where a run is 300 s long. Deterministic: no sockets, no clock. Two runs of 100 s and a tail that begins
 * at p95 show what such comparisons cannot find.
 */
import { figureName } from '../src/reports/comparison.js';
import { DESIGNS, differs, P95, type Trial, trial } from '../test/support/simulated-comparisons.js';
import { atLeast, atMost, bench } from './harness/figures.js';
import { quantile } from './harness/statistics.js';

const MOST_ALARMS = 5;
const LEAST_FOUND = 95;

const own = bench('compare-power', { rounds: 200, seconds: 1 });
const { rounds } = own.options;
const repeats = Array.from({ length: rounds }, (_, repeat) => repeat);
const percent = (count: number) => [(100 * count) / rounds];

for (const design of DESIGNS) {
  const trials = repeats.map((repeat) => trial(design, repeat));
  const limits = repeats.map((repeat) => trial(design, repeat, [P95]));
  const show = (row: string, of: readonly Trial[], which: (trial: Trial) => { alarm: boolean; found: boolean }) => {
    const goal = row === 'any row' && design.findsSlower;
    own.figure(`${design.name}: ${row}, false alarms`, percent(of.filter((one) => which(one).alarm).length), {
      unit: '%',
      ...(row === 'any row' || row.includes('p95') ? { must: atMost(MOST_ALARMS) } : {}),
    });
    own.figure(`${design.name}: ${row}, +5 % found`, percent(of.filter((one) => which(one).found).length), {
      unit: '%',
      ...(goal ? { must: atLeast(LEAST_FOUND) } : row.includes('p95') ? { aim: atLeast(LEAST_FOUND) } : {}),
    });
  };
  show('any row', trials, ({ equal, slower }) => ({ alarm: equal.some(differs), found: slower.some(differs) }));
  for (const [row, { figure }] of (trials[0] as Trial).equal.entries()) {
    if (figure.metric !== 'error_rate' && figure.metric !== 'throughput') {
      show(figureName(figure), trials, ({ equal, slower }) => ({
        alarm: equal[row] !== undefined && differs(equal[row]),
        found: slower[row] !== undefined && differs(slower[row]),
      }));
    }
  }
  show('p95 as a limit', limits, ({ equal, slower }) => ({ alarm: equal.some(differs), found: slower.some(differs) }));
  const least = limits.flatMap(({ equal: [p95] }) => p95?.detectable.relative ?? []);
  own.figure(`${design.name}: change of p95 that it says it finds`, [100 * quantile(least, 0.5)], { unit: '%' });
}
own.finish();
