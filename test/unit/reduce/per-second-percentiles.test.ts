import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ATTRIBUTIONS,
  type Attribution,
  type PerSecondOptions,
  perSecondFold,
} from '../../../src/reduce/per-second-percentiles.js';
import { type RequestBlock, requestBlock } from '../../../src/samples/request-block.js';

interface Request {
  readonly start: number;
  readonly end: number;
  readonly latency: number;
  readonly ok?: boolean;
}

function blockOf(requests: readonly Request[]): RequestBlock {
  const block = requestBlock(requests.length);
  for (const { start, end, latency, ok = true } of requests) {
    const row = block.count++;
    block.start[row] = start;
    block.end[row] = end;
    block.latency[row] = latency;
    block.ok[row] = ok ? 1 : 0;
    block.line[row] = row + 1;
  }
  return block;
}

function fold(requests: readonly Request[], options: Partial<PerSecondOptions> & { timeFactor?: number } = {}) {
  const { timeFactor = 1000, ...rest } = options;
  const folded = perSecondFold({ by: 'completion', population: 'ok', countsOnly: false, ...rest });
  folded.add(blockOf(requests), { file: 'raw.csv', timeFactor });
  return folded.finish();
}

function seconds(requests: readonly Request[], options: Parameters<typeof fold>[1] = {}, p = 0.95) {
  return Array.from(fold(requests, options).seconds(), ({ epochS, count, histogram }) => [
    epochS,
    count,
    histogram?.percentileUs(p) ?? null,
  ]);
}

const row = (start: number, latency: number, ok = true): Request => ({ start, end: start + latency, latency, ok });

describe('worked example A', () => {
  const requests = [
    row(1_700_000_000_000, 100),
    row(1_700_000_000_250, 200),
    row(1_700_000_000_900, 300),
    row(1_700_000_001_000, 50),
    row(1_700_000_001_500, 1600),
    row(1_700_000_002_000, 10),
    row(1_700_000_002_999, 1),
    row(1_700_000_003_000, 400),
  ];

  it.each<[Attribution, readonly (readonly [count: number, ms: number])[]]>([
    [
      'completion',
      [
        [2, 200],
        [2, 300],
        [1, 10],
        [3, 1600],
      ],
    ],
    [
      'start',
      [
        [3, 300],
        [2, 1600],
        [2, 10],
        [1, 400],
      ],
    ],
    [
      'intended',
      [
        [3, 300],
        [2, 1600],
        [2, 10],
        [1, 400],
      ],
    ],
    [
      'overlap',
      [
        [3, 300],
        [3, 1600],
        [3, 1600],
        [3, 1600],
      ],
    ],
  ])('by %s', (by, want) => {
    const rows = want.map(([count, ms], index) => [1_700_000_000 + index, count, ms * 1000]);
    expect(seconds(requests, { by })).toEqual(rows);
  });
});

