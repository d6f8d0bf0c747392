import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** What a stream of random numbers is for. Streams of one seed are independent, so using one more never shifts another. */
export type RandomStream = 'arrivals' | 'dataset' | 'think' | 'tokens' | 'service' | 'faults';

export interface Random {
  /** Uniform in [0, 1). */
  unit(): number;
  /** Uniform whole number in [0, limit). */
  below(limit: number): number;
}

/** The seeded generator of one stream: the same seed and stream give the same numbers on every machine. */
export function random(seed: number, stream: RandomStream): Random {
  const generator = xoroshiro128plus(seed ^ fnv1a(stream));
  return {
    unit: () => uniformFloat64(generator),
    below: (limit) => uniformInt(generator, 0, limit - 1),
  };
}

/** A draw of the exponential distribution with mean 1, by inversion. */
export function exponential(source: Random): number {
  return -Math.log1p(-source.unit());
}

/** A draw of the standard normal distribution. Source: Box and Muller's transform. */
export function normal(source: Random): number {
  return Math.sqrt(2 * exponential(source)) * Math.cos(2 * Math.PI * source.unit());
}

/** 0 … size − 1 in an order drawn by Fisher and Yates' shuffle. */
export function shuffledIndexes(size: number, source: Random): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, index) => index);
  for (let last = size - 1; last > 0; last--) {
    const other = source.below(last + 1);
    const held = order[last] as number;
    order[last] = order[other] as number;
    order[other] = held;
  }
  return order;
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo): gives each stream its own seed. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
