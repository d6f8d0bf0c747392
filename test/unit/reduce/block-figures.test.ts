import { describe, expect, it } from 'vitest';
import { blockCount, blockFold, type Figure, figureBins } from '../../../src/reduce/block-figures.js';
import type { Sample } from '../../../src/samples/sample.js';
import { US_PER_S } from '../../../src/units.js';
import { blockOf, sample } from '../../support/samples.js';

const CUT = { fromUs: US_PER_S, toUs: 26 * US_PER_S, blockUs: 10 * US_PER_S };
const P50: Figure = { metric: 'latency', of: 0.5, population: 'all_inf' };
const MAX: Figure = { metric: 'latency', of: 'max', population: 'all_inf' };
/** What HDR's three digits may add. */
const DIGITS = 0.001;

function folded(samples: readonly Sample[], cut = CUT) {
  const bins = figureBins(blockCount(cut));
  const side = figureBins(1);
  blockFold(cut, { bins, first: 0, side }).rows(blockOf(samples));
  return {
    side,
    blocks: (figure: Figure) => Array.from({ length: blockCount(cut) }, (_, bin) => bins.valueOf(figure, bin)),
    whole: (figure: Figure) => side.valueOf(figure, 0),
  };
}

/** An ok request due at a second that took so many ms. */
const took = (atS: number, ms: number, more: Partial<Sample> = {}) =>
  sample({ intendedUs: atS * US_PER_S, startUs: atS * US_PER_S + 1000, endUs: atS * US_PER_S + ms * 1000, ...more });

describe('blocks of a run', () => {
  it('are the whole ones, the last with what is left, in the order of intended starts', () => {
    expect(blockCount(CUT)).toBe(2);
    const { blocks, whole } = folded([took(1, 10), took(10.9, 20), took(11, 30), took(25.9, 30)]);
    expect(blocks(MAX)).toEqual([20, 30]);
    expect((blocks(P50)[0] as number) / 10 - 1).toBeLessThan(DIGITS);
    expect(whole({ metric: 'latency', of: 'avg', population: 'ok' })).toBe(22.5);
    expect(blocks({ metric: 'service_time', of: 'max', population: 'ok' })).toEqual([19, 29]);
  });

  it('leave the warm-up out and count throughput by the end inside of the window', () => {
    const { blocks, whole } = folded([
      took(0.5, 900, { phase: 'warmup' }),
      took(10.9, 200, { batch: 4 }),
      took(25.9, 200, { batch: 4 }),
    ]);
    expect(blocks({ metric: 'throughput' })).toEqual([0, 1 / 15]);
    expect(blocks({ metric: 'items' })).toEqual([0, 4 / 15]);
    expect(whole({ metric: 'throughput' })).toBe(1 / 25);
    expect(blocks(MAX)).toEqual([200, 200]);
  });

  it('pool the gaps of chunks by the end of their answer', () => {
    const bins = figureBins(2);
    const side = figureBins(1);
    const { gaps } = blockFold(CUT, { bins, first: 0, side });
    gaps({ phase: 'warmup', endUs: 0.5 * US_PER_S, gapsUs: [9_000] });
    gaps({ phase: 'measure', endUs: 2 * US_PER_S, gapsUs: [1_000, 3_000] });
    gaps({ phase: 'measure', endUs: 12 * US_PER_S, gapsUs: [8_000] });
    gaps({ phase: 'drain', endUs: 27 * US_PER_S, gapsUs: [10_000] });
    const mean: Figure = { metric: 'itl_chunk', of: 'avg', population: 'ok' };
    expect([0, 1].map((bin) => bins.valueOf(mean, bin))).toEqual([2, 9]);
    expect(side.valueOf(mean, 0)).toBe(5.5);
  });

  it('let what failed or was dropped never end, and leave out failures of this machine', () => {
    const failed = { outcome: 'http_5xx', origin: 'target' } as const;
    const { blocks, whole, side } = folded([
      took(2, 10),
      took(3, 1, failed),
      took(4, 1, { outcome: 'dropped', startUs: undefined, endUs: undefined }),
      took(12, 10),
      took(13, 1, { outcome: 'local_ports', origin: 'local' }),
    ]);
    expect(blocks(MAX)).toEqual([Number.POSITIVE_INFINITY, 10]);
    expect(blocks(P50)[0]).toBe(Number.POSITIVE_INFINITY);
    expect(blocks({ ...MAX, population: 'ok' })).toEqual([10, 10]);
    expect(blocks({ metric: 'error_rate' })).toEqual([2 / 3, 0]);
    expect(whole({ metric: 'error_rate' })).toBe(0.5);
    expect(side.lost).toBe(2);
  });

  it('have no value without requests, and no percentile of fewer than 1/(1 - p)', () => {
    const { blocks } = folded([took(2, 10)]);
    expect(blocks(P50)).toEqual([null, null]);
    expect(blocks({ metric: 'error_rate' })).toEqual([0, null]);
    const p95: Figure = { metric: 'latency', of: 0.95, population: 'all_inf' };
    const many = (n: number) => Array.from({ length: n }, (_, k) => took(2, k + 1));
    expect(folded(many(19)).blocks(p95)[0]).toBeNull();
    expect((folded(many(20)).blocks(p95)[0] as number) / 19 - 1).toBeLessThan(DIGITS);
  });

  it('take the tokens of streamed answers: TTFT from the intended start, TPOT from the second token on', () => {
    const atUs = 2 * US_PER_S;
    const streamed = { firstTokenUs: atUs + 100_000, lastTokenUs: atUs + 180_000, tokensOut: 5, chunks: 3 };
    const { whole, side } = folded([
      took(2, 180, streamed),
      took(3, 180, { ...streamed, firstTokenUs: 3_100_000, lastTokenUs: 3_180_000 }),
    ]);
    expect(side.streamed).toBe(true);
    expect(whole({ metric: 'ttft', of: 0.5, population: 'ok' })).toBe(100);
    expect(whole({ metric: 'tpot', of: 0.5, population: 'ok' })).toBe(20);
  });

  it('of several runs that share their bins are merged request by request, never averaged', () => {
    const bins = figureBins(2);
    const side = figureBins(1);
    const into = { bins, first: 0, side };
    blockFold(CUT, into).rows(blockOf(Array.from({ length: 9 }, () => took(2, 10))));
    blockFold(CUT, into).rows(blockOf([took(2, 1000)]));
    expect((bins.valueOf(P50, 0) as number) / 10 - 1).toBeLessThan(DIGITS);
    expect(side.valueOf({ metric: 'latency', of: 'max', population: 'ok' }, 0)).toBe(1000);
  });
});
