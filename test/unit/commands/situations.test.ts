import { describe, expect, it } from 'vitest';
import { resultsOf } from '../../../src/commands/results.js';
import { exitCodeOf } from '../../../src/commands/run-exit.js';
import { runFolds } from '../../../src/reduce/run-folds.js';
import type { GeneratorSecond } from '../../../src/samples/generator.js';
import type { Sample } from '../../../src/samples/sample.js';
import type { EndRecord, PlannedRecord } from '../../../src/spec/run-record.js';
import { US_PER_S } from '../../../src/units.js';
import { readThresholdPlan } from '../../../src/verdicts/threshold-plan.js';
import { thresholdFold } from '../../../src/verdicts/thresholds.js';
import { reportOn } from '../../support/reports.js';
import { STARTED_EPOCH_S } from '../../support/results.js';
import { blockOf, sample } from '../../support/samples.js';

const DURATION_S = 20;
const { directory: _directory, files: _files, ...CLOSED_RUN } = reportOn([]).run;
const OPEN_RUN = { ...CLOSED_RUN, model: 'open', pattern: 'constant', rate_max_per_s: 100, users_max: null } as const;

interface Situation {
  readonly samples: readonly Sample[];
  readonly planned?: Partial<PlannedRecord>;
  readonly end?: Partial<EndRecord> | 'killed';
  readonly generator?: readonly Partial<GeneratorSecond>[];
  readonly users?: number;
  readonly requireValid?: boolean;
  readonly thresholds?: readonly string[];
}

/** What comes of a run: all of its way from rows to the exit code. */
function outcomeOf({ samples, planned = {}, end = {}, generator = [], users = 0, ...asked }: Situation) {
  const thresholds = { expressions: asked.thresholds ?? [], slos: [], min_samples: 20, no_data: 'fail' } as const;
  const duration_us = DURATION_S * US_PER_S;
  const measured = () => ({ fromUs: 0, toUs: duration_us });
  const held = thresholdFold(readThresholdPlan(thresholds), {
    endpoints: ['predict'],
    measured,
    startedEpochUs: STARTED_EPOCH_S * US_PER_S,
  });
  const folds = runFolds({
    startedEpochUs: STARTED_EPOCH_S * US_PER_S,
    endpoints: ['predict'],
    measured,
    payloads: 1600,
    payloadOf: (seq) => seq % 1600,
  });
  folds.users(0, users);
  folds.rows(blockOf(samples));
  held.rows(blockOf(samples));
  const { report } = resultsOf({
    planned: {
      run: OPEN_RUN,
      endpoints: ['predict'],
      order: { kind: 'unique' },
      requests_before: 0,
      warmup_us: 0,
      duration_us,
      capped_connections: false,
      limits: { max_local_errors: 0, max_cache_hit_ratio: null },
      thresholds,
      ceiling: null,
      ...planned,
    },
    host: null,
    end:
      end === 'killed'
        ? undefined
        : {
            schema: 'infer-bench/end/1',
            rows: samples.length,
            issued: samples.length,
            interrupted: false,
            stops: [],
            window_us: { from_us: 0, to_us: duration_us },
            lost_workers: [],
            explained: {},
            cpu_ms: 100,
            server_counters: null,
            ...end,
          },
    generator: generator.map((second, index) => ({
      epochS: STARTED_EPOCH_S + index,
      loopDelayP99Ms: 0.5,
      loopBusyRatio: 0.1,
      cpuRatio: 0.1,
      gcMs: 0,
      openFds: 20,
      handshakes: 0,
      handshakeP99Ms: null,
      wallOffsetMs: 0,
      ...second,
    })),
    sums: folds.finish(new Map()),
    held,
    directory: { shown: 'r/', files: [] },
  });
  return {
    status: report.verdict.status,
    codes: report.verdict.reasons.map(({ code }) => code),
    exit: exitCodeOf(report, { requireValid: asked.requireValid ?? false }),
    reasons: report.verdict.reasons,
  };
}

