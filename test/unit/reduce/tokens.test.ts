import { describe, expect, it } from 'vitest';
import { type Asked, recordEnd } from '../../../src/engine/exchange.js';
import { openaiChat } from '../../../src/protocols/openai.js';
import type { BodyPieces } from '../../../src/protocols/protocol.js';
import { perSecond } from '../../../src/reduce/per-second.js';
import { totals } from '../../../src/reduce/summary.js';
import type { ChunkGaps } from '../../../src/samples/chunk-gaps.js';
import type { Sample } from '../../../src/samples/sample.js';
import { WHOLE } from '../../../src/schedule/shard.js';
import { blockOf, sample, sampleRows } from '../../support/samples.js';

const WINDOW = { fromUs: 0, toUs: 10e6 };
const codec = await openaiChat.create({ model: 'm', 'max-tokens': undefined, stream: true }, '');
const request = codec.encode([{ kind: 'text', text: 'hi' }]);

/** A streamed answer: its chunks' texts and the ms at which each came, and what its usage says. */
interface Streamed {
  readonly startMs?: number;
  readonly chunks: readonly (readonly [text: string, atMs: number])[];
  readonly endMs: number;
  readonly tokens?: number;
  readonly phase?: Sample['phase'];
}

/** What the way from the bytes of answers to the totals makes of them. */
function measured(answers: readonly Streamed[]) {
  const rows = sampleRows(answers.length);
  const gaps: ChunkGaps[] = [];
  const options = {
    shard: WHOLE,
    protocol: codec,
    room: rows.room,
    gaps: (one: ChunkGaps) => gaps.push(one),
  };
  for (const [seq, { startMs = 0, chunks, endMs, tokens, phase = 'measure' }] of answers.entries()) {
    const usage = tokens === undefined ? [] : [`data: {"choices":[],"usage":{"completion_tokens":${tokens}}}\n\n`];
    const parts = [
      ...chunks.map(([text]) => `data: {"choices":[{"delta":{"content":${JSON.stringify(text)}}}]}\n\n`),
      `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n${usage}data: [DONE]\n\n`,
    ];
    const pieces: BodyPieces = { endBytes: [], atUs: [] };
    let bytes = 0;
    for (const [nth, part] of parts.entries()) {
      bytes += part.length;
      pieces.endBytes.push(bytes);
      pieces.atUs.push((chunks[nth]?.[1] ?? endMs) * 1000);
    }
    const startUs = startMs * 1000;
    const asked: Asked = { seq, user: 0, phase, intendedUs: startUs, request, slip: { deadlineUs: 60e6 } };
    recordEnd(
      options,
      asked,
      {
        outcome: 'ok',
        origin: undefined,
        status: 200,
        startUs,
        firstByteUs: startUs,
        endUs: endMs * 1000,
        bytesIn: bytes,
        reused: true,
        response: { status: 200, headers: {}, body: Buffer.from(parts.join('')), pieces },
        detail: undefined,
      },
      startUs,
    );
  }
  const whole = totals(() => WINDOW);
  const block = rows.room();
  whole.rows(block);
  for (const one of gaps) {
    whole.gaps(one);
  }
  return { tokens: whole.finish().tokens, samples: rows.samples(), gaps, block };
}

const fiveAnswers: Streamed = {
  chunks: [
    ['', 5],
    ['one two', 100],
    [' three four', 140],
    [' five', 180],
  ],
  endMs: 180,
  tokens: 5,
};

describe('TTFT 100 ms, end at 180 ms, 5 tokens in 3 chunks', () => {
  const { tokens, samples } = measured([fiveAnswers]);

  it('has the 40, 20 and 36 ms that other tools all call by one name, each under its own', () => {
    expect(tokens?.ttft.p50_ms).toBe(100);
    expect(tokens?.itl_chunk).toMatchObject({ n: 2, mean_ms: 40 });
    expect(tokens?.tpot).toMatchObject({ n: 1, mean_ms: 20 });
    expect(tokens?.ntpot).toMatchObject({ n: 1, mean_ms: 36 });
    expect(tokens?.tokens_per_chunk_mean).toBeCloseTo(5 / 3);
    expect(tokens?.per_request.mean_per_s).toBeCloseTo(5 / 0.18);
    expect(tokens?.per_request.median_per_s).toBeCloseTo(5 / 0.18, 0);
    expect(tokens).toMatchObject({ counted_n: 1, tokens_out_n: 5, tokens_out_per_s: 0.5, streams_n: 1, buffered_n: 0 });
  });

  it('has its times in the row', () => {
    expect(samples[0]).toMatchObject({ tokensOut: 5, firstTokenUs: 100_000, lastTokenUs: 180_000, chunks: 3 });
  });
});

