import { expect, it } from 'vitest';
import { tally } from '../../../src/reduce/tally.js';
import type { Sample } from '../../../src/samples/sample.js';
import { blockOf, sample } from '../../support/samples.js';

it('shows the last whole second', () => {
  const live = tally();
  live.rows(
    blockOf([sample({ startUs: 0 }), sample({ startUs: 500_000, endUs: 530_000 }), sample({ startUs: 1_100_000 })]),
  );
  live.users?.(0, 3);
  expect(live.snapshot(1_500_000)).toMatchObject({ users: 3, requests: 3, perS: 2, p95Ms: 30 });
});

it('goes on while no answer comes', () => {
  const live = tally();
  live.rows(blockOf([sample({ startUs: 0 })]));
  expect(live.snapshot(3_500_000)).toMatchObject({ perS: 0, p50Ms: null, p95TrendMs: [10, null, null] });
});

it('counts failures by cause, the most frequent first, and keeps them out of latency', () => {
  const live = tally();
  const failed = (outcome: Sample['outcome']) => sample({ outcome, origin: 'target' });
  live.rows(blockOf([failed('http_5xx'), failed('timeout_ttfb'), failed('timeout_ttfb')]));
  expect(live.snapshot(1e6)).toMatchObject({
    failures: [
      ['timeout_ttfb', 2],
      ['http_5xx', 1],
    ],
    perS: 3,
    p50Ms: null,
  });
});

it('the trend goes back a minute', () => {
  const live = tally();
  live.rows(blockOf([sample({ startUs: 0 })]));
  expect(live.snapshot(500e6).p95TrendMs.length).toBe(60);
});
