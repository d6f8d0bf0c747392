import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.js';
import { BenchError } from '../../../src/errors.js';
import { fileWriter } from '../../../src/samples/file-writer.js';
import { OUTCOMES } from '../../../src/samples/outcomes.js';
import { rawRequestsSink, rawUsersSink } from '../../../src/samples/raw-files.js';
import { recordWriter } from '../../../src/samples/record-writer.js';
import { recorder } from '../../../src/samples/recorder.js';
import { appendSample, type Sample, sampleAt, sampleBlock } from '../../../src/samples/sample.js';
import { samplesSink } from '../../../src/samples/samples-file.js';
import type { Sink } from '../../../src/samples/sink.js';
import { fakeClock } from '../../support/clock.js';
import { sample } from '../../support/samples.js';

const directory = mkdtempSync(join(tmpdir(), 'infer-bench-samples-'));
let files = 0;
const newPath = () => join(directory, `file-${files++}`);
const read = (path: string) => readFileSync(path, 'utf8');

/** A recorder and the writer that takes its rows, as in a run of one thread. */
function recording(sinks: readonly Sink[], clock: Clock, onFailure: (error: BenchError) => void = () => {}) {
  const writer = recordWriter(sinks, clock, onFailure);
  const records = recorder(clock, 4096, (block, changes) => {
    writer.take(block, changes);
    return block;
  });
  return {
    record: (one: Sample) => appendSample(records.room(), one),
    users: records.users,
    close() {
      records.close();
      writer.close();
    },
  };
}

describe('raw_requests.csv', () => {
  it('is the seed file with the outcome: epoch ms, end = start + latency', () => {
    const path = newPath();
    const clock = fakeClock(1_722_930_639_470);
    const records = recording([rawRequestsSink(path, clock)], clock);
    records.record(sample({ startUs: 0, endUs: 320_999 }));
    records.record(sample({ startUs: 1_500, endUs: 1_900, outcome: 'http_5xx', origin: 'target' }));
    records.close();
    expect(read(path)).toBe('1722930639470,1722930639790,320,ok\n1722930639471,1722930639471,0,http_5xx\n');
  });

  it('has what was sent in measure and drain, from the intended start', () => {
    const path = newPath();
    const clock = fakeClock(1000);
    const records = recording([rawRequestsSink(path, clock)], clock);
    records.record(sample({ phase: 'warmup' }));
    records.record(sample({ outcome: 'dropped', startUs: undefined, endUs: undefined, intendedUs: 0 }));
    records.record(sample({ phase: 'drain', intendedUs: 5_000, startUs: 7_000, endUs: 9_000 }));
    records.record(sample({ outcome: 'abandoned', endUs: 30e6 }));
    records.close();
    expect(read(path)).toBe('1005,1009,4,ok\n1000,31000,30000,abandoned\n');
  });
});

it('raw_users.csv has seconds with microseconds, and its rows without any request', () => {
  const path = newPath();
  const clock = fakeClock(1_722_930_639_471.234);
  const records = recording([rawUsersSink(path, clock)], clock);
  records.users(0, 2);
  records.users(1_500_000, 15);
  records.close();
  expect(read(path)).toBe('1722930639.471234,2\n1722930640.971234,15\n');
});

describe('samples.csv', () => {
  it('has the header of the contract and empty cells for what is absent', () => {
    const path = newPath();
    const clock = fakeClock();
    const records = recording([samplesSink(path, ['predict', 'health'])], clock);
    records.record(sample({ seq: 7, user: 2, bytesOut: 3, bytesIn: 4 }));
    records.record(
      sample({
        seq: 8,
        outcome: 'connect_refused',
        origin: 'network',
        status: undefined,
        firstByteUs: undefined,
        reused: false,
      }),
    );
    records.record(
      sample({
        seq: 9,
        outcome: 'dropped',
        origin: 'local',
        intendedUs: 6,
        startUs: undefined,
        firstByteUs: undefined,
        endUs: undefined,
        status: undefined,
        reused: undefined,
      }),
    );
    records.record(sample({ seq: 10, endpoint: 1, cache: 'hit' }));
    records.record(sample({ seq: 11, endpoint: 1, cache: 'miss', tokensOut: 0 }));
    records.record(sample({ seq: 12, tokensOut: 5, firstTokenUs: 9_500, lastTokenUs: 9_900, chunks: 3 }));
    records.record(sample({ seq: 13, firstTokenUs: 9_500 }));
    records.record(sample({ seq: 14, chunks: 0 }));
    records.record(sample({ seq: 15, paused: true }));
    records.record(sample({ seq: 16, chunks: 0, paused: true }));
    records.close();
    expect(read(path).split('\n')).toEqual([
      'seq,user,worker,phase,endpoint,intended_us,start_us,first_byte_us,end_us,outcome,origin,status,batch,bytes_out,bytes_in,reused,cache,tokens_out,first_token_us,last_token_us,chunks,client_pause',
      '7,2,0,measure,predict,0,0,9000,10000,ok,,200,1,3,4,1,,,,,,',
      '8,0,0,measure,predict,0,0,,10000,connect_refused,network,,1,100,50,0,,,,,,',
      '9,0,0,measure,predict,6,,,,dropped,local,,1,100,50,,,,,,,',
      '10,0,0,measure,health,0,0,9000,10000,ok,,200,1,100,50,1,hit,,,,,',
      '11,0,0,measure,health,0,0,9000,10000,ok,,200,1,100,50,1,miss,0,,,,',
      '12,0,0,measure,predict,0,0,9000,10000,ok,,200,1,100,50,1,,5,9500,9900,3,',
      '13,0,0,measure,predict,0,0,9000,10000,ok,,200,1,100,50,1,,,9500,,,',
      '14,0,0,measure,predict,0,0,9000,10000,ok,,200,1,100,50,1,,,,,0,',
      '15,0,0,measure,predict,0,0,9000,10000,ok,,200,1,100,50,1,,,,,,1',
      '16,0,0,measure,predict,0,0,9000,10000,ok,,200,1,100,50,1,,,,,0,1',
      '',
    ]);
  });
});

