import type { Sample } from '../../src/samples/sample.js';

/** A sample that was answered after 10 ms, but for what is given. */
export function sample(given: Partial<Sample> = {}): Sample {
  const startUs = given.startUs ?? given.intendedUs ?? 0;
  return {
    seq: 0,
    user: 0,
    worker: 0,
    phase: 'measure',
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
    ...given,
  };
}
