import type { Request } from '../protocols/protocol.js';
import { appendSample, type SampleBlock, sampleBlock } from '../samples/sample.js';
import type { OpenSchedule } from '../schedule/arrivals.js';

const BLOCK_ROWS = 4096;

/**
 * The rows of an open run that a lost worker never handed over: every planned request is a row. What was due before the
 * sending stopped may have gone out, and took at least until `nowUs`; the rest was not sent.
 */
export function* lostRows(
  { arrivalsUs, warmupUs }: OpenSchedule,
  seen: Uint8Array,
  {
    stoppedUs,
    nowUs,
    requestOf,
  }: { readonly stoppedUs: number; readonly nowUs: number; readonly requestOf: (seq: number) => Request },
): Iterable<SampleBlock> {
  const block = sampleBlock(BLOCK_ROWS);
  for (let seq = 0; seq < arrivalsUs.length; seq++) {
    if (seen[seq] === 1) {
      continue;
    }
    const intendedUs = Math.floor(arrivalsUs[seq] as number);
    const mayHaveGone = intendedUs <= stoppedUs;
    const { batch, endpoint = 0 } = requestOf(seq);
    appendSample(block, {
      seq,
      user: 0,
      worker: 0,
      phase: intendedUs < warmupUs ? 'warmup' : 'measure',
      endpoint,
      intendedUs,
      startUs: mayHaveGone ? intendedUs : undefined,
      firstByteUs: undefined,
      endUs: mayHaveGone ? Math.max(intendedUs, Math.floor(nowUs)) : undefined,
      outcome: mayHaveGone ? 'local_worker' : 'not_sent_stopped',
      origin: 'local',
      status: undefined,
      batch,
      bytesOut: 0,
      bytesIn: 0,
      reused: undefined,
      cache: undefined,
      tokensOut: undefined,
      firstTokenUs: undefined,
      lastTokenUs: undefined,
      chunks: undefined,
      paused: false,
    });
    if (block.length === block.capacity) {
      yield block;
      block.length = 0;
    }
  }
  if (block.length > 0) {
    yield block;
  }
}
