export interface CeilingSearch {
  /** Tried first. */
  readonly startPerS: number;
  /** Nothing is tried beyond these two. */
  readonly lowestPerS: number;
  readonly highestPerS: number;
  /** The search ends when the lowest rate that fails is at most this much above the highest that holds. */
  readonly precisionRatio: number;
  /** Whether a rate can be kept; `coarse` while only the power of two is looked for. */
  holds(ratePerS: number, coarse: boolean): Promise<boolean>;
}

/** The highest rate that holds: doubled until it fails, then bisected. null when not even the lowest one holds. */
export async function searchCeiling(search: CeilingSearch): Promise<number | null> {
  const { startPerS, lowestPerS, highestPerS, precisionRatio, holds } = search;
  let lowPerS: number | undefined;
  let highPerS: number | undefined;
  for (let ratePerS = startPerS; lowPerS === undefined || highPerS === undefined; ) {
    if (await holds(ratePerS, true)) {
      lowPerS = ratePerS;
      ratePerS = Math.min(2 * ratePerS, highestPerS);
      if (lowPerS === highestPerS) {
        return highestPerS;
      }
    } else {
      highPerS = ratePerS;
      ratePerS = Math.max(Math.floor(ratePerS / 2), lowestPerS);
      if (highPerS === lowestPerS) {
        return null;
      }
    }
  }
  while (highPerS > lowPerS * (1 + precisionRatio)) {
    const middlePerS = Math.round(Math.sqrt(lowPerS * highPerS));
    if (await holds(middlePerS, false)) {
      lowPerS = middlePerS;
    } else {
      highPerS = middlePerS;
    }
  }
  return lowPerS;
}
