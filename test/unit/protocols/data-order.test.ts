import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DataOrder, payloadIndex, repeatedRatio } from '../../../src/protocols/data-order.js';

const PAYLOADS = 500;
const indexes = (order: DataOrder, requests: number, { payloads = PAYLOADS, seed = 1 } = {}) => {
  const index = payloadIndex(order, payloads, seed);
  return Array.from({ length: requests }, (_, request) => index(request));
};
const all = (payloads = PAYLOADS) => Array.from({ length: payloads }, (_, index) => index);
const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);

const ORDERS: readonly DataOrder[] = [
  { kind: 'unique' },
  { kind: 'shuffle' },
  { kind: 'repeat', rate: 0.95 },
  { kind: 'zipf', exponent: 1 },
];

describe.each(ORDERS)('the order $kind', (order) => {
  it('is a function of the request alone: any of them can be asked for first', () => {
    const whole = indexes(order, 3000);
    const index = payloadIndex(order, PAYLOADS, 1);
    for (const request of [2999, 0, 1500, 1500, 7]) {
      expect(index(request)).toBe(whole[request]);
    }
  });

  it('stays within the payloads, however few there are and however far it goes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.maxSafeNat(),
        fc.nat({ max: 2 ** 32 - 1 }),
        (payloads, request, seed) => {
          const index = payloadIndex(order, payloads, seed)(request);
          expect(Number.isInteger(index) && index >= 0 && index < payloads).toBe(true);
        },
      ),
    );
  });

  it('is another for another seed, where it is drawn', () => {
    const same = indexes(order, 2000, { seed: 1 }).join() === indexes(order, 2000, { seed: 2 }).join();
    expect(same).toBe(order.kind === 'unique');
  });
});

describe('unique and shuffle', () => {
  it.each(['unique', 'shuffle'] as const)('%s sends each once before any comes again', (kind) => {
    const passes = indexes({ kind }, 3 * PAYLOADS);
    for (const pass of [0, 1, 2]) {
      expect(sorted(passes.slice(pass * PAYLOADS, (pass + 1) * PAYLOADS))).toEqual(all());
    }
  });

  it('differ: the one goes round, the other has an order of its own each time, and neither is the plain one', () => {
    const [first, second] = [0, 1].map((pass) =>
      indexes({ kind: 'shuffle' }, 2 * PAYLOADS).slice(pass * PAYLOADS, (pass + 1) * PAYLOADS),
    ) as [number[], number[]];
    expect(second).not.toEqual(first);
    expect(first).not.toEqual(all());
    const round = indexes({ kind: 'unique' }, 2 * PAYLOADS);
    expect(round.slice(PAYLOADS)).toEqual(round.slice(0, PAYLOADS));
  });

  it('shuffle puts a payload anywhere alike', () => {
    const passes = 4000;
    const index = payloadIndex({ kind: 'shuffle' }, 10, 3);
    const places = new Array(10).fill(0);
    for (let pass = 0; pass < passes; pass++) {
      places[all(10).findIndex((place) => index(pass * 10 + place) === 7)]++;
    }
    // χ² of 9 degrees of freedom: 27.9 is its 99.9 % point.
    const expected = passes / 10;
    expect(places.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(27.9);
  });
});

describe('repeat', () => {
  it.each([0, 0.25, 0.5, 0.95, 1])('of %d repeats payload 0 in that share of each thousand, to a request', (rate) => {
    const sent = indexes({ kind: 'repeat', rate }, 5000, { payloads: 10_000 });
    for (let from = 0; from < 5000; from += 1000) {
      const share = sent.slice(from, from + 1000).filter((payload) => payload === 0).length / 1000;
      expect(Math.abs(share - rate)).toBeLessThanOrEqual(0.001);
    }
  });

  it('has a new payload for all others', () => {
    const others = indexes({ kind: 'repeat', rate: 0.5 }, 4000, { payloads: 3000 }).filter((payload) => payload !== 0);
    expect(others.length).toBe(2000);
    expect(new Set(others).size).toBe(2000);
  });

  it('mixes them: repeats follow repeats as if drawn', () => {
    const hot = indexes({ kind: 'repeat', rate: 0.5 }, 20_000, { payloads: 20_000 }).map((payload) => payload === 0);
    const pairs = hot.slice(1).filter((again, index) => again && hot[index]).length;
    // 5000 of 20,000 pairs; a strict alternation has none, a block of each 10,000.
    expect(Math.abs(pairs - 5000)).toBeLessThan(250);
  });

  it('has nothing else to send where there is one payload', () => {
    expect(new Set(indexes({ kind: 'repeat', rate: 0.5 }, 100, { payloads: 1 }))).toEqual(new Set([0]));
  });
});

describe('zipf', () => {
  it.each([0.8, 1, 1.5])('with the exponent %d sends the k-th as often as 1 / k^exponent', (exponent) => {
    const requests = 100_000;
    const counts = new Array(100).fill(0);
    for (const payload of indexes({ kind: 'zipf', exponent }, requests, { payloads: 100 })) {
      counts[payload]++;
    }
    const weights = counts.map((_, rank) => (rank + 1) ** -exponent);
    const sum = weights.reduce((a, b) => a + b);
    const chi2 = counts.reduce((total, n, rank) => {
      const expected = (requests * (weights[rank] as number)) / sum;
      return total + (n - expected) ** 2 / expected;
    }, 0);
    // 99 degrees of freedom: 148.2 is the 99.9 % point of χ².
    expect(chi2).toBeLessThan(148.2);
  });
});

describe('the share that is repeated', () => {
  it.each<[DataOrder, number, number | null]>([
    [{ kind: 'unique' }, 500, 0],
    [{ kind: 'unique' }, 1000, 0.5],
    [{ kind: 'shuffle' }, 2000, 0.75],
    // 50 of a thousand are new, and the repeated one itself is once.
    [{ kind: 'repeat', rate: 0.95 }, 1000, 0.949],
    [{ kind: 'unique' }, 0, null],
  ])('of %j in %d requests is %d', (order, requests, ratio) => {
    const found = repeatedRatio(payloadIndex(order, PAYLOADS, 1), PAYLOADS, requests);
    ratio === null ? expect(found).toBeNull() : expect(found).toBeCloseTo(ratio, 10);
  });
});
