import type { SampleBlock } from '../samples/sample.js';

/** Times that each request has one of. */
export type RequestTime = 'latency' | 'service_time' | 'lag' | 'ttft' | 'tpot' | 'ntpot';

/** What a time of a request is, µs; NaN where the request has none. */
export const REQUEST_TIMES_US: Readonly<Record<RequestTime, (block: SampleBlock, row: number) => number>> = {
  latency: ({ endUs, intendedUs }, row) => (endUs[row] as number) - (intendedUs[row] as number),
  service_time: ({ endUs, startUs }, row) => (endUs[row] as number) - (startUs[row] as number),
  lag: ({ startUs, intendedUs }, row) => (startUs[row] as number) - (intendedUs[row] as number),
  ttft: ({ firstTokenUs, intendedUs }, row) => (firstTokenUs[row] as number) - (intendedUs[row] as number),
  tpot: ({ firstTokenUs, lastTokenUs, tokensOut, chunks }, row) =>
    (tokensOut[row] as number) >= 2 && (chunks[row] as number) >= 2
      ? ((lastTokenUs[row] as number) - (firstTokenUs[row] as number)) / ((tokensOut[row] as number) - 1)
      : Number.NaN,
  ntpot: ({ endUs, startUs, tokensOut }, row) =>
    (tokensOut[row] as number) >= 1
      ? ((endUs[row] as number) - (startUs[row] as number)) / (tokensOut[row] as number)
      : Number.NaN,
};
