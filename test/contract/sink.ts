import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { BenchError } from '../../src/errors.js';
import type { Sink } from '../../src/samples/sink.js';
import { fakeClock } from '../support/clock.js';
import { blockOf, sample } from '../support/samples.js';

export interface SinkUnderTest {
  readonly create: (path: string, clock: Clock) => Sink;
  /** Lines in the file when nothing was recorded. */
  readonly headLines: number;
  /** Lines that a sample makes. */
  readonly linesPerSample: number;
}

/** What every file that grows during a run has to be: whole after each block, in order, and loud when it cannot be. */
export function sinkContract({ create, headLines, linesPerSample }: SinkUnderTest, newPath: () => string): void {
  const lines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

  const rows = (count: number) =>
    blockOf(Array.from({ length: count }, (_, seq) => sample({ seq, startUs: seq * 1_000 })));

  it('holds every row as soon as it is flushed, and whole lines only', () => {
    const path = newPath();
    const sink = create(path, fakeClock());
    expect(lines(path).length).toBe(headLines);
    sink.rows(rows(3));
    sink.flush?.();
    expect(lines(path).length).toBe(headLines + 3 * linesPerSample);
    sink.rows(rows(0));
    sink.rows(rows(5));
    sink.flush?.();
    sink.sync?.();
    expect(lines(path).length).toBe(headLines + 8 * linesPerSample);
    expect(readFileSync(path, 'utf8').endsWith('\n') || lines(path).length === 0).toBe(true);
    sink.rows(rows(2));
    sink.close();
    expect(lines(path).length).toBe(headLines + 10 * linesPerSample);
  });

  it('takes more rows than fit into what it holds', () => {
    const path = newPath();
    const sink = create(path, fakeClock());
    for (let block = 0; block < 40; block++) {
      sink.rows(rows(500));
    }
    sink.close();
    expect(lines(path).length).toBe(headLines + 20_000 * linesPerSample);
  });

  it('refuses a file that exists', () => {
    const path = newPath();
    create(path, fakeClock()).close();
    expect(() => create(path, fakeClock())).toThrow(BenchError);
  });
}
