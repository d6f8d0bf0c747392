import { BUCKETS } from './buckets.js';

/** Seconds whose counts are kept flat at a time: rows come in the order of completion, starts lie some seconds before. */
export const OPEN_SECONDS = 8;

/** A second that has so many is packed and goes on from zero: its counts have 32 bits. */
export const MOST_OPEN = 2 ** 31;

/** Numbers that an open second has in `figures`; its overflow is not among what a scanner counts. */
export const FIGURES = 8;
export const SECOND = 0;
export const COUNT = 1;
export const SUM_US = 2;
export const MIN_US = 3;
export const MAX_US = 4;
export const OVERFLOW = 5;

/**
 * The seconds being written, in flat arrays that a scanner outside of JavaScript can count in too. Second s has place
 * s mod 8, while SECOND of that place is s; NaN stands in a free one.
 */
export interface OpenSeconds {
  readonly figures: Float64Array;
  /** BUCKETS for each place. */
  readonly counts: Uint32Array;
}

export const FIGURES_BYTES = OPEN_SECONDS * FIGURES * Float64Array.BYTES_PER_ELEMENT;
export const COUNTS_BYTES = OPEN_SECONDS * BUCKETS * Uint32Array.BYTES_PER_ELEMENT;

/** Places for open seconds in a buffer, which must hold zeros there. */
export function openSeconds(buffer: ArrayBuffer, figuresAt: number, countsAt: number): OpenSeconds {
  const figures = new Float64Array(buffer, figuresAt, OPEN_SECONDS * FIGURES);
  for (let place = 0; place < OPEN_SECONDS; place++) {
    freePlace(figures, place);
  }
  return { figures, counts: new Uint32Array(buffer, countsAt, OPEN_SECONDS * BUCKETS) };
}

/** The place of a second. */
export function placeOf(second: number): number {
  return second & (OPEN_SECONDS - 1);
}

export function freePlace(figures: Float64Array, place: number): void {
  const at = place * FIGURES;
  figures.fill(0, at, at + FIGURES);
  figures[at + SECOND] = Number.NaN;
  figures[at + MIN_US] = Number.POSITIVE_INFINITY;
  figures[at + MAX_US] = Number.NEGATIVE_INFINITY;
}
