import type { LoadPattern } from '../patterns/pattern.js';
import { exponential, normal, type Random } from '../random.js';
import { US_PER_S } from '../units.js';

/**
 * How a rate becomes arrivals. Measured in expected arrivals (area under the rate curve), the gaps between them all
 * have the mean 1: `uniform` gaps are 1, `poisson` gaps exponential, `gamma` gaps have the given coefficient of
 * variation (1 is Poisson; less is smoother, more comes in bursts).
 */
export type Spacing =
  | { readonly kind: 'uniform' }
  | { readonly kind: 'poisson' }
  | { readonly kind: 'gamma'; readonly cv: number };

/** An open run as events: requests that are due when the schedule says, whatever the server does. */
export interface OpenSchedule {
  readonly model: 'open';
  /** Intended starts in µs from the run's start, in order. */
  readonly arrivalsUs: Float64Array;
  /** What is due before this is warm-up. */
  readonly warmupUs: number;
  /** The end of the load, the warm-up included. */
  readonly durationUs: number;
}

/** The curve is taken as level over so short a time: exact for steps on this grid and for straight lines. */
const CELL_US = 1_000;

/**
 * The intended start of each request. The n-th lies where the area under the rate curve (levels in requests per
 * second) reaches the sum of the first n gaps, so none depends on when another was really sent:
 *
 *     rate │     ╭───╮         area from the start to the n-th arrival = gap 1 + … + gap n
 *          │  ╭──╯▒▒▒╰──       uniform: n, so the first comes a full gap after the start
 *          │──╯▒▒▒▒▒▒▒│
 *          └──────────┴─── t
 *
 * For a Poisson process on a varying rate this is time rescaling. Source of the uniform case: k6's ramping arrival rate.
 */
export function arrivals(curve: LoadPattern, spacing: Spacing, random: Random): Float64Array {
  const gap = gapsOf(spacing, random);
  let times = new Float64Array(1024);
  let count = 0;
  let area = 0;
  let dueArea = gap();
  for (let cellUs = 0; cellUs < curve.durationUs; cellUs += CELL_US) {
    const widthUs = Math.min(CELL_US, curve.durationUs - cellUs);
    const perUs = curve.levelAt(cellUs + widthUs / 2) / US_PER_S;
    const areaAfter = area + perUs * widthUs;
    // The last of n equal gaps must not be lost to the rounding of n sums.
    while (perUs > 0 && dueArea <= areaAfter + 1e-9 * (1 + areaAfter)) {
      if (count === times.length) {
        const larger = new Float64Array(2 * count);
        larger.set(times);
        times = larger;
      }
      times[count++] = cellUs + Math.min(widthUs, Math.max(0, (dueArea - area) / perUs));
      dueArea += gap();
    }
    area = areaAfter;
  }
  return times.slice(0, count);
}

function gapsOf(spacing: Spacing, random: Random): () => number {
  switch (spacing.kind) {
    case 'uniform':
      return () => 1;
    case 'poisson':
      return () => exponential(random);
    case 'gamma': {
      // Shape k and scale 1/k have the mean 1 and the coefficient of variation 1/√k.
      const shape = 1 / spacing.cv ** 2;
      return () => gamma(shape, random) / shape;
    }
  }
}

/**
 * A draw of the gamma distribution of a shape, scale 1. Source: Marsaglia and Tsang 2000; shapes below 1 by their
 * boost Gamma(k) = Gamma(k + 1) · U^(1/k).
 */
function gamma(shape: number, random: Random): number {
  if (shape < 1) {
    return gamma(shape + 1, random) * (1 - random.unit()) ** (1 / shape);
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.unit()) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
      return d * v;
    }
  }
}
