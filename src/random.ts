import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** What a stream of random numbers is for. Streams of one seed are independent, so using one more never shifts another. */
export type RandomStream =
  | 'arrivals'
  | 'dataset'
  | 'inputs'
  | 'order'
  | 'think'
  | 'tokens'
  | 'service'
  | 'faults'
  | 'relabelling'
  | 'interleaving';

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

/**
 * Random numbers by their index, each without those before it: threads that share a sequence agree on it whichever part
 * of it they ask for.
 */
export interface IndexedRandom {
  /** Uniform in [0, 1), 32 bits fine; the same for an index each time. */
  unitAt(index: number): number;
  /** Where a whole `place` in [0, size) goes when so many places are shuffled for the `round`-th time. */
  shuffledPlace(place: number, size: number, round: number): number;
}

/** As many rounds as make even a few places look shuffled. */
const FEISTEL_ROUNDS = 6;

/** The seeded numbers of one stream by their index; independent of those that `random` draws in order. */
export function indexedRandom(seed: number, stream: RandomStream): IndexedRandom {
  const key = mixed(seed ^ fnv1a(`${stream} by index`));

  function hash(index: number, round: number): number {
    const high = mixed(Math.floor(index / 2 ** 32) ^ Math.imul(round, 0x9e3779b1) ^ key);
    return mixed(mixed((index | 0) ^ high) ^ key);
  }

  return {
    unitAt: (index) => hash(index, 0) / 2 ** 32,
    // A permutation of a power of four by Feistel's network; what falls outside of the places goes round once more.
    shuffledPlace(place, size, round) {
      const halfBits = Math.max(1, Math.ceil(Math.log2(size) / 2));
      const half = 2 ** halfBits;
      let at = place;
      do {
        let left = Math.floor(at / half);
        let right = at % half;
        for (let step = 1; step <= FEISTEL_ROUNDS; step++) {
          const next = (left ^ hash(right, round * FEISTEL_ROUNDS + step)) & (half - 1);
          left = right;
          right = next;
        }
        at = left * half + right;
      } while (at >= size);
      return at;
    },
  };
}

/** The finalizer of MurmurHash3 (Austin Appleby): every bit of the input turns about half of the output's. Unsigned. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo): gives each stream its own seed. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