describe('an answer', () => {
  it('without text has no times and no tokens per chunk: absent, never 0', () => {
    const { tokens, samples } = measured([{ chunks: [['', 10]], endMs: 20, tokens: 0 }]);
    for (const of of [tokens?.ttft, tokens?.itl_chunk, tokens?.tpot, tokens?.ntpot]) {
      expect(of).toMatchObject({ n: 0, mean_ms: null, p50_ms: null, max_ms: null });
    }
    expect(tokens).toMatchObject({ counted_n: 1, tokens_out_n: 0, tokens_per_chunk_mean: null });
    expect(tokens?.per_request).toEqual({ mean_per_s: null, median_per_s: null });
    expect(samples[0]).toMatchObject({ tokensOut: 0, firstTokenUs: undefined, lastTokenUs: undefined, chunks: 0 });
  });

  it('of one token has a TTFT and an NTPOT, and neither TPOT nor gaps', () => {
    const { tokens } = measured([{ chunks: [['one', 30]], endMs: 40, tokens: 1 }]);
    expect([tokens?.ttft.p50_ms, tokens?.ntpot.p50_ms]).toEqual([30, 40]);
    expect([tokens?.tpot.n, tokens?.tpot.p50_ms, tokens?.itl_chunk.n, tokens?.itl_chunk.p50_ms]).toEqual([
      0,
      null,
      0,
      null,
    ]);
  });

  it('of five tokens in one chunk has no TPOT: they were not 0 ms apart', () => {
    const { tokens } = measured([{ chunks: [['one two three four five', 30]], endMs: 40, tokens: 5 }]);
    expect(tokens?.tpot).toMatchObject({ n: 0, mean_ms: null });
    expect([tokens?.ttft.p50_ms, tokens?.ntpot.p50_ms, tokens?.tokens_per_chunk_mean]).toEqual([30, 8, 5]);
  });

  it('whose server counts nothing has times and gaps, but nothing per token', () => {
    const { tokens } = measured([
      {
        chunks: [
          ['one', 30],
          ['two', 50],
        ],
        endMs: 60,
      },
    ]);
    expect(tokens?.ttft.p50_ms).toBe(30);
    expect(tokens?.itl_chunk.mean_ms).toBe(20);
    expect([tokens?.counted_n, tokens?.tpot.n, tokens?.ntpot.n, tokens?.tokens_per_chunk_mean]).toEqual([
      0,
      0,
      0,
      null,
    ]);
  });

  it('that came all at once is counted as such, and its times are withheld', () => {
    const { tokens, gaps } = measured([
      {
        chunks: [
          ['a', 90],
          ['b', 90],
          ['c', 90.5],
        ],
        endMs: 91,
        tokens: 3,
      },
      fiveAnswers,
    ]);
    expect(tokens).toMatchObject({
      streams_n: 2,
      buffered_n: 1,
      counted_n: 2,
      ttft: { n: 1 },
      tpot: { n: 1 },
      ntpot: { n: 2 },
    });
    expect(gaps.length).toBe(1);
  });

  it('of the warm-up is in no figure', () => {
    expect(measured([{ ...fiveAnswers, phase: 'warmup' }]).tokens).toBeNull();
  });

  it('that ended after the window counts in the sum, and not in the rate', () => {
    const late = {
      ...fiveAnswers,
      startMs: 9_900,
      endMs: 10_100,
      chunks: fiveAnswers.chunks.map(([text, atMs]) => [text, atMs + 9_900] as const),
    };
    expect(measured([late, fiveAnswers]).tokens).toMatchObject({ tokens_out_n: 10, tokens_out_per_s: 0.5 });
  });
});

it('the time to the first token is from the intended start, and beside it from the real one', () => {
  const whole = totals(() => WINDOW);
  whole.rows(blockOf([sample({ intendedUs: 0, startUs: 7_000, firstTokenUs: 9_000, lastTokenUs: 9_000, chunks: 1 })]));
  expect(whole.finish().tokens).toMatchObject({ ttft: { p50_ms: 9 }, ttft_service: { p50_ms: 2 } });
});

it('gaps pooled over answers and the mean of TPOT are two means that differ', () => {
  const every10ms = Array.from({ length: 101 }, (_, nth) => ['x', 10 + 10 * nth] as const);
  const { tokens } = measured([
    {
      chunks: [
        ['a', 10],
        ['b', 110],
      ],
      endMs: 110,
      tokens: 2,
    },
    { chunks: every10ms, endMs: 1010, tokens: 101 },
  ]);
  expect(tokens?.itl_chunk.mean_ms).toBeCloseTo((100 + 100 * 10) / 101, 2);
  expect(tokens?.tpot.mean_ms).toBeCloseTo(55, 5);
});

it('without any tokens there are no figures about them', () => {
  const whole = totals(() => WINDOW);
  whole.rows(blockOf([sample(), sample({ outcome: 'http_5xx', origin: 'target', tokensOut: 7 })]));
  expect(whole.finish().tokens).toBeNull();
});

it('gaps are in the second in which their answer ended', () => {
  const fold = perSecond(1_700_000_000_000_000);
  fold.rows(blockOf([sample({ endUs: 1_500_000 }), sample({ endUs: 2_500_000 })]));
  fold.gaps({ phase: 'measure', endUs: 2_500_000, gapsUs: [40_000.4, 20_000, 30_000] });
  const seconds = [...fold.histograms()].map(({ epochS, metric, histogram }) => [
    epochS - 1_700_000_000,
    metric,
    histogram.count,
  ]);
  expect(seconds).toEqual([
    [1, 'latency', 1],
    [1, 'service', 1],
    [2, 'latency', 1],
    [2, 'service', 1],
    [2, 'itl_chunk', 3],
  ]);
});
