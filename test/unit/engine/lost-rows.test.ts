import { expect, it } from 'vitest';
import { lostRows } from '../../../src/engine/lost-rows.js';
import type { Sample } from '../../../src/samples/sample.js';
import { samplesOf } from '../../support/samples.js';

it('every request that nobody handed over has its row: due before the stop as lost, the rest as not sent', () => {
  const arrivalsUs = Float64Array.from({ length: 10_000 }, (_, seq) => seq * 100);
  const seen = Uint8Array.from(arrivalsUs, (_, seq) => seq % 2);
  const schedule = { model: 'open', arrivalsUs, warmupUs: 1_000, durationUs: 1e6 } as const;
  const rows: Sample[] = [];
  const requestOf = (seq: number) => ({ batch: 4, endpoint: seq % 4 === 0 ? 1 : 0 });
  for (const block of lostRows(schedule, seen, { stoppedUs: 500_000, nowUs: 600_000, requestOf })) {
    rows.push(...samplesOf(block));
  }
  expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 5_000 }, (_, index) => 2 * index));
  for (const { seq, intendedUs, startUs, endUs, outcome, origin, batch, endpoint } of rows) {
    expect([batch, endpoint]).toEqual([4, seq % 4 === 0 ? 1 : 0]);
    const lost = intendedUs <= 500_000;
    expect([outcome, origin]).toEqual([lost ? 'local_worker' : 'not_sent_stopped', 'local']);
    expect([startUs, endUs]).toEqual(lost ? [intendedUs, 600_000] : [undefined, undefined]);
  }
  expect(rows.filter(({ phase }) => phase === 'warmup').length).toBe(5);
});
