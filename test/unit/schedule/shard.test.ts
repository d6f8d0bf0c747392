import fc from 'fast-check';
import { expect, it } from 'vitest';
import { constant } from '../../../src/patterns/constant.js';
import { doubleWave } from '../../../src/patterns/double-wave.js';
import { random } from '../../../src/random.js';
import { arrivals, type OpenSchedule } from '../../../src/schedule/arrivals.js';
import { shardOf, shareOf, wholeIndex } from '../../../src/schedule/shard.js';
import { type ClosedSchedule, userSteps, usersWantedAt } from '../../../src/schedule/users.js';

const workersOf = (count: number) => Array.from({ length: count }, (_, worker) => ({ worker, workers: count }));

it('the shards of any number of workers are the whole schedule, arrival for arrival', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 0, max: 50 }), (workers, rate) => {
      const arrivalsUs = arrivals(
        constant({ level: rate, durationUs: 3e6 }),
        { kind: 'poisson' },
        random(rate + 1, 'arrivals'),
      );
      const whole: OpenSchedule = { model: 'open', arrivalsUs, warmupUs: 0, durationUs: 3e6 };
      const rebuilt = new Map<number, number>();
      for (const shard of workersOf(workers)) {
        for (const [index, atUs] of (shardOf(whole, shard) as OpenSchedule).arrivalsUs.entries()) {
          rebuilt.set(wholeIndex(shard, index), atUs);
        }
      }
      expect(Array.from(arrivalsUs, (_, seq) => rebuilt.get(seq))).toEqual([...arrivalsUs]);
      expect(rebuilt.size).toBe(arrivalsUs.length);
    }),
  );
});

it('the users of all shards are the users of the pattern, and each comes and goes as in one piece', () => {
  const curve = doubleWave({ min: 2, peakOne: 15, peakTwo: 60, durationUs: 120e6 });
  const whole: ClosedSchedule = {
    model: 'closed',
    steps: userSteps(curve),
    warmupUs: 0,
    durationUs: 120e6,
    thinkTimeUs: 0,
  };
  for (const workers of [1, 2, 3, 7]) {
    const parts = workersOf(workers).map((shard) => shardOf(whole, shard) as ClosedSchedule);
    for (let second = 0; second < 120; second++) {
      const wanted = usersWantedAt(whole, second * 1e6);
      const shares = parts.map((part) => usersWantedAt(part, second * 1e6));
      expect(shares.reduce((sum, users) => sum + users, 0)).toBe(wanted);
      // User j is with worker j mod n: the shares differ by one at most, the first having more.
      expect(shares).toEqual([...shares].sort((a, b) => b - a));
      expect((shares[0] as number) - (shares.at(-1) as number)).toBeLessThanOrEqual(1);
    }
  }
});

it('a count is shared out whole', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1000 }), fc.integer({ min: 1, max: 64 }), (count, workers) => {
      expect(workersOf(workers).reduce((sum, shard) => sum + shareOf(shard, count), 0)).toBe(count);
    }),
  );
});
