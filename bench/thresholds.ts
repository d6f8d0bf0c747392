/**
 * What thresholds cost while a run goes on: ns per row of the fold that every row passes, over no threshold at all, for
 * one percentile of latency, the same over windows of ten seconds, and five thresholds at once.
 *
 *     npx tsx bench/thresholds.ts [--rounds 9] [--smoke] [--jsonl FILE]
 *
 * The rows are two million of a run of half an hour in blocks of 16,384, as the writer of records hands them on; all
 * contenders fold the same ones in each round, in turning order, in this one process, and the difference to none is taken
 * inside the round. The outcome at the end is part of it. Nothing is sent.
 */
import { normal, random } from '../src/random.js';
import { PHASES } from '../src/samples/outcomes.js';
import { outcomeCode, type SampleBlock, sampleBlock } from '../src/samples/sample.js';
import { US_PER_S } from '../src/units.js';
import { readThresholdPlan } from '../src/verdicts/threshold-plan.js';
import { thresholdFold } from '../src/verdicts/thresholds.js';
import { bench } from './harness/figures.js';

const BLOCK_ROWS = 16_384;
const DURATION_US = 1_800 * US_PER_S;
const CONTENDERS = {
  none: [],
  'one percentile': ['p(95)<200'],
  'one percentile over 10s': ['p(95)<200 over 10s for 3 windows'],
  'five thresholds': [
    'p(95)<200',
    'p(99)<500 over 10s for 3 windows',
    'service_time: avg<100',
    'error_rate<0.01',
    'throughput>100',
  ],
} as const;
type Name = keyof typeof CONTENDERS;

const own = bench('thresholds', { rounds: 9, seconds: 1 });
const rows = BLOCK_ROWS * (own.options.smoke ? 4 : 128);

function blocksOf(count: number): readonly SampleBlock[] {
  const source = random(1, 'service');
  return Array.from({ length: count / BLOCK_ROWS }, (_, index) => {
    const block = sampleBlock(BLOCK_ROWS);
    block.phase.fill(PHASES.indexOf('measure'));
    block.firstTokenUs.fill(Number.NaN);
    block.lastTokenUs.fill(Number.NaN);
    for (const column of [block.origin, block.cache, block.tokensOut, block.chunks]) {
      column.fill(-1);
    }
    for (let row = 0; row < BLOCK_ROWS; row++) {
      const seq = index * BLOCK_ROWS + row;
      const intendedUs = Math.floor((DURATION_US * seq) / count);
      block.seq[row] = seq;
      block.intendedUs[row] = intendedUs;
      block.startUs[row] = intendedUs + 20;
      block.endUs[row] = intendedUs + 20 + Math.round(20_000 * Math.exp(0.4 * normal(source)));
      block.outcome[row] = outcomeCode('ok');
    }
    block.length = BLOCK_ROWS;
    return block;
  });
}

/** ns of CPU per row of one fold over all blocks. */
function costNs(blocks: readonly SampleBlock[], expressions: readonly string[]): number {
  const plan = readThresholdPlan({ expressions: [...expressions], slos: [], min_samples: 20, no_data: 'fail' });
  const fold = thresholdFold(plan, {
    endpoints: ['sentiment'],
    measured: () => ({ fromUs: 0, toUs: DURATION_US }),
    startedEpochUs: 0,
  });
  const before = process.cpuUsage();
  for (const block of blocks) {
    fold.rows(block);
  }
  const results = fold.finish();
  const { user, system } = process.cpuUsage(before);
  if (results.length !== expressions.length || results.some(({ n, unit }) => n === 0 && unit !== 'per_s')) {
    throw new Error(`A threshold saw no rows: ${JSON.stringify(results)}`);
  }
  return ((user + system) * 1_000) / rows;
}

const blocks = blocksOf(rows);
const names = Object.keys(CONTENDERS) as Name[];
const more: Record<string, number[]> = {};
// The first round warms the compiler.
for (let round = -1; round < own.options.rounds; round++) {
  const turn = (round + 1) % names.length;
  const ns: Partial<Record<Name, number>> = {};
  for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
    ns[name] = costNs(blocks, CONTENDERS[name]);
  }
  for (const name of names) {
    if (round >= 0 && name !== 'none') {
      more[name] ??= [];
      more[name].push((ns[name] as number) - (ns.none as number));
    }
  }
}
own.facts({ 'rows of thresholds': String(rows) });
for (const [name, values] of Object.entries(more)) {
  own.figure(`${name}: more than none, per row`, values, { unit: 'ns' });
}
own.finish();
