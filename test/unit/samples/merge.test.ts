import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowMerge } from '../../../src/samples/merge.js';
import type { UserChange } from '../../../src/samples/recorder.js';
import { sampleBlock } from '../../../src/samples/sample.js';
import { blockOf, sample, samplesOf } from '../../support/samples.js';

function merging(workers: number) {
  const seqs: number[] = [];
  const changes: UserChange[] = [];
  const released: number[] = [];
  const merge = rowMerge(
    workers,
    (block, more) => {
      seqs.push(...samplesOf(block).map(({ seq }) => seq));
      changes.push(...more);
    },
    (worker) => released.push(worker),
  );
  return { merge, seqs, changes, released };
}

const rowsEnding = (...endsUs: readonly number[]) =>
  blockOf(endsUs.map((endUs) => sample({ seq: endUs, startUs: 0, endUs })));

describe('rows of several workers', () => {
  it('wait until every worker has told what it has up to then, and come in order of completion', () => {
    const { merge, seqs, released } = merging(2);
    merge.take(0, rowsEnding(10, 30, 50), [], 60);
    expect(seqs).toEqual([]);
    merge.take(1, rowsEnding(20, 35), [], 40);
    expect(seqs).toEqual([10, 20, 30, 35]);
    merge.end(1);
    expect(seqs).toEqual([10, 20, 30, 35, 50]);
    expect(released).toEqual([1, 0]);
  });

  it('that were never sent have their place when they were due', () => {
    const { merge, seqs } = merging(2);
    const dropped = sample({
      seq: 15,
      outcome: 'dropped',
      origin: 'local',
      intendedUs: 15,
      startUs: undefined,
      endUs: undefined,
    });
    merge.take(0, blockOf([dropped]), [], 100);
    merge.take(1, rowsEnding(10, 20), [], 100);
    expect(seqs).toEqual([10, 15, 20]);
  });

  it('give an empty block back at once', () => {
    const { merge, released } = merging(1);
    merge.take(0, sampleBlock(8), [], 10);
    expect(released).toEqual([0]);
  });

  it('are all there and in order, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat({ max: 1000 }), { maxLength: 60 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 17 }),
        (perWorker, blockRows) => {
          const { merge, seqs, released } = merging(perWorker.length);
          const sorted = perWorker.map((ends) => ends.toSorted((a, b) => a - b));
          let blocks = 0;
          for (let from = 0; sorted.some((ends) => from < ends.length); from += blockRows) {
            for (const [worker, ends] of sorted.entries()) {
              const part = ends.slice(from, from + blockRows);
              if (part.length > 0) {
                blocks++;
                merge.take(worker, rowsEnding(...part), [], part.at(-1) as number);
              }
            }
          }
          for (const worker of perWorker.keys()) {
            merge.end(worker);
          }
          expect(seqs).toEqual(sorted.flat().toSorted((a, b) => a - b));
          expect(released.length).toBe(blocks);
        },
      ),
    );
  });

  it('are more than a block', () => {
    const { merge, seqs } = merging(2);
    const many = Array.from({ length: 9000 }, (_, index) => index);
    merge.take(0, rowsEnding(...many.map((index) => 2 * index)), [], 20_000);
    merge.take(1, rowsEnding(...many.map((index) => 2 * index + 1)), [], 20_000);
    expect(seqs).toEqual(Array.from({ length: 18_000 }, (_, index) => index));
  });
});

it('users of all workers are added up, change by change', () => {
  const { merge, changes } = merging(2);
  merge.take(
    0,
    sampleBlock(8),
    [
      { atUs: 0, users: 2 },
      { atUs: 30, users: 3 },
    ],
    50,
  );
  merge.take(
    1,
    sampleBlock(8),
    [
      { atUs: 10, users: 1 },
      { atUs: 60, users: 0 },
    ],
    70,
  );
  expect(changes).toEqual([
    { atUs: 0, users: 2 },
    { atUs: 10, users: 3 },
    { atUs: 30, users: 4 },
  ]);
  merge.end(0);
  merge.end(1);
  expect(changes.at(-1)).toEqual({ atUs: 60, users: 3 });
});