describe('seconds', () => {
  it('without a sample are there, with nothing in them', () => {
    expect(seconds([row(0, 100), row(3200, 100)])).toEqual([
      [0, 1, 100_000],
      [1, 0, null],
      [2, 0, null],
      [3, 1, 100_000],
    ]);
  });

  it('a boundary belongs to the second that begins with it', () => {
    expect(seconds([row(999, 1)])).toEqual([[1, 1, 1000]]);
    expect(seconds([row(999, 1)], { by: 'overlap' }).map(([second]) => second)).toEqual([0, 1]);
    expect(seconds([row(1000, 0)], { by: 'overlap' }).map(([second]) => second)).toEqual([1]);
  });

  it('are floored, not rounded, up to the largest times', () => {
    const end = 9_007_199_254_739_999;
    expect(seconds([{ start: end, end, latency: 0 }])[0]?.[0]).toBe(9_007_199_254_739);
    expect(seconds([{ start: end, end, latency: 0 }], { timeFactor: 1_000_000 })[0]?.[0]).toBe(9_007_199_254);
  });

  it('keep equal rows', () => {
    expect(seconds([row(0, 10), row(0, 10), row(0, 30)])).toEqual([[0, 3, 30_000]]);
  });

  it('of failures alone are empty, and show an outage at both ends', () => {
    const requests = [row(0, 5, false), row(1000, 7), row(2000, 9, false)];
    expect(seconds(requests)).toEqual([
      [0, 0, null],
      [1, 1, 7000],
      [2, 0, null],
    ]);
    expect(seconds(requests, { population: 'all' }).map(([, count]) => count)).toEqual([1, 1, 1]);
    expect(fold(requests).samples).toBe(1);
  });

  it('of no request at all are none', () => {
    expect(fold([]).firstS).toBeNull();
    expect(seconds([])).toEqual([]);
  });

  it('counts need no latencies', () => {
    expect(seconds([row(0, 10), row(0, 20), row(2000, 5)], { countsOnly: true })).toEqual([
      [0, 2, null],
      [1, 0, null],
      [2, 1, null],
    ]);
  });

  it('blocks of different units meet in the same second', () => {
    const both = perSecondFold({ by: 'completion', population: 'ok', countsOnly: false });
    both.add(blockOf([row(1_000_000, 20)]), { file: 'ms.csv', timeFactor: 1000 });
    both.add(blockOf([row(1_000_500_000, 30_000)]), { file: 'us.csv', timeFactor: 1_000_000 });
    const [only] = [...both.finish().seconds()];
    expect([only?.epochS, only?.count, only?.histogram?.maxUs]).toEqual([1000, 2, 30_000]);
  });

  it('what is longer than an hour is counted', () => {
    const stream = fold([row(0, 1), row(0, 3_600_001), { start: 0, end: 1, latency: 67_108_863 }]);
    expect(stream.overlong).toBe(2);
    expect(seconds([{ start: 0, end: 1, latency: 67_108_863 }])).toEqual([[0, 1, 67_108_863_000]]);
  });
});

describe('spans that are a mistake of units', () => {
  it('are refused with the line that makes them', () => {
    expect(() => fold([row(1_700_000_000, 1), row(1_700_000_000_000, 1)])).toThrow(
      'raw.csv:2: this row is in second 1700000000, the rows before it in 1700000 to 1700000: that is more than 10000000',
    );
  });

  it('are refused in either direction, and within one row', () => {
    expect(() => fold([row(1_700_000_000_000, 1), row(5, 1)])).toThrow('raw.csv:2: this row is in second 0');
    expect(() => fold([{ start: 5, end: 1_700_000_000_000, latency: 1 }], { by: 'overlap' })).toThrow(
      'raw.csv:1: this row covers the seconds 0 to 1700000000',
    );
  });

  it('ten million seconds are still taken', () => {
    const requests = [row(0, 0), row(9_999_999_000, 0)];
    expect(fold(requests, { countsOnly: true }).samples).toBe(2);
    expect(() => fold([row(0, 0), row(10_000_000_000, 0)])).toThrow('raw.csv:2');
  });
});

