import type { ChunkGaps } from '../samples/chunk-gaps.js';
import type { SampleBlock } from '../samples/sample.js';
import { US_PER_S } from '../units.js';
import { type Distribution, distribution } from './distribution.js';
import { type Histogram, histogram } from './histogram.js';

/**
 * What the tokens of a run come to: population `ok`, without the warm-up; n_out is the server's own count of tokens. What
 * an answer does not tell has no value, never 0: `n` of each is its own.
 */
export interface TokenTotals {
  /** Where n_out is from: no tokenizer is ever used. */
  readonly token_source: 'usage';
  /** Answers that counted their tokens, and their sum. */
  readonly counted_n: number;
  readonly tokens_out_n: number;
  /** Tokens of answers that ended in the measured window / its length. */
  readonly tokens_out_per_s: number;
  /** n_out / (end − start), one value per answer: their mean, and that of the answer with the median NTPOT. */
  readonly per_request: { readonly mean_per_s: number | null; readonly median_per_s: number | null };
  /** Streamed answers, and those of them whose content came all at once: these have no TTFT, TPOT and gaps. */
  readonly streams_n: number;
  readonly buffered_n: number;
  /** n_out / chunks with content, over all streams that counted. */
  readonly tokens_per_chunk_mean: number | null;
  /** First chunk with content − intended start. */
  readonly ttft: Distribution;
  /** First chunk with content − start. */
  readonly ttft_service: Distribution;
  /** Gaps between chunks with content, pooled over answers: long ones weigh more. */
  readonly itl_chunk: Distribution;
  /** (last chunk with content − first) / (n_out − 1), one value per answer with n_out ≥ 2 in two chunks or more. */
  readonly tpot: Distribution;
  /** (end − start) / n_out, one value per answer with n_out ≥ 1. */
  readonly ntpot: Distribution;
}

/** Folds the answers that tell of tokens; nothing is made before the first of them. */
interface TokenFold {
  /** A row of an `ok` answer. `inTime`: it ended in the measured window. */
  add(block: SampleBlock, row: number, inTime: boolean): void;
  gaps(answer: ChunkGaps): void;
  /** null when no answer told of tokens. */
  finish(windowS: number): TokenTotals | null;
}

interface Sums {
  readonly ttft: Histogram;
  readonly ttftService: Histogram;
  readonly itl: Histogram;
  readonly tpot: Histogram;
  readonly ntpot: Histogram;
  counted: number;
  tokens: number;
  tokensInTime: number;
  ratesPerS: number;
  streams: number;
  buffered: number;
  /** Of streams that counted their tokens. */
  chunks: number;
  tokensInChunks: number;
}

export function tokenFold(): TokenFold {
  let sums: Sums | undefined;

  return {
    add(block, row, inTime) {
      const tokens = block.tokensOut[row] as number;
      const chunks = block.chunks[row] as number;
      if (tokens < 0 && chunks < 0) {
        return;
      }
      sums ??= noSums();
      if (tokens >= 0) {
        addCount(sums, tokens, (block.endUs[row] as number) - (block.startUs[row] as number), inTime);
      }
      if (chunks >= 0) {
        addStream(sums, block, row);
      }
    },
    gaps({ phase, gapsUs }) {
      if (phase !== 'warmup') {
        sums ??= noSums();
        for (const gapUs of gapsUs) {
          sums.itl.record(gapUs);
        }
      }
    },
    finish: (windowS) => (sums === undefined ? null : totalsOf(sums, windowS)),
  };
}

function noSums(): Sums {
  return {
    ttft: histogram(),
    ttftService: histogram(),
    itl: histogram(),
    tpot: histogram(),
    ntpot: histogram(),
    counted: 0,
    tokens: 0,
    tokensInTime: 0,
    ratesPerS: 0,
    streams: 0,
    buffered: 0,
    chunks: 0,
    tokensInChunks: 0,
  };
}

function addCount(sums: Sums, tokens: number, serviceUs: number, inTime: boolean): void {
  sums.counted++;
  sums.tokens += tokens;
  sums.tokensInTime += inTime ? tokens : 0;
  if (tokens > 0) {
    sums.ntpot.record(serviceUs / tokens);
    // Rows have whole microseconds: an answer cannot take less than one of them.
    sums.ratesPerS += (tokens * US_PER_S) / Math.max(1, serviceUs);
  }
}

function addStream(sums: Sums, block: SampleBlock, row: number): void {
  const tokens = block.tokensOut[row] as number;
  const chunks = block.chunks[row] as number;
  const firstUs = block.firstTokenUs[row] as number;
  const lastUs = block.lastTokenUs[row] as number;
  sums.streams++;
  if (tokens >= 0 && chunks > 0) {
    sums.chunks += chunks;
    sums.tokensInChunks += tokens;
  }
  if (Number.isNaN(firstUs)) {
    sums.buffered += chunks > 0 ? 1 : 0;
    return;
  }
  sums.ttft.record(firstUs - (block.intendedUs[row] as number));
  sums.ttftService.record(firstUs - (block.startUs[row] as number));
  // Of tokens that all came in one chunk nobody knows how far they were apart.
  if (tokens >= 2 && chunks >= 2) {
    sums.tpot.record((lastUs - firstUs) / (tokens - 1));
  }
}

function totalsOf(sums: Sums, windowS: number): TokenTotals {
  const ntpotUs = sums.ntpot.percentileUs(0.5);
  return {
    token_source: 'usage',
    counted_n: sums.counted,
    tokens_out_n: sums.tokens,
    tokens_out_per_s: windowS > 0 ? sums.tokensInTime / windowS : 0,
    per_request: {
      mean_per_s: sums.ntpot.count === 0 ? null : sums.ratesPerS / sums.ntpot.count,
      median_per_s: ntpotUs === null ? null : US_PER_S / Math.max(1, ntpotUs),
    },
    streams_n: sums.streams,
    buffered_n: sums.buffered,
    tokens_per_chunk_mean: sums.chunks === 0 ? null : sums.tokensInChunks / sums.chunks,
    ttft: distribution(sums.ttft),
    ttft_service: distribution(sums.ttftService),
    itl_chunk: distribution(sums.itl),
    tpot: distribution(sums.tpot),
    ntpot: distribution(sums.ntpot),
  };
}
