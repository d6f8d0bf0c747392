/** A pause in which nothing is worked on or answered, at the end of every period. */
export interface Stall {
  readonly stallUs: number;
  /** Longer than the stall; the first period begins at the clock's zero. */
  readonly everyUs: number;
}

/**
 * When work that begins at a moment is done: it rests during stalls. Work of 0 that begins in a stall is done at its end.
 *
 *     work done │      ╱──╱──       w(t) grows outside stalls, t ≥ 0
 *               │   ╱──             end = the last t with w(t) = w(start) + work
 *               │╱──    stall
 *               └───────────── t
 */
export function workEndsUs({ stallUs, everyUs }: Stall): (startUs: number, workUs: number) => number {
  const workingUs = everyUs - stallUs;
  return (startUs, workUs) => {
    const period = Math.floor(startUs / everyUs);
    const doneUs = period * workingUs + Math.min(startUs - period * everyUs, workingUs) + workUs;
    const wholePeriods = Math.floor(doneUs / workingUs);
    return wholePeriods * everyUs + (doneUs - wholePeriods * workingUs);
  };
}
