import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchCeiling } from '../../../src/commands/ceiling.js';

const RANGE = { startPerS: 4_000, lowestPerS: 1_000, highestPerS: 1_000_000, precisionRatio: 0.1 };

/** Searches against something that keeps any rate up to a limit. */
async function search(limitPerS: number) {
  const tried: number[] = [];
  const found = await searchCeiling({
    ...RANGE,
    async holds(ratePerS) {
      tried.push(ratePerS);
      return ratePerS <= limitPerS;
    },
  });
  return { found, tried };
}

describe('the search for the ceiling', () => {
  it('doubles until a rate fails and then bisects', async () => {
    const { found, tried } = await search(30_000);
    // √(16,000 · 32,000) = 22,627, √(22,627 · 32,000) = 26,908, √(26,908 · 32,000) = 29,344: less than 10 % below 32,000.
    expect(tried).toEqual([4_000, 8_000, 16_000, 32_000, 22_627, 26_908, 29_344]);
    expect(found).toBe(29_344);
  });

  it('halves when the first rate fails', async () => {
    const { found, tried } = await search(1_500);
    expect(tried.slice(0, 3)).toEqual([4_000, 2_000, 1_000]);
    expect(found).toBe(1_414);
  });

  it('gives nothing when the lowest rate fails, and the highest when that holds', async () => {
    expect(await search(999)).toEqual({ found: null, tried: [4_000, 2_000, 1_000] });
    expect((await search(1e9)).found).toBe(1_000_000);
  });

  it('ends within 10 % below the limit, wherever that is, after few tries', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1_000, max: 999_999 }), async (limitPerS) => {
        const { found, tried } = await search(limitPerS);
        expect(found).toBeLessThanOrEqual(limitPerS);
        expect((found as number) * 1.1 + 1).toBeGreaterThanOrEqual(limitPerS);
        expect(tried.length).toBeLessThanOrEqual(13);
      }),
    );
  });

  it('looks coarsely while it doubles and closely while it bisects', async () => {
    const coarse: boolean[] = [];
    await searchCeiling({
      ...RANGE,
      async holds(ratePerS, isCoarse) {
        coarse.push(isCoarse);
        return ratePerS <= 7_000;
      },
    });
    expect(coarse).toEqual([true, true, false, false, false]);
  });
});
