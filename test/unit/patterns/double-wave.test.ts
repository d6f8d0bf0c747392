import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { doubleWave } from '../../../src/patterns/double-wave.js';
import { userSteps, usersWantedAt } from '../../../src/schedule/users.js';

interface Golden {
  readonly min_users: number;
  readonly peak_one_users: number;
  readonly peak_two_users: number;
  readonly time_limit: number;
  readonly users: readonly number[];
}

const goldens: Readonly<Record<string, Golden>> = JSON.parse(
  readFileSync(new URL('../../fixtures/double-wave.json', import.meta.url), 'utf8'),
);

describe.each(Object.entries(goldens))('the double wave of %s', (_name, golden) => {
  const curve = doubleWave({
    min: golden.min_users,
    peakOne: golden.peak_one_users,
    peakTwo: golden.peak_two_users,
    durationUs: golden.time_limit * 1e6,
  });
  const schedule = {
    model: 'closed' as const,
    steps: userSteps(curve),
    durationUs: curve.durationUs,
    warmupUs: 0,
    thinkTimeUs: 0,
  };

  it('has the golden number of users at each whole second', () => {
    expect(golden.users.length).toBe(golden.time_limit);
    const users = golden.users.map((_, second) => usersWantedAt(schedule, second * 1e6));
    expect(users).toEqual(golden.users);
  });

  it('ends at its duration', () => {
    expect(usersWantedAt(schedule, golden.time_limit * 1e6 - 1)).toBe(golden.users.at(-1));
    expect(usersWantedAt(schedule, golden.time_limit * 1e6)).toBe(0);
  });
});

it.each([
  // Unrounded values of the Prism set, from the formula by hand calculation elsewhere.
  [39, 14.798454],
  [40, 15],
  [60, 2.137062],
  [78, 56.485958],
  [80, 60],
])('has the Prism level at %d s', (second, level) => {
  const curve = doubleWave({ min: 2, peakOne: 15, peakTwo: 60, durationUs: 120e6 });
  expect(curve.levelAt(second * 1e6)).toBeCloseTo(level, 5);
});

it('changes 58 times and comes to 1241 user-seconds in the Prism set', () => {
  const curve = doubleWave({ min: 2, peakOne: 15, peakTwo: 60, durationUs: 120e6 });
  const steps = userSteps(curve);
  const seconds = Array.from({ length: 120 }, (_, second) =>
    usersWantedAt({ model: 'closed', steps, durationUs: 120e6, warmupUs: 0, thinkTimeUs: 0 }, second * 1e6),
  );
  expect(steps.length - 1).toBe(58);
  expect(seconds.reduce((sum, users) => sum + users, 0)).toBe(1241);
});
