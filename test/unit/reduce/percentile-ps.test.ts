import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentilePsOps, percentilePsTimes } from '../../../src/reduce/percentile-ps.js';
import { type PsRow, percentilePsReader } from '../../../src/samples/percentile-ps-reader.js';

const GOLDEN = new URL('../../fixtures/percentile-ps/', import.meta.url);

function parse(text: string, endsOnly = false): readonly PsRow[] {
  const reader = percentilePsReader(endsOnly);
  reader.feed('in.csv', Buffer.from(text));
  reader.endFile('in.csv');
  return reader.finish().rows;
}

function times(text: string, timeFactor = 1000, quantile = 0.95): readonly string[] {
  return Array.from(percentilePsTimes(parse(text), timeFactor, quantile), ({ second, value }) => `${second},${value}`);
}

function ops(text: string, timeFactor = 1000): readonly string[] {
  return Array.from(percentilePsOps(parse(text, true), timeFactor), ({ second, value }) => `${second},${value}`);
}

function golden(name: string): string {
  return readFileSync(new URL(name, GOLDEN), 'utf8');
}

describe('golden output of the original', () => {
  const cases = readdirSync(GOLDEN).filter((name) => name.endsWith('.csv'));
  const dataLines = (text: string) => text.split('\n').filter((line) => /^\d/.test(line));

  it('is there', () => {
    expect(cases).toHaveLength(17);
  });

  for (const file of cases) {
    const name = file.replace('.csv', '');
    it(`${name}, response times`, () => {
      if (existsSync(new URL(`${name}.rt95.err`, GOLDEN))) {
        expect(() => times(golden(file))).toThrow(/^in\.csv/);
      } else {
        expect(times(golden(file))).toEqual(dataLines(golden(`${name}.rt95.txt`)));
      }
    });
    if (existsSync(new URL(`${name}.ops.txt`, GOLDEN))) {
      it(`${name}, operations`, () => {
        expect(ops(golden(file))).toEqual(dataLines(golden(`${name}.ops.txt`)));
      });
    }
  }
});

describe('worked examples', () => {
  const values = (lines: readonly string[]) => lines.map((line) => Number(line.split(',')[1]));

  it.each([
    [0, [100, 50, 10, 1]],
    [0.5, [100, 100, 50, 10]],
    [1, [100, 301, 1607, 1607]],
    [1.5, [100, 301, 1607, 1607]],
    [95, [100, 301, 1607, 1607]],
    [-1, [100, 50, 10, 1]],
    [Number.NaN, [100, 50, 10, 1]],
  ])('case A at the quantile %d', (quantile, want) => {
    expect(values(times(golden('A.csv'), 1000, quantile))).toEqual(want);
  });

  it('microseconds', () => {
    const text =
      '1715000000000000,1715000000000500,500\n1715000000400000,1715000001400000,1000000\n1715000001000000,1715000001000090,90\n';
    expect(times(text, 1_000_000)).toEqual(['1715000000,501', '1715000001,1003519']);
  });

  it('nanoseconds of the epoch, which no double holds', () => {
    const text = '1715000000000000001,1715000000000000003,2\n1715000000500000000,1715000001500000000,77\n';
    expect(times(text, 1_000_000_000)).toEqual(['1715000000,2', '1715000001,77']);
    expect(ops(text, 1_000_000_000)).toEqual(['1715000000,1', '1715000001,1']);
  });

  it.each([
    [255, 255],
    [256, 257],
    [300, 301],
    [512, 515],
    [1000, 1003],
    [1023, 1023],
    [2047, 2047],
    [5000, 5023],
    [10_000, 10_047],
    [60_000, 60_159],
    [67_108_863, 67_108_863],
  ])('a latency of %d prints %d', (latency, printed) => {
    expect(times(`5000,6000,${latency}\n`, 1000)[0]).toBe(`5,${printed}`);
  });

  it.each([
    [0.55, 100, 56],
    [0.55, 180, 100],
    [0.55, 200, 111],
    [0.07, 100, 8],
    [0.07, 200, 15],
    [0.95, 20_000 / 100, 190],
  ])('the rank of %d among %d keeps the rounding of doubles: %d', (quantile, count, rank) => {
    const rows = Array.from({ length: count }, (_, index) => `${1000 + index},${3000},${index + 1}`);
    const second = times(rows.join('\n'), 1000, quantile)[1];
    expect(second).toBe(`2,${rank}`);
  });
});

