import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../../src/commands/run-exit.js';
import type { Sample } from '../../../src/samples/sample.js';
import { parseSlo, parseThreshold } from '../../../src/verdicts/threshold-language.js';
import { type ThresholdPlan, thresholdPlan } from '../../../src/verdicts/threshold-plan.js';
import { thresholdFold } from '../../../src/verdicts/thresholds.js';
import { blockOf, sample } from '../../support/samples.js';

const STARTED_EPOCH_US = 1_795_252_353_250_000;

interface Options {
  readonly toS?: number;
  readonly fromS?: number;
  readonly slo?: readonly string[];
  readonly minSamples?: number;
  readonly noData?: 'fail' | 'pass';
}

function planOf(
  expressions: readonly string[],
  { slo = [], minSamples = 20, noData = 'fail' }: Options,
): ThresholdPlan {
  return thresholdPlan({
    threshold: expressions.map(parseThreshold),
    slo: slo.map(parseSlo),
    'min-samples': minSamples,
    'no-data': noData,
    'fail-on-error': false,
  });
}

function foldOf(expressions: readonly string[], samples: readonly Sample[], options: Options = {}) {
  const { fromS = 0, toS = 10 } = options;
  const fold = thresholdFold(planOf(expressions, options), {
    endpoints: ['predict', 'health'],
    measured: () => ({ fromUs: fromS * 1e6, toUs: toS * 1e6 }),
    startedEpochUs: STARTED_EPOCH_US,
  });
  fold.rows(blockOf(samples));
  return fold;
}

function judged(expression: string, samples: readonly Sample[], options: Options = {}) {
  const [result] = foldOf([expression], samples, options).finish();
  return result!;
}

/** So many requests, one every `gapMs`, each with a latency in ms. */
function requests(latenciesMs: readonly number[], given: Partial<Sample> = {}, gapMs = 10): readonly Sample[] {
  return latenciesMs.map((ms, index) => {
    const startUs = (given.startUs ?? 0) + index * gapMs * 1000;
    return sample({ seq: index, ...given, startUs, intendedUs: startUs, endUs: startUs + ms * 1000 });
  });
}

const ms = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const FAILED = { outcome: 'http_5xx', origin: 'target', status: 500 } as const;
const DROPPED = { outcome: 'dropped', origin: 'local', status: undefined } as const;
const dropped = (intendedUs: number) => ({
  ...sample({ intendedUs, ...DROPPED }),
  startUs: undefined,
  endUs: undefined,
});

describe('over the whole run', () => {
  // Below 2048 µs HDR has a bucket for each value: percentiles are exact.
  const hundred = requests(ms(1, 100).map((each) => each / 100));

  it.each([
    ['p(95)<0.96', 0.95, true],
    ['p(95)<0.95', 0.95, false],
    ['p(95)<=0.95', 0.95, true],
    ['p(0)>=0.01', 0.01, true],
    ['p(100)==1', 1, true],
    ['med>0.5', 0.5, false],
    ['avg<0.506', 0.505, true],
    ['min==0.01', 0.01, true],
    ['max!=1', 1, false],
    ['count>=100', 100, true],
    ['service_time: p(95)===0.95', 0.95, true],
    ['lag: max<1', 0, true],
    ['error_rate<=0', 0, true],
    ['requests: rate>9.9', 10, true],
    ['throughput>=10', 10, true],
    ['dropped<1', 0, true],
    ['achieved==1', 1, true],
    ['correct_rate==1', 1, true],
  ])('%s', (expression, value, pass) => {
    expect(judged(expression, hundred)).toMatchObject({
      expression,
      value,
      infinite: false,
      n: 100,
      state: pass ? 'pass' : 'fail',
      pass,
      windows: null,
    });
  });

  it('leaves the warm-up, and what a stop left unsent, out', () => {
    const warm = requests(ms(500, 600), { phase: 'warmup' });
    const unsent = [
      { ...sample({ outcome: 'not_sent_stopped', origin: 'local' }), startUs: undefined, endUs: undefined },
    ];
    expect(judged('max<101', [...warm, ...hundred, ...unsent])).toMatchObject({ n: 100, pass: true });
    expect(judged('achieved==1', [...hundred, ...unsent])).toMatchObject({ n: 100, pass: true });
  });

  it('takes throughput from what ended in the measured window', () => {
    const late = requests([2000], { startUs: 9_000_000 });
    expect(judged('throughput>10', [...hundred, ...late])).toMatchObject({ value: 10, n: 101, pass: false });
  });

  it('has no data without requests, which fails unless told', () => {
    for (const expression of ['p(95)<200', 'error_rate<0.1', 'throughput>1', 'dropped<1', 'ttft: p(50)<1']) {
      expect(judged(expression, [])).toMatchObject({ value: null, n: 0, state: 'no_data', pass: false });
      expect(judged(expression, [], { noData: 'pass' })).toMatchObject({ value: null, state: 'pass', pass: true });
    }
    expect(judged('ttft: p(50)<1', hundred).state).toBe('no_data');
    expect(judged('latency{cache:hit}: avg<1', hundred).state).toBe('no_data');
  });

  it.each([
    ['p(90)<1000', 46],
    ['p(95)<1000', 93],
    ['p(99)<1000', 473],
  ])('%s is inconclusive below %d requests, whichever side it is on', (expression, needed) => {
    const some = requests(ms(1, needed));
    expect(judged(expression, some).state).toBe('pass');
    const few = judged(expression, some.slice(1));
    expect(few).toMatchObject({ state: 'inconclusive', pass: false, n: needed - 1 });
    expect(few.message).toContain(`needs ${needed} at 95 % confidence, 1 more`);
    expect(judged(expression.replace('1000', '1'), some.slice(1)).state).toBe('inconclusive');
  });
});