/** A request every 10 ms over the whole run, answered after so many ms. */
function steadily(change: (index: number, dueUs: number) => Partial<Sample> = () => ({})): readonly Sample[] {
  return Array.from({ length: DURATION_S * 100 }, (_, seq) => {
    const intendedUs = seq * 10_000;
    return sample({ seq, intendedUs, startUs: intendedUs, endUs: intendedUs + 5_000, ...change(seq, intendedUs) });
  });
}

const failed = { outcome: 'http_5xx', origin: 'target', status: 500 } as const;
const unsent = { startUs: undefined, endUs: undefined, firstByteUs: undefined, origin: 'local' } as const;
const closed = { run: CLOSED_RUN };
const threeUsers = (thinkUs: number) =>
  Array.from({ length: 3 * 60 }, (_, seq) => {
    const startUs = Math.floor(seq / 3) * (DURATION_S / 60) * US_PER_S;
    return sample({ seq, user: seq % 3, startUs, intendedUs: startUs, endUs: startUs + 333_333 - thinkUs });
  });

const SITUATIONS: readonly (readonly [
  what: string,
  of: Situation,
  status: string,
  codes: readonly string[],
  exit: number,
])[] = [
  ['all is well at a rate', { samples: steadily() }, 'VALID', [], 0],
  ['all is well with users', { samples: steadily(), planned: closed, users: 0 }, 'VALID', [], 0],
  ['a slow server, which is a finding', { samples: steadily((_, us) => ({ endUs: us + 300_000 })) }, 'VALID', [], 0],
  ['a server that fails everything', { samples: steadily(() => failed) }, 'INVALID', ['no_success'], 4],
  ['no request at all', { samples: [], planned: closed }, 'INVALID', ['no_success'], 4],
  [
    'a server that sheds half of the load at once',
    { samples: steadily((n, us) => (n % 2 === 0 ? { outcome: 'http_429', origin: 'target', endUs: us + 100 } : {})) },
    'SUSPECT',
    ['errors'],
    0,
  ],
  [
    'the same under a threshold on latency, which fast failures do not improve',
    {
      samples: steadily((n, us) => (n % 2 === 0 ? { outcome: 'http_429', origin: 'target', endUs: us + 100 } : {})),
      thresholds: ['p(95)<200', 'latency{population:ok}: p(95)<200'],
    },
    'SUSPECT',
    ['errors'],
    99,
  ],
  [
    'the same where only VALID will do',
    { samples: steadily((n) => (n % 2 === 0 ? failed : {})), requireValid: true },
    'SUSPECT',
    ['errors'],
    4,
  ],
  [
    'a server that answers fast and wrong',
    { samples: steadily((_, us) => ({ outcome: 'wrong_output', origin: 'target', endUs: us + 50 })) },
    'INVALID',
    ['no_success'],
    4,
  ],
  [
    'one wrong answer in two hundred',
    { samples: steadily((n) => (n % 200 === 0 ? { outcome: 'schema_mismatch', origin: 'target' } : {})) },
    'VALID',
    [],
    0,
  ],
  [
    'a server that stalls for two seconds and catches up',
    { samples: steadily((_, us) => ({ endUs: us >= 5e6 && us < 7e6 ? 7_005_000 : us + 5_000 })) },
    'VALID',
    [],
    0,
  ],
  [
    'a server that stalls and answers nothing any more',
    {
      samples: steadily((_, us) => (us < 10e6 ? {} : { outcome: 'timeout_total', origin: 'target', endUs: us + 10e6 })),
    },
    'INVALID',
    ['backlog', 'errors'],
    4,
  ],
  [
    'a server that takes four fifths of a steady rate',
    { samples: steadily((n, us) => ({ endUs: 5_000 + us + n * 2_500 })) },
    'INVALID',
    ['backlog'],
    4,
  ],
  [
    'the same inside a staircase, which claims no steady state',
    {
      samples: steadily((n, us) => ({ endUs: 5_000 + us + n * 2_500 })),
      planned: { run: { ...OPEN_RUN, pattern: 'step' } },
    },
    'SUSPECT',
    ['backlog'],
    0,
  ],
  [
    'a generator that is starved: it sends everything 20 ms late',
    {
      samples: steadily((_, us) => ({ startUs: us + 20_000, endUs: us + 25_000 })),
      generator: [{ loopDelayP99Ms: 25 }, { loopDelayP99Ms: 0.4 }],
    },
    'INVALID',
    ['schedule_not_kept', 'client_bound'],
    4,
  ],
  [
    'requests that wait for connections which the user capped',
    {
      samples: steadily((_, us) => ({ startUs: us + 20_000, endUs: us + 25_000 })),
      planned: { capped_connections: true },
    },
    'SUSPECT',
    ['schedule_not_kept'],
    0,
  ],
  [
    'one request in twenty dropped at the cap in flight',
    { samples: steadily((n) => (n % 20 === 0 ? { ...unsent, outcome: 'dropped' } : {})) },
    'INVALID',
    ['schedule_not_kept'],
    4,
  ],
  [
    'a few dropped',
    { samples: steadily((n) => (n % 500 === 0 ? { ...unsent, outcome: 'dropped' } : {})) },
    'SUSPECT',
    ['schedule_not_kept'],
    0,
  ],
  [
    'a thread that was busy all the time',
    { samples: steadily(), generator: [{ loopBusyRatio: 0.97 }] },
    'INVALID',
    ['client_bound'],
    4,
  ],
  [
    'the same with precise pacing, which spins',
    { samples: steadily(), generator: [{ loopBusyRatio: 1 }], planned: { run: { ...OPEN_RUN, pacing: 'precise' } } },
    'VALID',
    [],
    0,
  ],
  [
    'a rate near what this machine can send',
    { samples: steadily(), planned: { ceiling: { ceiling_per_s: 120, calibrated_at: '2026-11-21T00:00:00Z' } } },
    'SUSPECT',
    ['client_bound'],
    0,
  ],
  [
    'a descriptor too few, once',
    { samples: steadily((n) => (n === 7 ? { outcome: 'local_fds', origin: 'local' } : {})) },
    'INVALID',
    ['local_faults'],
    4,
  ],
  [
    'the same where one was allowed',
    {
      samples: steadily((n) => (n === 7 ? { outcome: 'local_fds', origin: 'local' } : {})),
      planned: { limits: { max_local_errors: 1, max_cache_hit_ratio: null } },
    },
    'VALID',
    [],
    0,
  ],
  [
    'a worker that was lost',
    { samples: steadily(), end: { lost_workers: ['out of memory'] } },
    'INVALID',
    ['local_faults'],
    4,
  ],
  [
    'a row that nobody wrote, which is a bug',
    { samples: steadily(), end: { issued: 1999 } },
    'INVALID',
    ['accounting'],
    1,
  ],
  ['stopped by the user', { samples: steadily(), end: { interrupted: true } }, 'INCONCLUSIVE', ['interrupted'], 0],
  ['killed', { samples: steadily(), end: 'killed' }, 'INCONCLUSIVE', ['interrupted'], 0],
  [
    'killed, where only VALID will do',
    { samples: steadily(), end: 'killed', requireValid: true },
    'INCONCLUSIVE',
    ['interrupted'],
    4,
  ],
  [
    'a cache that nobody spoke of',
    { samples: steadily((n) => ({ cache: n < 1600 ? 'miss' : 'hit' })) },
    'SUSPECT',
    ['cache_served'],
    0,
  ],
  [
    'a cache that the workload is about',
    {
      samples: steadily((n) => ({ cache: n < 1600 ? 'miss' : 'hit' })),
      planned: { run: { ...OPEN_RUN, data_order: 'repeat' } },
    },
    'VALID',
    [],
    0,
  ],
  [
    'more of the cache than was allowed',
    {
      samples: steadily((n) => ({ cache: n < 1600 ? 'miss' : 'hit' })),
      planned: { limits: { max_local_errors: 0, max_cache_hit_ratio: 0.1 } },
    },
    'INVALID',
    ['cache_served'],
    4,
  ],
  [
    'a wall clock that was set by a second',
    { samples: steadily(), generator: [{}, {}, { wallOffsetMs: 1_000 }, { wallOffsetMs: 1_000 }] },
    'INVALID',
    ['clock'],
    4,
  ],
  [
    'a wall clock that drifts by half a percent',
    { samples: steadily(), generator: [0, 5, 10, 15, 20].map((wallOffsetMs) => ({ wallOffsetMs })) },
    'SUSPECT',
    ['clock'],
    0,
  ],
  [
    'streams that a proxy collected',
    { samples: steadily(() => ({ tokensOut: 5, chunks: 5 })) },
    'SUSPECT',
    ['buffered_stream'],
    0,
  ],
  [
    'users whose time is accounted for',
    { samples: threeUsers(100_000), planned: { run: { ...CLOSED_RUN, think_time_ms: 100, users_max: 3 } }, users: 3 },
    'VALID',
    [],
    0,
  ],
  [
    'users who spend a third of their time where no request shows it',
    { samples: threeUsers(100_000), planned: { run: { ...CLOSED_RUN, think_time_ms: 0, users_max: 3 } }, users: 3 },
    'SUSPECT',
    ['little'],
    0,
  ],
  ['a threshold that was missed', { samples: steadily(), thresholds: ['p(95)<1'] }, 'VALID', [], 99],
  ['a threshold without data', { samples: steadily(), thresholds: ['ttft: p(95)<100'] }, 'VALID', [], 99],
  [
    'a threshold that nobody can decide',
    { samples: steadily(), thresholds: ['p(99.9)<100'] },
    'INCONCLUSIVE',
    ['too_few_samples'],
    4,
  ],
  [
    'one that nobody can decide and one that was missed',
    { samples: steadily(), thresholds: ['p(99.9)<100', 'p(95)<1'] },
    'INCONCLUSIVE',
    ['too_few_samples'],
    99,
  ],
  [
    'a threshold that was missed by numbers that mean nothing',
    { samples: steadily(() => failed), thresholds: ['p(95)<1'] },
    'INVALID',
    ['no_success'],
    4,
  ],
];

