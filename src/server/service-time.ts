import { exponential, normal, type Random } from '../random.js';
import { parseDurationUs } from '../units.js';

/** How long the model pretends to take. */
export type ServiceTime =
  /** The same for all, and so much more for each item of the batch. */
  | { readonly kind: 'linear'; readonly baseUs: number; readonly perItemUs: number }
  /** The logarithm is normal with the standard deviation `sigma`. */
  | { readonly kind: 'lognormal'; readonly medianUs: number; readonly sigma: number }
  | { readonly kind: 'exponential'; readonly meanUs: number };

/** Reads `5ms`, `2ms+0.5ms`, `lognormal:20ms,0.5` or `exponential:5ms`; undefined when it is none of them. */
export function parseServiceTime(text: string): ServiceTime | undefined {
  const [, kind = 'linear', words = ''] = /^(?:([a-z]+):)?(.*)$/s.exec(text) ?? [];
  switch (kind) {
    case 'linear': {
      const [base = '', perItem = '0', ...more] = words.split('+');
      const baseUs = parseDurationUs(base);
      const perItemUs = parseDurationUs(perItem);
      return baseUs === undefined || perItemUs === undefined || more.length > 0
        ? undefined
        : { kind: 'linear', baseUs, perItemUs };
    }
    case 'lognormal': {
      const [, median = '', sigma] = /^([^,]+),(\d+(?:\.\d+)?)$/.exec(words) ?? [];
      const medianUs = parseDurationUs(median);
      return medianUs === undefined ? undefined : { kind: 'lognormal', medianUs, sigma: Number(sigma) };
    }
    case 'exponential': {
      const meanUs = parseDurationUs(words);
      return meanUs === undefined ? undefined : { kind: 'exponential', meanUs };
    }
    default:
      return undefined;
  }
}

/** Draws the time of one service after the other, µs, for a batch of so many items; only sums look at the items. */
export function serviceTimes(model: ServiceTime, source: Random): (items: number) => number {
  switch (model.kind) {
    case 'linear':
      return (items) => model.baseUs + model.perItemUs * items;
    case 'lognormal':
      return () => model.medianUs * Math.exp(model.sigma * normal(source));
    case 'exponential':
      return () => model.meanUs * exponential(source);
  }
}
