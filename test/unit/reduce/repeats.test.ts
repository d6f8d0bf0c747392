import { expect, it } from 'vitest';
import { repeats } from '../../../src/reduce/repeats.js';
import type { Sample } from '../../../src/samples/sample.js';
import { blockOf, sample } from '../../support/samples.js';

/** Even sequence numbers are no payload; the others have one of two. */
function fold(samples: readonly Sample[]) {
  const again = repeats(2, (seq) => (seq % 2 === 0 ? undefined : ((seq - 1) / 2) % 2));
  again.rows(blockOf(samples));
  return again.finish();
}

it('a request is a repeat when its payload was sent before', () => {
  const sent = Array.from({ length: 10 }, (_, seq) => sample({ seq }));
  expect(fold(sent)).toEqual({ requests_n: 5, repeated_n: 3, repeated_ratio: 0.6 });
});

it('the warm-up fills a cache and is in no figure; what was not sent fills none', () => {
  expect(
    fold([
      sample({ seq: 1, phase: 'warmup' }),
      sample({ seq: 3, outcome: 'dropped', origin: 'local', intendedUs: 0, startUs: undefined, endUs: undefined }),
      sample({ seq: 5 }),
      sample({ seq: 7, outcome: 'timeout_ttfb', origin: 'target' }),
    ]),
  ).toEqual({ requests_n: 2, repeated_n: 1, repeated_ratio: 0.5 });
});

it('no request has no share', () => {
  expect(fold([sample({ seq: 0 })]).repeated_ratio).toBeNull();
});
