import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LoadPattern } from '../../src/patterns/pattern.js';
import { userSteps } from '../../src/schedule/users.js';

/** What every load pattern has to be: finite, not negative and pure. */
export function patternContract(build: () => LoadPattern): void {
  it('has a finite level of at least 0 at every moment', () => {
    const curve = build();
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (share) => {
        const level = curve.levelAt(share * curve.durationUs);
        expect(Number.isFinite(level)).toBe(true);
        expect(level).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('gives the same level for the same moment, in any order of asking', () => {
    const one = build();
    const other = build();
    fc.assert(
      fc.property(fc.array(fc.nat({ max: Math.floor(one.durationUs) - 1 })), (moments) => {
        const forward = moments.map((us) => one.levelAt(us));
        const backward = moments.toReversed().map((us) => other.levelAt(us));
        expect(backward.toReversed()).toEqual(forward);
      }),
    );
  });

  it('makes steps of whole users on whole seconds, each a change', () => {
    const curve = build();
    const steps = userSteps(curve);
    expect(curve.durationUs).toBeGreaterThan(0);
    expect(steps[0]?.atUs).toBe(0);
    for (const [index, { atUs, users }] of steps.entries()) {
      expect(Number.isInteger(users)).toBe(true);
      expect(atUs % 1e6).toBe(0);
      expect(atUs).toBeLessThan(curve.durationUs);
      expect(users).not.toBe(steps[index - 1]?.users);
      expect(Math.abs(users - curve.levelAt(atUs))).toBeLessThanOrEqual(0.5);
    }
  });
}