describe('a run comes to the right verdict, reasons and exit code', () => {
  it.each(SITUATIONS)('%s', (_what, situation, status, codes, exit) => {
    const found = outcomeOf(situation);
    expect(found.codes).toEqual(codes);
    expect([found.status, found.exit]).toEqual([status, exit]);
    for (const { value, limit, advice, message } of found.reasons) {
      expect(Number.isFinite(value) && Number.isFinite(limit)).toBe(true);
      expect(advice.length).toBeGreaterThan(10);
      expect(message).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it('names the seconds in which a reason shows', () => {
    const { reasons } = outcomeOf({
      samples: steadily((_, us) => (us >= 3e6 && us < 5e6 ? failed : {})),
      generator: [{}, { loopDelayP99Ms: 30 }, {}],
    });
    expect(reasons.map(({ code, seconds_n, at_epoch_s }) => [code, seconds_n, at_epoch_s])).toEqual([
      ['client_bound', 1, [STARTED_EPOCH_S + 1]],
      ['errors', 2, [STARTED_EPOCH_S + 3, STARTED_EPOCH_S + 4]],
    ]);
  });
});

it('ten requests are too few for a threshold on p99, and the reason says how many more', () => {
  const { status, exit, reasons } = outcomeOf({ samples: steadily().slice(0, 10), thresholds: ['p(99)<200'] });
  expect([status, exit]).toEqual(['INCONCLUSIVE', 4]);
  expect(reasons.find(({ code }) => code === 'too_few_samples')).toMatchObject({
    value: 10,
    limit: 473,
    message: 'p(99) needs 473 requests at 95 % confidence: 463 more',
  });
});
