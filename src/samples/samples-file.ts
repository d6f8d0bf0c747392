import { fileWriter } from './file-writer.js';
import { type Sample, sampleAt } from './sample.js';
import type { Sink } from './sink.js';

/** The columns of `samples.csv` in order; features append to the end. */
export const SAMPLE_COLUMNS = [
  'seq',
  'user',
  'worker',
  'phase',
  'endpoint',
  'intended_us',
  'start_us',
  'first_byte_us',
  'end_us',
  'outcome',
  'origin',
  'status',
  'batch',
  'bytes_out',
  'bytes_in',
  'reused',
  'cache',
  'tokens_out',
  'first_token_us',
] as const;

/** `samples.csv`: every planned request with all that was measured, µs from the run's start, absent values empty. */
export function samplesSink(path: string, endpoint: string): Sink {
  const file = fileWriter(path);
  file.write(`${SAMPLE_COLUMNS.join(',')}\n`);
  return {
    rows(block) {
      let lines = '';
      for (let row = 0; row < block.length; row++) {
        lines += sampleLine(sampleAt(block, row), endpoint);
      }
      file.write(lines);
    },
    flush: () => file.sync(),
    close: () => file.close(),
  };
}

function sampleLine(sample: Sample, endpoint: string): string {
  const { seq, user, worker, phase, intendedUs, outcome, batch, bytesOut, bytesIn } = sample;
  const reused = sample.reused === undefined ? '' : Number(sample.reused);
  return (
    `${seq},${user},${worker},${phase},${endpoint},${intendedUs},${sample.startUs ?? ''},${sample.firstByteUs ?? ''},` +
    `${sample.endUs ?? ''},${outcome},${sample.origin ?? ''},${sample.status ?? ''},${batch},${bytesOut},${bytesIn},` +
    `${reused},,,\n`
  );
}
