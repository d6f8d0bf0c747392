/*
 * Math.exp, Math.sin and Math.cos may differ in the last bit between JavaScript engines and processors. The committed
 * data and weights must come out identical everywhere, so the scripts use these: IEEE 754 additions and products only.
 */

// ln 2 as a sum; the high part has trailing zero bits, so that its small multiples are exact.
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const SMALLEST_ARGUMENT = -700;

const HALVINGS = Float64Array.from({ length: 1024 });
HALVINGS[0] = 1;
for (let power = 1; power < HALVINGS.length; power += 1) HALVINGS[power] = (HALVINGS[power - 1] as number) / 2;

/** e^x for x <= 0, within 1e-15 of it (relative); 0 below x = -700. */
export function expOfNonPositive(x: number): number {
  if (x < SMALLEST_ARGUMENT) return 0;
  const halvings = Math.round(-x / (LN2_HIGH + LN2_LOW));
  const rest = x + halvings * LN2_HIGH + halvings * LN2_LOW;
  let sum = 1;
  for (let order = 14; order > 0; order -= 1) sum = 1 + (rest / order) * sum;
  return sum * (HALVINGS[halvings] as number);
}

/** Sine and cosine of an angle in radians, |angle| <= 1; within 1e-15. */
export function sineAndCosine(angle: number): { readonly sine: number; readonly cosine: number } {
  const square = angle * angle;
  let sine = 1;
  let cosine = 1;
  for (let order = 18; order > 0; order -= 2) {
    cosine = 1 - (square / (order * (order - 1))) * cosine;
    sine = 1 - (square / (order * (order + 1))) * sine;
  }
  return { sine: angle * sine, cosine };
}

/** Writes the softmax of `scores` over `scores` itself. */
export function softmaxInPlace(scores: Float64Array): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > highest) highest = score;
  let sum = 0;
  for (let at = 0; at < scores.length; at += 1) {
    const power = expOfNonPositive((scores[at] as number) - highest);
    scores[at] = power;
    sum += power;
  }
  for (let at = 0; at < scores.length; at += 1) scores[at] = (scores[at] as number) / sum;
}
