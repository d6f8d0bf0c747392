import { describe, expect, it } from 'vitest';
import { totals } from '../../../src/reduce/summary.js';
import type { Sample } from '../../../src/samples/sample.js';
import { judge, type RunFacts } from '../../../src/verdicts/validity.js';
import { soundFacts } from '../../support/facts.js';
import { blockOf, sample } from '../../support/samples.js';

function verdictOf(samples: readonly Sample[], facts: Partial<RunFacts> = {}) {
  const whole = totals(() => ({ fromUs: 0, toUs: 1e6 }));
  whole.rows(blockOf(samples));
  const verdict = judge(whole.finish(), { ...soundFacts(samples.length), ...facts });
  return { status: verdict.status, codes: verdict.reasons.map(({ code }) => code), reasons: verdict.reasons };
}

const many = (count: number, given: Partial<Sample> = {}) => Array.from({ length: count }, () => sample(given));
const open = { model: 'open' } as const;
const late = { intendedUs: 0, startUs: 20_000, endUs: 30_000 };
const dropped = { outcome: 'dropped', origin: 'local', startUs: undefined, endUs: undefined, intendedUs: 0 } as const;
const unsent = { ...dropped, outcome: 'not_sent_stopped' } as const;
const overrun = { ...dropped, outcome: 'not_sent_overrun' } as const;
const STREAM = { tokensOut: 3, chunks: 3, firstTokenUs: 2_000, lastTokenUs: 9_000 } as const;
const failed = { outcome: 'http_5xx', origin: 'target' } as const;

describe('the verdict', () => {
  it.each([
    ['all fine', many(100), {}, 'VALID', []],
    ['exactly 1 % failed', [...many(99), ...many(1, failed)], {}, 'VALID', []],
    ['more than 1 % failed', [...many(98), ...many(2, failed)], {}, 'SUSPECT', ['errors']],
    ['everything failed', many(10, failed), {}, 'INVALID', ['no_success']],
    ['nothing was sent', [], {}, 'INVALID', ['no_success']],
    ['a warm-up, which counts for nothing', [...many(10, { phase: 'warmup', ...failed }), ...many(5)], {}, 'VALID', []],
    ['a row too few', many(10), { rows: 9 }, 'INVALID', ['accounting']],
    ['a request was counted twice', many(10), { issued: 9 }, 'INVALID', ['accounting']],
    [
      'a stream in fifty whose chunks came all at once',
      [...many(49, STREAM), ...many(1, { tokensOut: 3, chunks: 3 })],
      {},
      'SUSPECT',
      ['buffered_stream'],
    ],
    [
      'streams of no chunk, and of chunks that came one by one',
      [...many(9, STREAM), ...many(9, { chunks: 0 })],
      {},
      'VALID',
      [],
    ],
    ['stopped early', many(10), { ended: 'stopped' }, 'INCONCLUSIVE', ['interrupted']],
    [
      'one failure of our own machine',
      [...many(999), sample({ outcome: 'local_fds', origin: 'local' })],
      {},
      'INVALID',
      ['local_faults'],
    ],
    ['one request in fifty sent 20 ms late', [...many(98), ...many(2, late)], open, 'INVALID', ['schedule_not_kept']],
    [
      'the same while waiting for connections that the user capped',
      [...many(98), ...many(2, late)],
      { ...open, cappedConnections: true },
      'SUSPECT',
      ['schedule_not_kept'],
    ],
    [
      'a thread that never waited for events, in a closed run',
      many(100),
      { loopBusyRatio: 0.95 },
      'SUSPECT',
      ['client_bound'],
    ],
    ['the same in an open run', many(100), { ...open, loopBusyRatio: 0.95 }, 'INVALID', ['client_bound']],
    ['a busy thread that spins, which is its way to wait', many(100), { ...open, loopBusyRatio: null }, 'VALID', []],
    [
      'a worker thread that ended',
      many(100),
      { lostWorkers: ['out of memory'], issued: 80 },
      'INVALID',
      ['local_faults'],
    ],
    ['lateness in a closed run, which has no schedule', many(10, late), {}, 'VALID', []],
    ['two in a hundred dropped', [...many(98), ...many(2, dropped)], open, 'INVALID', ['schedule_not_kept']],
    ['two in a hundred too late', [...many(98), ...many(2, overrun)], open, 'INVALID', ['schedule_not_kept']],
    ['one in a thousand dropped', [...many(999), ...many(1, dropped)], open, 'SUSPECT', ['schedule_not_kept']],
    [
      'a lag of 6 ms in the 99th percentile',
      many(100, { startUs: 6_000, intendedUs: 0, endUs: 9_000 }),
      open,
      'SUSPECT',
      ['schedule_not_kept'],
    ],
    ['what was not sent after a stop', [...many(50), ...many(50, unsent)], open, 'VALID', []],
    ['an event loop 6 ms late', many(10), { loopDelayP99Ms: 6 }, 'SUSPECT', ['client_bound']],
    ['an event loop 30 ms late in a closed run', many(10), { loopDelayP99Ms: 30 }, 'SUSPECT', ['client_bound']],
    ['an event loop 30 ms late in an open run', many(10), { ...open, loopDelayP99Ms: 30 }, 'INVALID', ['client_bound']],
    [
      'an event loop 6 ms late beside a service time of 100 ms',
      many(10, { endUs: 100_000 }),
      { loopDelayP99Ms: 6 },
      'VALID',
      [],
    ],
    ['a headroom of 1.3', many(10), { ...open, headroomRatio: 1.3 }, 'VALID', []],
    ['a headroom of less', many(10), { ...open, headroomRatio: 1.29 }, 'SUSPECT', ['client_bound']],
    [
      'no headroom and a late event loop: the later is told',
      many(10),
      { ...open, headroomRatio: 1, loopDelayP99Ms: 30 },
      'INVALID',
      ['client_bound'],
    ],
    [
      'stopped early and failing: the worst reason wins, all are listed',
      [...many(5), ...many(5, failed)],
      { ended: 'stopped' },
      'INCONCLUSIVE',
      ['interrupted', 'errors'],
    ],
  ] as const)('%s', (_case, samples, facts, status, codes) => {
    const verdict = verdictOf(samples, facts);
    expect(verdict.status).toBe(status);
    expect(verdict.codes).toEqual(codes);
  });

  it('gives each reason its figure, its limit and advice', () => {
    const [reason] = verdictOf([...many(90), ...many(10, failed)]).reasons;
    expect(reason).toMatchObject({ value: 0.1, limit: 0.01 });
    expect(reason?.message).toContain('10.00 %');
    expect(reason?.advice.length).toBeGreaterThan(10);
  });
});
