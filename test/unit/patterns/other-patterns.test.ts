import { describe, expect, it } from 'vitest';
import { constant } from '../../../src/patterns/constant.js';
import { stages, stagesKind } from '../../../src/patterns/stages.js';
import { step } from '../../../src/patterns/step.js';
import { userSteps, usersWantedAt } from '../../../src/schedule/users.js';

describe('the staircase', () => {
  const curve = step({ stepLevel: 10, stepTimeUs: 30e6, durationUs: 600e6 });

  it.each([
    // Locust's own values; at 600 s it lets a 21st step appear, which is not copied.
    [0, 10],
    [29.9, 10],
    [30, 20],
    [299.9, 100],
    [599, 200],
  ])('has at %d s the level %d', (second, level) => {
    expect(curve.levelAt(second * 1e6)).toBe(level);
  });

  it('ends at its duration, at the twentieth step', () => {
    const schedule = {
      model: 'closed' as const,
      steps: userSteps(curve),
      durationUs: 600e6,
      warmupUs: 0,
      thinkTimeUs: 0,
    };
    expect(schedule.steps.map(({ users }) => users)).toEqual(
      Array.from({ length: 20 }, (_, index) => (index + 1) * 10),
    );
    expect(usersWantedAt(schedule, 600e6)).toBe(0);
  });
});

it('a constant level has one step', () => {
  expect(userSteps(constant({ level: 7, durationUs: 60e6 }))).toEqual([{ atUs: 0, users: 7 }]);
});

describe('stages', () => {
  // Seed 003: 30 s to 10 users, 7 minutes at 10, 3 minutes down to 0, from 1.
  const [list] = [stagesKind.levels.stage?.closed[1].parse('30s:10,7m:10,3m:0') as never];
  const curve = stages({ start: 1, list });

  it('last as long as all of them', () => {
    expect(curve.durationUs).toBe(630e6);
  });

  it.each([
    [0, 1],
    [10, 4],
    [20, 7],
    [30, 10],
    [449, 10],
    [450, 10],
    [468, 9],
    [540, 5],
    [612, 1],
  ])('go in straight lines: %d s is at %d users', (second, users) => {
    expect(curve.levelAt(second * 1e6)).toBeCloseTo(users, 9);
  });

  it('have about the mean number of users of the seed run', () => {
    // Area of the lines: 165 + 4200 + 900 user-seconds.
    const schedule = {
      model: 'closed' as const,
      steps: userSteps(curve),
      durationUs: 630e6,
      warmupUs: 0,
      thinkTimeUs: 0,
    };
    const area = Array.from({ length: 630 }, (_, second) => usersWantedAt(schedule, second * 1e6)).reduce(
      (a, b) => a + b,
    );
    expect(Math.abs(area - 5265)).toBeLessThan(10);
  });

  it('jump where a stage takes no time', () => {
    const jump = stages({
      start: 1,
      list: [
        { durationUs: 0, target: 50 },
        { durationUs: 10e6, target: 50 },
      ],
    });
    expect(userSteps(jump)).toEqual([{ atUs: 0, users: 50 }]);
  });
});