it('a block gives back what was put in', () => {
  const moment = fc.option(fc.nat(), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          seq: fc.nat(),
          user: fc.nat({ max: 10_000 }),
          worker: fc.nat({ max: 64 }),
          phase: fc.constantFrom('warmup' as const, 'measure' as const, 'drain' as const),
          endpoint: fc.nat({ max: 255 }),
          intendedUs: fc.nat(),
          startUs: moment,
          firstByteUs: moment,
          endUs: moment,
          outcome: fc.constantFrom(...OUTCOMES),
          origin: fc.constantFrom(undefined, 'target' as const, 'network' as const, 'local' as const),
          status: fc.option(fc.nat({ max: 999 }), { nil: undefined }),
          batch: fc.nat({ max: 4096 }),
          bytesOut: fc.nat(),
          bytesIn: fc.nat(),
          reused: fc.constantFrom(undefined, true, false),
          cache: fc.constantFrom(undefined, 'hit' as const, 'miss' as const),
          tokensOut: fc.option(fc.nat({ max: 2 ** 31 - 1 }), { nil: undefined }),
          firstTokenUs: moment,
          lastTokenUs: moment,
          chunks: fc.option(fc.nat({ max: 2 ** 31 - 1 }), { nil: undefined }),
          paused: fc.boolean(),
        }),
        { maxLength: 20 },
      ),
      (samples) => {
        const block = sampleBlock(20);
        for (const one of samples) {
          appendSample(block, one);
        }
        expect(samples.map((_, row) => sampleAt(block, row))).toEqual(samples);
      },
    ),
  );
});

describe('the recorder', () => {
  function counting() {
    const seqs: number[] = [];
    const sink: Sink = {
      rows(block) {
        for (let row = 0; row < block.length; row++) {
          seqs.push(sampleAt(block, row).seq);
        }
      },
      close() {},
    };
    return { sink, seqs };
  }

  it('hands rows over at least every 100 ms', () => {
    const clock = fakeClock();
    const { sink, seqs } = counting();
    const records = recording([sink], clock);
    clock.runUntil(50_000);
    records.record(sample({ seq: 1 }));
    expect(seqs).toEqual([]);
    clock.runUntil(150_000);
    expect(seqs).toEqual([1]);
  });

  it('loses no row however many come at once, and keeps their order', () => {
    const clock = fakeClock();
    const { sink, seqs } = counting();
    const records = recording([sink], clock);
    for (let seq = 0; seq < 10_000; seq++) {
      records.record(sample({ seq }));
    }
    records.close();
    expect(seqs).toEqual(Array.from({ length: 10_000 }, (_, seq) => seq));
  });

  it('tells of a sink that fails once, goes on without it, and fails at the end', () => {
    const clock = fakeClock();
    const failure = new BenchError('output', 'Cannot write: full');
    let calls = 0;
    const sink: Sink = {
      rows() {
        calls++;
        throw failure;
      },
      close() {},
    };
    const told: BenchError[] = [];
    const records = recording([sink], clock, (error) => told.push(error));
    clock.runUntil(1e6);
    records.record(sample());
    clock.runUntil(2e6);
    expect(() => records.close()).toThrow(failure);
    expect([calls, told]).toEqual([1, [failure]]);
  });
});

describe('a file', () => {
  it('is new, for its owner only, and grows at once', () => {
    const path = newPath();
    const file = fileWriter(path);
    file.write('a\n');
    expect(read(path)).toBe('a\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    file.close();
  });

  it('that exists is refused', () => {
    const path = newPath();
    writeFileSync(path, 'precious');
    expect(() => fileWriter(path)).toThrow(/Cannot create .*: exists already/);
    expect(read(path)).toBe('precious');
  });

  it('that cannot be made is refused with the reason', () => {
    expect(() => fileWriter(join(newPath(), 'x'))).toThrow(/no such file or directory/);
  });
});
