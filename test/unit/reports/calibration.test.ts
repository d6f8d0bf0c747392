import { describe, expect, it } from 'vitest';
import {
  boundBy,
  type Calibration,
  calibrationText,
  type LaneCalibration,
  type RatePoint,
} from '../../../src/reports/calibration.js';

const late = { n: 1_000, p50_ms: 0.012, p99_ms: 1.234, max_ms: 12.3 };
const lane: LaneCalibration = {
  protocol: 'tf-serving-grpc',
  transport: 'library',
  workers: 16,
  calibrated_at: '2026-11-24T12:00:00.000Z',
  ceiling_per_s: 1_000_000,
  bound_by: 'server',
  cpu_us_per_request: 123.45,
  latency_error: { n: 400, p50_ms: 0.06, p99_ms: 12_345.678, max_ms: 12_345.678, unmatched_n: 0, out_of_order_n: 0 },
  points: [],
};
const calibration: Calibration = {
  schema: 'infer-bench/calibration/1',
  calibrated_at: '2026-11-24T12:00:00.000Z',
  machine: {
    cpu_model: 'A Processor With a Very Long Name '.repeat(4),
    cpus: 128,
    platform: 'linux',
    arch: 'x64',
    node: 'v20.20.2',
  },
  step_s: 1,
  lag_limit_ms: 1,
  timers: [1, 10, 100].map((wait_ms) => ({ wait_ms, ...late })),
  pacing: { rate_per_s: 1_000, ...late },
  other_cpu_cores: 0.01,
  lanes: [lane],
};
const textOf = (given: Partial<LaneCalibration> = {}, others: number | null = 0.01) =>
  calibrationText({ ...calibration, other_cpu_cores: others, lanes: [{ ...lane, ...given }] });

describe('the text of a calibration', () => {
  it('fits into 80 columns', () => {
    const unkept = { ...lane, ceiling_per_s: null, bound_by: 'others' } as const;
    const text = calibrationText({ ...calibration, other_cpu_cores: 12.34, lanes: [lane, unkept, unkept, unkept] });
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('shows the figures of each way of sending, and of timers', () => {
    const text = textOf({
      ceiling_per_s: 29_344,
      bound_by: 'client',
      latency_error: { ...lane.latency_error, p99_ms: 0.31 },
    });
    expect(text).toMatch(/tf-serving-grpc +29,344 +client +123\.5 +0\.060 +0\.310 +12,346/);
    expect(text).toMatch(/timer of 10 ms +1,000 +0\.012 +1\.234 +12\.30/);
    expect(text).toMatch(/precise pacing, 1,000\/s +1,000 +0\.012/);
  });

  it.each([
    ['nothing, when all is well', {}, 0.15, []],
    ['that others were busy', {}, 0.16, ['Other programs used 0.2 cores meanwhile']],
    ['nothing of others that it cannot see', {}, null, []],
    [
      'that no rate was kept',
      { ceiling_per_s: null },
      0,
      ['Lag was above 1 ms at every rate, nothing is kept: tf-serving-grpc.'],
    ],
    ['that the server was the bound', { bound_by: 'server' }, 0, ['The server was at its end first']],
    [
      'that records contradict each other',
      { latency_error: { ...lane.latency_error, out_of_order_n: 1 } },
      0,
      ['The records of client and server contradict each other'],
    ],
  ] as const)('says %s', (_what, given, others, notes) => {
    const known = ['Other programs used', 'Lag was above', 'The server was', 'The records of'];
    const text = textOf({ bound_by: 'client', ...given }, others);
    for (const note of notes) {
      expect(text).toContain(note);
    }
    expect(known.filter((start) => text.includes(`\n${start}`)).length).toBe(notes.length);
  });

  it('shows a dash where there is no value', () => {
    const text = textOf({ ceiling_per_s: null, bound_by: null, cpu_us_per_request: null });
    expect(text).toMatch(/tf-serving-grpc +- +- +- /);
  });
});

describe('what bounds the ceiling', () => {
  const point = (rate_per_s: number, given: Partial<RatePoint> = {}): RatePoint => ({
    rate_per_s,
    lag_p99_ms: 2,
    sent_ratio: 1,
    failed_n: 0,
    server_busy_ratio: 0.5,
    other_cpu_cores: 0.1,
    holds: false,
    ...given,
  });
  const kept = point(8_000, { holds: true, other_cpu_cores: 1 });

  it.each([
    ['the client, where server and machine have time', [kept, point(16_000)], 'client'],
    ['the server, where it is busy', [kept, point(16_000, { server_busy_ratio: 0.91 })], 'server'],
    ['others, where they take the cores', [kept, point(16_000, { other_cpu_cores: 0.2 })], 'others'],
    ['what the lowest rate that failed says', [point(32_000, { server_busy_ratio: 1 }), point(16_000), kept], 'client'],
    [
      'no failure below the ceiling, which came right when tried again',
      [point(4_000, { other_cpu_cores: 1 }), kept, point(16_000)],
      'client',
    ],
    ['nothing known, where the system does not tell', [kept, point(16_000, { other_cpu_cores: null })], null],
    ['nothing, where all rates held', [kept], null],
  ] as const)('is %s', (_what, points, bound) => {
    expect(boundBy(points, 8_000)).toBe(bound);
  });
});
