import { appendSample, type Sample, type SampleBlock, sampleAt, sampleBlock } from '../../src/samples/sample.js';

/** A sample that was answered after 10 ms, but for what is given. */
export function sample(given: Partial<Sample> = {}): Sample {
  const startUs = given.startUs ?? given.intendedUs ?? 0;
  return {
    seq: 0,
    user: 0,
    worker: 0,
    phase: 'measure',
    endpoint: 0,
    intendedUs: startUs,
    startUs,
    firstByteUs: startUs + 9_000,
    endUs: startUs + 10_000,
    outcome: 'ok',
    origin: undefined,
    status: 200,
    batch: 1,
    bytesOut: 100,
    bytesIn: 50,
    reused: true,
    cache: undefined,
    tokensOut: undefined,
    firstTokenUs: undefined,
    lastTokenUs: undefined,
    chunks: undefined,
    paused: false,
    ...given,
  };
}

/** Samples as a block. */
export function blockOf(samples: readonly Sample[]): SampleBlock {
  const block = sampleBlock(samples.length);
  for (const one of samples) {
    appendSample(block, one);
  }
  return block;
}

/** The samples of a block. */
export function samplesOf(block: SampleBlock): readonly Sample[] {
  return Array.from({ length: block.length }, (_, row) => sampleAt(block, row));
}

/** Room for the rows of a loop, and all that were written so far. */
export function sampleRows(capacity = 100_000) {
  const block = sampleBlock(capacity);
  return { room: () => block, samples: () => samplesOf(block) };
}