describe('against exact nearest rank', () => {
  const latency = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 20_000 }));
  const request = fc.tuple(fc.nat({ max: 8000 }), latency).map(([start, ms]) => row(1_700_000_000_000 + start, ms));
  const share = fc.oneof(
    fc.constantFrom(0.5, 0.55, 0.07, 0.95, 0.99, 1),
    fc.double({ min: 0, max: 1, minExcluded: true, noNaN: true }),
  );

  /** The definitions, one second at a time. */
  function inSecond(by: Attribution, { start, end }: Request, second: number): boolean {
    const from = second * 1000;
    const to = from + 1000;
    return by === 'overlap'
      ? start < to && end >= from
      : by === 'completion'
        ? end >= from && end < to
        : start >= from && start < to;
  }

  it.each(ATTRIBUTIONS)('by %s: percentiles within 0.1 % + 1 us, counts exact, no second missing', (by) => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 200 }), share, (requests, p) => {
        const got = seconds(requests, { by }, p);
        const all = got.map(([second]) => second as number);
        expect(all).toEqual(all.map((_, index) => (all[0] as number) + index));
        let counted = 0;
        for (const [second, count, us] of got) {
          const sorted = requests
            .filter((each) => inSecond(by, each, second as number))
            .map((each) => each.latency * 1000)
            .sort((a, b) => a - b);
          counted += sorted.length;
          expect(count).toBe(sorted.length);
          if (sorted.length === 0) {
            expect(us).toBeNull();
            continue;
          }
          const want = sorted[Math.max(1, Math.ceil(p * sorted.length * (1 - Number.EPSILON))) - 1] as number;
          expect(Math.abs((us as number) - want)).toBeLessThanOrEqual(want / 1000 + 1);
        }
        const everySecond = requests.map(({ start, end }) => Math.floor(end / 1000) - Math.floor(start / 1000) + 1);
        expect(counted).toBe(by === 'overlap' ? everySecond.reduce((sum, each) => sum + each, 0) : requests.length);
        expect(fold(requests, { by }).samples).toBe(counted);
      }),
      { numRuns: 60 },
    );
  });

  it.each(ATTRIBUTIONS)('by %s: the order of rows does not matter', (by) => {
    fc.assert(
      fc.property(
        fc
          .array(request, { minLength: 1, maxLength: 100 })
          .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(seconds(shuffled, { by })).toEqual(seconds(list, { by }));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  /** Rows by number, without randomness: `secondOf` says where a row falls. */
  function foldMany(rows: number, secondOf: (row: number) => number) {
    const folded = perSecondFold({ by: 'completion', population: 'ok', countsOnly: false });
    const block = requestBlock();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let each = 0; each < rows; ) {
      for (block.count = 0; block.count < block.start.length && each < rows; each++) {
        const at = block.count++;
        const latency = 1 + ((each * 7919) % 100_003) / 100;
        block.start[at] = secondOf(each) * 1000;
        block.end[at] = secondOf(each) * 1000;
        block.latency[at] = latency;
        block.ok[at] = 1;
      }
      folded.add(block, { file: 'many.csv', timeFactor: 1000 });
    }
    collect();
    const heapBytes = process.memoryUsage().heapUsed - before;
    return { stream: folded.finish(), heapBytes };
  }

  it('follows the number of seconds: 2 million rows shuffled over 100,000 s', () => {
    const { stream, heapBytes } = foldMany(2_000_000, (each) => (each * 48_271) % 100_000);
    expect(stream.samples).toBe(2_000_000);
    expect(heapBytes / 100_000).toBeLessThan(800);
    let counted = 0;
    for (const second of stream.seconds()) {
      counted += second.count;
      expect(second.histogram?.count).toBe(second.count);
    }
    expect(counted).toBe(2_000_000);
  });

  it.each<[string, (row: number) => number]>([
    ['sorted', (each) => Math.floor(each / 20_000)],
    ['shuffled', (each) => (each * 48_271) % 200],
    ['nearly sorted', (each) => Math.floor(each / 20_000) + ((each * 31) % 3)],
  ])('does not follow the number of rows: 4 million of 200 s, %s', (_, secondOf) => {
    const { stream, heapBytes } = foldMany(4_000_000, secondOf);
    expect(heapBytes).toBeLessThan(20_000_000);
    let counted = 0;
    for (const { count, histogram } of stream.seconds()) {
      counted += histogram?.count ?? 0;
      expect(histogram?.count).toBe(count);
    }
    expect(counted).toBe(4_000_000);
  });

  it('packing in between changes nothing', () => {
    const latencyOf = (each: number) => (each * each) % 977;
    const requests = Array.from({ length: 700_000 }, (_, each) => row((each % 3) * 1000, 0)).map((request, each) => ({
      ...request,
      latency: latencyOf(each),
    }));
    const stream = fold(requests);
    for (const { epochS, histogram } of stream.seconds()) {
      const sorted = requests
        .filter((_, each) => each % 3 === epochS)
        .map((request) => request.latency * 1000)
        .sort((a, b) => a - b);
      expect(histogram?.count).toBe(sorted.length);
      expect(histogram?.maxUs).toBe(sorted.at(-1));
      const want = sorted[Math.ceil(0.95 * sorted.length) - 1] as number;
      expect(Math.abs((histogram?.percentileUs(0.95) as number) - want)).toBeLessThanOrEqual(want / 1000 + 1);
    }
  });
});
