import { PHASES } from '../samples/outcomes.js';
import { originCode, outcomeCode, type SampleBlock, sampleBlock } from '../samples/sample.js';
import type { OpenSchedule } from '../schedule/arrivals.js';

const BLOCK_ROWS = 4096;

/**
 * The rows of an open run that a lost worker never handed over: every planned request is a row. What was due before the
 * sending stopped may have gone out, and took at least until `nowUs`; the rest was not sent.
 */
export function* lostRows(
  { arrivalsUs, warmupUs }: OpenSchedule,
  seen: Uint8Array,
  { stoppedUs, nowUs }: { readonly stoppedUs: number; readonly nowUs: number },
): Iterable<SampleBlock> {
  const block = sampleBlock(BLOCK_ROWS);
  for (let seq = 0; seq < arrivalsUs.length; seq++) {
    if (seen[seq] === 1) {
      continue;
    }
    const intendedUs = Math.floor(arrivalsUs[seq] as number);
    const mayHaveGone = intendedUs <= stoppedUs;
    const row = block.length++;
    block.seq[row] = seq;
    block.user[row] = 0;
    block.worker[row] = 0;
    block.phase[row] = PHASES.indexOf(intendedUs < warmupUs ? 'warmup' : 'measure');
    block.intendedUs[row] = intendedUs;
    block.startUs[row] = mayHaveGone ? intendedUs : Number.NaN;
    block.firstByteUs[row] = Number.NaN;
    block.endUs[row] = mayHaveGone ? Math.max(intendedUs, Math.floor(nowUs)) : Number.NaN;
    block.outcome[row] = outcomeCode(mayHaveGone ? 'local_worker' : 'not_sent_stopped');
    block.origin[row] = originCode('local');
    block.status[row] = -1;
    block.batch[row] = 1;
    block.bytesOut[row] = 0;
    block.bytesIn[row] = 0;
    block.reused[row] = -1;
    if (block.length === block.capacity) {
      yield block;
      block.length = 0;
    }
  }
  if (block.length > 0) {
    yield block;
  }
}
