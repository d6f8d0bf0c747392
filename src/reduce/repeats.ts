import { SENT_CODES, WARMUP_CODE } from '../samples/outcomes.js';
import type { Sink } from '../samples/sink.js';

/** How many of the measured requests had a payload that was sent before, in the warm-up or since. */
export interface Repeats {
  readonly requests_n: number;
  readonly repeated_n: number;
  /** Their share; null without a request. */
  readonly repeated_ratio: number | null;
}

/**
 * Counts the sent requests whose payload was sent before. `payloadOf` gives the payload of a sequence number, undefined
 * for a request that has none of the so many `payloads`.
 */
export function repeats(
  payloads: number,
  payloadOf: (seq: number) => number | undefined,
): Pick<Sink, 'rows'> & { finish(): Repeats } {
  const seen = new Uint8Array(payloads);
  let requests = 0;
  let repeated = 0;
  return {
    rows(block) {
      for (let row = 0; row < block.length; row++) {
        const payload =
          SENT_CODES[block.outcome[row] as number] === 1 ? payloadOf(block.seq[row] as number) : undefined;
        if (payload === undefined) {
          continue;
        }
        if (block.phase[row] !== WARMUP_CODE) {
          requests++;
          repeated += seen[payload] as number;
        }
        seen[payload] = 1;
      }
    },
    finish: () => ({
      requests_n: requests,
      repeated_n: repeated,
      repeated_ratio: requests === 0 ? null : repeated / requests,
    }),
  };
}