describe('populations', () => {
  const mixed = [
    ...requests(ms(101, 200).map((each) => each / 100)),
    ...requests(Array(25).fill(0.1), FAILED),
    ...Array.from({ length: 5 }, (_, index) => dropped(index)),
  ];

  it('fast failures and shed load are infinitely slow, unless ok or all is asked for', () => {
    expect(judged('p(75)<=1.99', mixed)).toMatchObject({ value: 1.98, n: 130, population: 'all_inf', pass: true });
    const lost = judged('p(77)<1e9', mixed);
    expect(lost).toMatchObject({ value: null, infinite: true, n: 130, state: 'fail' });
    expect(lost.message).toContain('30 of 130 never succeeded');
    expect(judged('latency{population:ok}: p(77)<1.78', mixed)).toMatchObject({ value: 1.77, n: 100, pass: true });
    expect(judged('latency{population:all}: min<0.2', mixed)).toMatchObject({ value: 0.1, n: 125, pass: true });
    expect(judged('avg<1e9', mixed)).toMatchObject({ infinite: true, pass: false });
    expect(judged('max<1e9', mixed)).toMatchObject({ infinite: true, pass: false });
    expect(judged('min==1.01', mixed)).toMatchObject({ infinite: false, pass: true });
  });

  it('ratios are of what the target was asked', () => {
    expect(judged('error_rate<0.2', mixed)).toMatchObject({ value: 0.2, n: 125, pass: false });
    expect(judged('achieved<1', mixed)).toMatchObject({ value: 125 / 130, n: 130, pass: true });
    expect(judged('dropped<5', mixed)).toMatchObject({ value: 5, pass: false });
    expect(judged('good_rate<0.77', mixed)).toMatchObject({ value: 100 / 130, n: 130, pass: true });
    const wrong = requests([1, 1], { outcome: 'wrong_output', origin: 'target' });
    expect(judged('correct_rate>0.98', [...mixed, ...wrong])).toMatchObject({ value: 100 / 102, n: 102, pass: true });
  });

  it("this machine's own failures are in none", () => {
    const own = requests(Array(50).fill(1), { outcome: 'local_ports', origin: 'local' });
    expect(judged('p(75)<=1.99', [...mixed, ...own])).toMatchObject({ n: 130, value: 1.98 });
    expect(judged('error_rate<1', [...mixed, ...own]).n).toBe(125);
  });

  it('a failed request is as long as no token at all', () => {
    const streams = requests(ms(101, 200)).map((one) => ({
      ...one,
      firstTokenUs: one.startUs! + 50_000,
      lastTokenUs: one.startUs! + 90_000,
      tokensOut: 5,
      chunks: 5,
    }));
    const all = [...streams, ...requests(Array(25).fill(1), FAILED)];
    expect(judged('ttft: p(80)<51', all)).toMatchObject({ value: 50, n: 125, pass: true });
    expect(judged('ttft: p(81)<1e9', all)).toMatchObject({ infinite: true, pass: false });
    expect(judged('tpot{population:ok}: max<=10', all)).toMatchObject({ value: 10, n: 100, pass: true });
    expect(judged('ntpot: min<21', all)).toMatchObject({ value: 20.2, pass: true });
    const fold = foldOf(['itl_chunk: p(50)<20', 'itl_chunk: max<1e9'], all);
    for (const one of streams) {
      fold.gaps({ phase: 'measure', endUs: one.endUs!, gapsUs: [10_000] });
    }
    fold.gaps({ phase: 'warmup', endUs: 0, gapsUs: [9e9] });
    expect(fold.finish()).toMatchObject([
      { value: 10, n: 125, pass: true },
      { infinite: true, pass: false },
    ]);
  });
});