describe('latencies that its histogram refuses', () => {
  it('are an error, with the line, where a window would record them', () => {
    expect(() => times('1000,1100,1\n1200,2300,67108864\n')).toThrow(
      'in.csv:2: latency 67108864 is above 67108863, which percentile-ps cannot record',
    );
  });

  it('are none where no window does', () => {
    // A later row with the same start, the wrapped first window, an end before the start, a start after the last window.
    expect(times('1000,1100,67108864\n1000,1200,7\n')).toEqual(['1,7']);
    expect(times('500,500,67108864\n')).toEqual(['0,0']);
    expect(times('5000,5100,1\n5500,100,99999999\n')).toEqual(['5,1']);
    expect(times('5000,5100,1\n5200,5300,99999999\n')).toEqual(['5,1']);
  });
});

it('more than ten million windows are refused', () => {
  expect(() => times('1000,1001,1\n1700000000000000,1700000000000001,1\n')).toThrow(
    'more than 10000000 lines of output',
  );
  expect(() => ops('1000,1001,1\n1700000000000000,1700000000000001,1\n')).toThrow('more than 10000000 lines of output');
});

/** A direct transcription of the description, quadratic and on its own arithmetic. */
function naiveTimes(text: string, timeFactor: bigint, quantile: number): readonly string[] {
  const u64 = (value: bigint) => ((value % 2n ** 64n) + 2n ** 64n) % 2n ** 64n;
  const byStart = new Map<bigint, { end: bigint; delay: number }>();
  const byEnd = new Set<bigint>();
  for (const line of text.trim().split('\n')) {
    const [start, end, delay] = line.split(',') as [string, string, string];
    byStart.set(BigInt(start), { end: BigInt(end), delay: Number(delay) });
    byEnd.add(BigInt(end));
  }
  const sortedStarts = [...byStart.keys()].sort((a, b) => (a < b ? -1 : 1));
  const lastEnd = [...byEnd].sort((a, b) => (a < b ? -1 : 1)).at(-1) as bigint;
  const lines: string[] = [];
  for (let t = sortedStarts[0] as bigint; t <= lastEnd; t += timeFactor) {
    const delays = sortedStarts
      .filter((start) => start <= t && (byStart.get(start)?.end as bigint) > u64(t - timeFactor))
      .map((start) => byStart.get(start)?.delay as number)
      .sort((a, b) => a - b);
    let value = 0;
    if (delays.length > 0) {
      const rank = Math.max(1, Math.ceil(Math.min(quantile, 1) * delays.length));
      const found = delays[rank - 1] as number;
      // 256 sub-buckets: the step doubles from 256 on.
      let step = 1;
      while (found >= 256 * step) {
        step *= 2;
      }
      value = Math.floor(found / step) * step + (quantile === 0 ? 0 : step - 1);
    }
    lines.push(`${t / timeFactor},${value}`);
  }
  return lines;
}

function naiveOps(text: string, timeFactor: number): readonly string[] {
  const ends = text
    .trim()
    .split('\n')
    .map((line) => Number(line.split(',')[1]))
    .sort((a, b) => a - b);
  const lines: string[] = [];
  for (let s = ends[0] as number; s < (ends.at(-1) as number); s += timeFactor) {
    lines.push(`${Math.floor(s / timeFactor)},${ends.filter((end) => end >= s && end <= s + timeFactor).length}`);
  }
  return lines;
}

describe('against a direct transcription of its description', () => {
  const time = fc.nat({ max: 5000 });
  const row = fc
    .tuple(time, fc.oneof(time, fc.nat({ max: 300 })), fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 60_000_000 })))
    .map(([start, length, latency]) => `${start},${start % 3 ? start + length : length},${latency}`);
  const text = fc.array(row, { minLength: 1, maxLength: 40 }).map((rows) => `${rows.join('\n')}\n`);
  const factor = fc.constantFrom(1, 7, 100, 1000, 2500);

  it('response times are the same, unsigned wrap-around and lost rows included', () => {
    fc.assert(
      fc.property(text, factor, fc.constantFrom(0, 0.07, 0.5, 0.55, 0.95, 0.99, 1), (input, timeFactor, quantile) => {
        expect(times(input, timeFactor, quantile)).toEqual(naiveTimes(input, BigInt(timeFactor), quantile));
      }),
      { numRuns: 300 },
    );
  });

  it('operations are the same', () => {
    fc.assert(
      fc.property(text, factor, (input, timeFactor) => {
        expect(ops(input, timeFactor)).toEqual(naiveOps(input, timeFactor));
      }),
      { numRuns: 300 },
    );
  });
});
