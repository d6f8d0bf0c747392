import type { LoadPattern } from '../patterns/pattern.js';

/** A curve with its first level held for `warmupUs` before it. */
export function warmedUp(curve: LoadPattern, warmupUs: number): LoadPattern {
  return {
    durationUs: warmupUs + curve.durationUs,
    levelAt: (elapsedUs) => curve.levelAt(Math.max(0, elapsedUs - warmupUs)),
  };
}