describe('tags', () => {
  const both = [
    ...requests(ms(1, 100), { endpoint: 0, cache: 'hit' }),
    ...requests(ms(201, 300), { endpoint: 0, cache: 'miss' }),
    ...requests(ms(401, 500), { endpoint: 1 }),
  ];

  it('an endpoint or a cache outcome alone', () => {
    expect(judged('latency{endpoint:predict}: max<301', both)).toMatchObject({
      n: 200,
      endpoint: 'predict',
      pass: true,
    });
    expect(judged('latency{endpoint:health}: min>400', both)).toMatchObject({ n: 100, pass: true });
    expect(judged('latency{endpoint:predict,cache:hit}: max==100', both)).toMatchObject({ n: 100, pass: true });
    expect(judged('latency{cache:miss}: min==201', both)).toMatchObject({ n: 100, pass: true });
    expect(judged('requests{endpoint:health}: count==100', both)).toMatchObject({ pass: true });
  });

  it('a failure may have been a hit or a miss: it counts against both', () => {
    const all = [...both, ...requests([1], { ...FAILED, endpoint: 0 })];
    expect(judged('latency{cache:hit}: max<1e9', all)).toMatchObject({ n: 101, infinite: true, pass: false });
    expect(judged('latency{cache:hit,endpoint:health}: max<1e9', all).state).toBe('no_data');
    expect(judged('latency{cache:hit,population:ok}: max==100', all)).toMatchObject({ n: 100, pass: true });
  });
});

describe('goodput', () => {
  it('is what met every limit, per second and of what was due', () => {
    const all = [...requests(ms(1, 100)), ...requests(Array(10).fill(1), FAILED), dropped(0)];
    const fold = foldOf(['goodput>=5', 'good_rate>0.4'], all, { slo: ['latency<51', 'service_time>0'] });
    expect(fold.goodput()).toEqual({
      slo: ['latency<51', 'service_time>0'],
      good_per_s: 5,
      good_n: 50,
      attempted_n: 111,
      good_ratio: 50 / 111,
    });
    expect(fold.finish()).toMatchObject([
      { value: 5, pass: true },
      { value: 50 / 111, pass: true },
    ]);
  });

  it('has none that lacks what a limit is about, and is null where nothing was asked', () => {
    expect(foldOf([], requests([1]), { slo: ['ttft<100'] }).goodput()).toMatchObject({ good_n: 0, good_ratio: 0 });
    expect(foldOf([], [], { slo: ['latency<100'] }).goodput()).toMatchObject({ good_n: 0, good_ratio: null });
    expect(foldOf([], requests([1])).goodput()).toBeNull();
  });
});

