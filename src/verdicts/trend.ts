/** The slope of a series over its index, per step, with its 95 % interval; null for fewer than four values. */
export function slopeOf(values: readonly number[]): { readonly low: number; readonly high: number } | null {
  const n = values.length;
  if (n < 4) {
    return null;
  }
  const meanX = (n - 1) / 2;
  const meanY = values.reduce((sum, value) => sum + value, 0) / n;
  const xx = values.reduce((sum, _, x) => sum + (x - meanX) ** 2, 0);
  const slope = values.reduce((sum, value, x) => sum + (x - meanX) * (value - meanY), 0) / xx;
  const rest = values.reduce((sum, value, x) => sum + (value - meanY - slope * (x - meanX)) ** 2, 0);
  const half = studentT(n - 2) * Math.sqrt(rest / (n - 2) / xx);
  return { low: slope - half, high: slope + half };
}

/**
 * The 97.5 % quantile of Student's t, by the expansion of Cornish and Fisher about the normal one, three terms: 3 % low for
 * 2 degrees of freedom, 1 % for 3. Source: Abramowitz and Stegun 26.7.5.
 */
export function studentT(degrees: number): number {
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}
