/**
 * How the golden server behaves: pure functions from when a request came to when its answer is due. All times are ms from
 * the arrival of the first request.
 */
export type Mode =
  | { readonly kind: 'constant'; readonly ms: number }
  /** Every `slowEvery`-th request takes `slowMs`: a known share, not one in the mean. */
  | { readonly kind: 'bimodal'; readonly ms: number; readonly slowMs: number; readonly slowEvery: number }
  /** The logarithm of the time is normal with this standard deviation. */
  | { readonly kind: 'lognormal'; readonly medianMs: number; readonly sigma: number; readonly seed: number }
  /** Nothing is answered that comes in the last `stallMs` of every `everyMs`; then all of it after `ms`. */
  | { readonly kind: 'periodic stall'; readonly ms: number; readonly everyMs: number; readonly stallMs: number }
  | { readonly kind: 'single stall'; readonly ms: number; readonly atMs: number; readonly stallMs: number }
  /** The process itself stops for `freezeMs`: requests wait unread in the kernel. */
  | { readonly kind: 'freeze'; readonly ms: number; readonly atMs: number; readonly freezeMs: number }
  /** Each request takes longer by `perRequestMs` for each that is served already. */
  | { readonly kind: 'load'; readonly ms: number; readonly perRequestMs: number };

/** When the answer is due to the request that came at `atMs` as the `index`-th, with so many others in service. */
export type Service = (atMs: number, index: number, inService: number) => number;

/** The behaviour of a mode. */
export function serviceOf(mode: Mode): Service {
  switch (mode.kind) {
    case 'constant':
    case 'freeze':
      return (atMs) => atMs + mode.ms;
    case 'bimodal':
      return (atMs, index) => atMs + ((index + 1) % mode.slowEvery === 0 ? mode.slowMs : mode.ms);
    case 'lognormal': {
      const unit = unitNumbers(mode.seed);
      return (atMs) => atMs + mode.medianMs * Math.exp(mode.sigma * normal(unit));
    }
    case 'periodic stall': {
      const { ms, everyMs, stallMs } = mode;
      return (atMs) => {
        const leftMs = everyMs - (atMs % everyMs);
        return atMs + (leftMs <= stallMs ? leftMs : 0) + ms;
      };
    }
    case 'single stall': {
      const { ms, atMs: fromMs, stallMs } = mode;
      return (atMs) => (atMs >= fromMs && atMs < fromMs + stallMs ? fromMs + stallMs : atMs) + ms;
    }
    case 'load':
      return (atMs, _index, inService) => atMs + mode.ms + mode.perRequestMs * inService;
  }
}

/** Numbers from 0 to 1, excluding 0. Source: Marsaglia's xorshift32. */
function unitNumbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** A draw of the standard normal distribution. Source: Box and Muller's transform. */
function normal(unit: () => number): number {
  return Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
}
