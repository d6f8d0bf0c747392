import { describe, expect, it } from 'vitest';
import { timeWindows } from '../../../src/reports/html-windows.js';
import { resultsOn } from '../../support/results.js';
import { sample } from '../../support/samples.js';

const S = 1_000_000;

/** So many seconds of a request each, which takes as many ms as the second is. */
function seconds(count: number) {
  return Array.from({ length: count }, (_, seq) =>
    sample({
      seq,
      startUs: seq * S,
      endUs: seq * S + Math.max(1, seq % 900) * 1_000,
      outcome: seq % 10 === 9 ? 'http_5xx' : 'ok',
    }),
  );
}

describe('windows of time', () => {
  it('are the seconds themselves up to two thousand of them', () => {
    const results = resultsOn(seconds(2_000));
    const { lengthS, rows } = timeWindows(results);
    expect(lengthS).toBe(1);
    expect(rows).toEqual(results.seconds.map((row) => ({ ...row, loop_delay_p99_ms: null, gc_ms: null })));
  });

  it('are longer above that: sums of counts, and percentiles of all requests in them, never means of percentiles', () => {
    const results = resultsOn(seconds(6_001));
    const { lengthS, rows } = timeWindows(results);
    expect(lengthS).toBe(4);
    expect(rows).toHaveLength(1_501);
    // Seconds 4 to 7: 4, 5, 6 and 7 ms, in buckets of 0.1 % below their maximum.
    expect(rows[1]).toMatchObject({
      planned: 4,
      sent: 4,
      completed: 4,
      ok: 4,
      failed: 0,
      p50_ms: 5.003,
      p90_ms: 7,
      max_ms: 7,
    });
    // Seconds 8 to 11, of which the 9th failed.
    expect(rows[2]).toMatchObject({ completed: 4, ok: 3, failed: 1, p50_ms: 10.007, p99_ms: 11, service_p95_ms: 11 });
    expect(rows.at(-1)).toMatchObject({ planned: 1 });
    expect(rows.reduce((sum, { ok }) => sum + ok, 0)).toBe(results.report.counts.ok);
  });

  it('merge the endpoints of a second', () => {
    const two = seconds(4_000).map((one) => ({ ...one, endpoint: one.seq % 2, outcome: 'ok' as const }));
    const { lengthS, rows } = timeWindows(resultsOn(two, ['predict', 'health']));
    expect(lengthS).toBe(2);
    expect(rows[3]).toMatchObject({ ok: 2, p50_ms: 6.003, max_ms: 7 });
  });

  it('without a success have no percentile', () => {
    const none = seconds(2_500).map((one) => ({ ...one, outcome: 'http_5xx' as const }));
    expect(timeWindows(resultsOn(none)).rows[0]).toMatchObject({
      ok: 0,
      failed: 2,
      p50_ms: null,
      max_ms: null,
      service_p95_ms: null,
    });
  });

  it('hold the worst second of the generator', () => {
    const results = resultsOn(seconds(2_001));
    const epochS = results.seconds[2]?.epoch_s as number;
    const second = {
      epochS,
      loopDelayP99Ms: 3,
      loopBusyRatio: 0,
      cpuRatio: 0,
      gcMs: 2,
      openFds: null,
      handshakes: 0,
      handshakeP99Ms: null,
      wallOffsetMs: null,
    };
    const generator = [second, { ...second, epochS: epochS + 1, loopDelayP99Ms: 8 }];
    expect(timeWindows({ ...results, generator }).rows[1]).toMatchObject({ loop_delay_p99_ms: 8, gc_ms: 4 });
  });
});