describe('windows', () => {
  /** A second for each latency, with 25 requests that took so long. */
  const seconds = (latencies: readonly number[]) =>
    latencies.flatMap((latency, second) => requests(Array(25).fill(latency), { startUs: second * 1e6 }));

  it.each([
    ['p(95)<200 over 1s', [10, 10, 300, 10], 'fail', 1],
    ['p(95)<200 over 1s for 2 windows', [300, 10, 300, 10], 'pass', 1],
    ['p(95)<200 over 1s for 2 windows', [10, 300, 300, 10], 'fail', 2],
    ['p(95)<200 over 1s for 50% of windows', [300, 10, 300, 10], 'pass', 1],
    ['p(95)<200 over 1s for 51% of windows', [300, 10, 300, 10], 'fail', 1],
    ['p(95)<200 over 2s', [10, 10, 10, 300], 'fail', 1],
    ['p(50)<200 over 2s', [10, 10, 10, 300], 'pass', 0],
    ['min>5 over 1s', [10, 1, 10, 10], 'fail', 1],
  ])('%s of %j: %s', (expression, latencies, state, longest) => {
    const result = judged(expression, seconds(latencies), { toS: 4 });
    expect(result).toMatchObject({ state, windows: { longest_n: longest, skipped_n: 0 } });
    expect(result.n).toBe(100);
  });

  it('say the worst of them, and when they violate', () => {
    const result = judged('p(95)<200 over 1s for 3 windows', seconds([10, 300, 400, 10]), { toS: 4 });
    expect(result).toMatchObject({
      value: 400,
      windows: { window_s: 1, judged_n: 4, violated_n: 2, violated_at_epoch_s: [1_795_252_354.25, 1_795_252_355.25] },
    });
    expect(result.message).toBe(
      'p(95) of latency is 400 ms in the worst window of 1s, wanted < 200 ms: 2 of 4 windows violate, 2 in a row',
    );
  });

  it('that are fewer than have to violate in a row say that nothing could fail', () => {
    const { state, message } = judged('p(95)<200 over 1s for 3 windows', seconds([300]), { toS: 1 });
    expect(state).toBe('pass');
    expect(message).toContain('1 of 1 window violates: too few for 3 in a row, this threshold could not fail');
  });

  it('with few samples are skipped, and neither break a row nor add to it', () => {
    const samples = [...seconds([300]), ...requests([10], { startUs: 1e6 }), ...seconds([0, 0, 300]).slice(50)];
    expect(judged('p(95)<200 over 1s for 2 windows', samples, { toS: 3 })).toMatchObject({
      state: 'fail',
      windows: { judged_n: 2, skipped_n: 1, longest_n: 2 },
    });
    const few = requests(Array(19).fill(300));
    expect(judged('p(95)<200 over 1s', few, { toS: 1 })).toMatchObject({ state: 'no_data', windows: { judged_n: 0 } });
    expect(judged('p(95)<200 over 1s', few, { toS: 1, minSamples: 19 })).toMatchObject({ state: 'fail' });
    expect(judged('error_rate<0.5 over 1s', few, { toS: 1 }).state).toBe('no_data');
  });

  it('hold what was due in them: a stall shows in the windows of those who waited', () => {
    // Due in second 1, all answered in second 9.
    const stalled = requests(Array(25).fill(8_000), { startUs: 1e6 });
    const result = judged('p(95)<200 over 1s', [...seconds([10]), ...stalled], { toS: 10 });
    expect(result.windows?.violated_at_epoch_s).toEqual([1_795_252_354.25]);
  });

  it('that nothing came back in have a throughput of 0; a part of a window has none', () => {
    const result = judged('throughput>=25 over 1s', seconds([10, 10]), { toS: 3.5 });
    expect(result).toMatchObject({ value: 0, state: 'fail', windows: { judged_n: 3, violated_n: 1, skipped_n: 1 } });
    expect(judged('throughput>=25 over 1s', seconds([10, 10]), { toS: 2.5 }).state).toBe('pass');
    expect(judged('throughput>=25 over 1s', [], { toS: 2 }).state).toBe('no_data');
    expect(judged('throughput>1 over 10s', seconds([10, 10]), { toS: 2 }).state).toBe('no_data');
  });

  it('begin where the measurement begins', () => {
    const samples = requests(Array(25).fill(300), { startUs: 2.5e6 });
    const result = judged('p(95)<200 over 1s', samples, { fromS: 1.5, toS: 4 });
    expect(result.windows).toMatchObject({ judged_n: 1, skipped_n: 2, violated_at_epoch_s: [1_795_252_355.75] });
  });

  const anySample = fc.record({
    intendedUs: fc.integer({ min: 0, max: 7_999_999 }),
    tookUs: fc.integer({ min: 0, max: 2000 }),
    outcome: fc.constantFrom('ok', 'ok', 'ok', 'http_5xx', 'dropped', 'local_ports') as fc.Arbitrary<Sample['outcome']>,
    endpoint: fc.constantFrom(0, 1),
  });

  it('are what a plain reading of the rows gives', () => {
    fc.assert(
      fc.property(
        fc.array(anySample, { maxLength: 200 }),
        fc.constantFrom(1, 2, 3),
        fc.constantFrom(50, 75, 95),
        fc.constantFrom(1, 2, 3),
        fc.constantFrom(1, 5),
        (rows, windowS, percent, inARow, minSamples) => {
          const samples = rows.map(({ intendedUs, tookUs, outcome, endpoint }, seq) =>
            outcome === 'dropped'
              ? { ...dropped(intendedUs), seq, endpoint }
              : sample({ seq, startUs: intendedUs, intendedUs, endUs: intendedUs + tookUs, outcome, endpoint }),
          );
          const limitMs = 1;
          const worst: number[] = [];
          let longest = 0;
          let row = 0;
          for (let from = 0; from < 8; from += windowS) {
            const own = rows
              .filter((one) => one.endpoint === 0 && one.outcome !== 'local_ports')
              .filter(({ intendedUs }) => Math.floor(intendedUs / 1e6 / windowS) === from / windowS)
              .map(({ outcome, tookUs }) => (outcome === 'ok' ? tookUs / 1000 : Number.POSITIVE_INFINITY))
              .sort((a, b) => (a < b ? -1 : 1));
            if (own.length >= minSamples) {
              const value = own[Math.ceil((percent * own.length) / 100) - 1] as number;
              worst.push(value);
              row = value < limitMs ? 0 : row + 1;
              longest = Math.max(longest, row);
            }
          }
          const expression = `latency{endpoint:predict}: p(${percent})<${limitMs} over ${windowS}s for ${inARow} windows`;
          const result = judged(expression, samples, { toS: 8, minSamples });
          const most = worst.length === 0 ? null : Math.max(...worst);
          expect(result.state).toBe(worst.length === 0 ? 'no_data' : longest >= inARow ? 'fail' : 'pass');
          expect(result.value).toBe(most === Number.POSITIVE_INFINITY ? null : most);
          expect(result.infinite).toBe(most === Number.POSITIVE_INFINITY);
          expect(result.windows).toMatchObject({
            judged_n: worst.length,
            violated_n: worst.filter((value) => !(value < limitMs)).length,
            longest_n: longest,
          });
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('while the run goes on', () => {
  const lostAt = (expression: string, samples: readonly Sample[], nowS: number, options: Options = {}) =>
    foldOf([expression], samples, { toS: 100, ...options }).lost(nowS * 1e6, 1e6)?.expression;

  it('a threshold that fails over the run so far is lost, once it has enough samples', () => {
    const slow = requests(Array(93).fill(300));
    expect(lostAt('p(95)<200', slow, 10)).toBe('p(95)<200');
    expect(lostAt('p(95)<200', slow.slice(1), 10)).toBeUndefined();
    expect(lostAt('p(95)<400', slow, 10)).toBeUndefined();
    expect(lostAt('max<200', slow.slice(0, 19), 10)).toBeUndefined();
    expect(lostAt('max<200', slow.slice(0, 20), 10)).toBe('max<200');
    expect(lostAt('p(95)<200', [], 10)).toBeUndefined();
  });

  it('a count that can still grow into its limit is not lost', () => {
    const some = requests(Array(50).fill(10));
    expect(lostAt('requests: count>100', some, 10)).toBeUndefined();
    expect(lostAt('requests: count==100', some, 10)).toBeUndefined();
    expect(lostAt('requests: count==49', some, 10)).toBe('requests: count==49');
    expect(lostAt('dropped<1', [...some, dropped(0)], 10)).toBe('dropped<1');
  });

  it('rates are over the time that rows are known for', () => {
    const tenS = requests(Array(100).fill(10), {}, 100);
    expect(lostAt('throughput>=10', tenS, 10)).toBeUndefined();
    expect(lostAt('throughput>=10', tenS, 12)).toBe('throughput>=10');
  });

  it('windows are judged once their requests must have ended, and lost when no more of them can mend it', () => {
    const bad = [0, 1, 2].flatMap((second) => requests(Array(25).fill(300), { startUs: second * 1e6 }));
    const row = 'p(95)<200 over 1s for 3 windows';
    expect(lostAt(row, bad, 4.9)).toBeUndefined();
    expect(lostAt(row, bad, 5)).toBe(row);
    const share = 'p(95)<200 over 1s for 97% of windows';
    expect(lostAt(share, bad, 50)).toBeUndefined();
    expect(lostAt(share, bad, 50, { toS: 99 })).toBe(share);
    // Looked at again and again, each window is judged once.
    const fold = foldOf([row], bad, { toS: 100 });
    expect([3, 4, 5].map((second) => fold.lost(second * 1e6, 1e6)?.windows?.longest_n)).toEqual([
      undefined,
      undefined,
      3,
    ]);
    expect(fold.finish()).toMatchObject([{ state: 'fail', windows: { judged_n: 3, longest_n: 3 } }]);
  });
});

it.each([
  [[], 0],
  [['pass'], 0],
  [['pass', 'fail'], 99],
  [['no_data'], 99],
  [['inconclusive', 'pass'], 4],
  [['inconclusive', 'fail'], 99],
] as const)('%j: exit %d', (states, code) => {
  const result = judged('p(95)<200', requests(ms(1, 100)));
  const thresholds = states.map((state) => ({ ...result, state, pass: state === 'pass' }));
  expect(exitCodeOf({ verdict: { status: 'VALID', reasons: [] }, thresholds }, { requireValid: false })).toBe(code);
});
