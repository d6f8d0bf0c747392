/** Seeded source of numbers for the generators and the trainers: same seed, same numbers, on every platform. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Uniform integer in [0, count). */
  index(count: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** Roughly normal with mean 0 and standard deviation 1; never beyond ±6. */
  normal(): number;
  /** One item of a list that is not empty. */
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy. */
  shuffled<T>(items: readonly T[]): T[];
}

/** Mulberry32 (public domain, T. Ettinger) behind the `Random` interface; `seed` is taken modulo 2^32. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  function index(count: number): number {
    return Math.floor(next() * count);
  }

  function normal(): number {
    // Sum of 12 uniforms: additions only, so that no platform's log or cos can change a bit of the output.
    let sum = -6;
    for (let draw = 0; draw < 12; draw += 1) sum += next();
    return sum;
  }

  function pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('Cannot pick from an empty list');
    return items[index(items.length)] as T;
  }

  function shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last -= 1) {
      const other = index(last + 1);
      const moved = result[last] as T;
      result[last] = result[other] as T;
      result[other] = moved;
    }
    return result;
  }

  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    index,
    chance: (probability) => next() < probability,
    normal,
    pick,
    shuffled,
  };
}
