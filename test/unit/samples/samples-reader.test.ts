import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { OUTCOMES, wasSent } from '../../../src/samples/outcomes.js';
import type { Sample } from '../../../src/samples/sample.js';
import { SAMPLE_COLUMNS, samplesSink } from '../../../src/samples/samples-file.js';
import { readSamples } from '../../../src/samples/samples-reader.js';
import { blockOf, sample, samplesOf } from '../../support/samples.js';

const ENDPOINTS = ['predict', 'health'];
const HEADER = SAMPLE_COLUMNS.join();
const ROW = '7,0,0,measure,predict,0,0,9000,10000,ok,,200,1,100,50,1,,,,,,';
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'infer-bench-samples-'));
  path = join(directory, 'samples.csv');
});

function write(samples: readonly Sample[], to = path): void {
  const sink = samplesSink(to, ENDPOINTS);
  sink.rows(blockOf(samples));
  sink.close();
}

async function read(content?: string, endpoints = ENDPOINTS) {
  if (content !== undefined) {
    writeFileSync(path, content);
  }
  const samples: Sample[] = [];
  const found = await readSamples(path, endpoints, (block) => samples.push(...samplesOf(block)));
  return { samples, ...found };
}

const us = fc.nat({ max: 2 ** 31 - 1 });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

/** Any row that a run can have: what was sent has times in their order. */
const anySample = fc
  .record({
    seq: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    user: fc.nat(),
    worker: fc.nat({ max: 64 }),
    phase: fc.constantFrom('warmup' as const, 'measure' as const, 'drain' as const),
    endpoint: fc.nat({ max: 1 }),
    intendedUs: us,
    lagUs: us,
    serviceUs: us,
    firstByteUs: maybe(us),
    outcome: fc.constantFrom(...OUTCOMES),
    origin: fc.constantFrom(undefined, 'target' as const, 'network' as const, 'local' as const),
    status: maybe(fc.nat({ max: 999 })),
    batch: fc.nat({ max: 4096 }),
    bytesOut: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    bytesIn: fc.nat(),
    reused: fc.constantFrom(undefined, true, false),
    cache: fc.constantFrom(undefined, 'hit' as const, 'miss' as const),
    tokens: maybe(
      fc.record({ tokensOut: maybe(fc.nat()), firstTokenUs: maybe(us), lastTokenUs: maybe(us), chunks: fc.nat() }),
    ),
    paused: fc.boolean(),
  })
  .map(({ lagUs, serviceUs, tokens, ...rest }): Sample => {
    const sent = wasSent(rest.outcome);
    return {
      ...rest,
      startUs: sent ? rest.intendedUs + lagUs : undefined,
      endUs: sent ? rest.intendedUs + lagUs + serviceUs : undefined,
      tokensOut: tokens?.tokensOut,
      firstTokenUs: tokens?.firstTokenUs,
      lastTokenUs: tokens?.lastTokenUs,
      chunks: tokens?.chunks,
    };
  });

describe('reading samples.csv', () => {
  it('gives the rows that were written, whether scanned as bytes or parsed as CSV', async () => {
    let file = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anySample, { maxLength: 30 }), async (samples) => {
        path = join(directory, `${file++}.csv`);
        write(samples);
        const scanned = await read();
        expect(scanned).toEqual({ samples, rows: samples.length, torn: 0 });
        // A column that nobody knows makes the scanner leave all of it.
        const parsed = await read(readFileSync(path, 'utf8').replaceAll('\n', ',\n').replace(',\n', ',other\n'));
        expect(parsed).toEqual({ ...scanned, torn: 0 });
      }),
      { numRuns: 50 },
    );
  });

  it('gives rows beyond a block and beyond a piece of the file in their order', async () => {
    const samples = Array.from({ length: 20_000 }, (_, seq) => sample({ seq, intendedUs: seq, startUs: seq }));
    write(samples);
    const { samples: found } = await read();
    expect(found.map(({ seq }) => seq)).toEqual(samples.map(({ seq }) => seq));
  });

  it('takes other line ends, quotes, other orders of columns and rows between that are not plain', async () => {
    const expected = [sample({ seq: 7 }), sample({ seq: 7 })];
    expect(await read(`${HEADER}\n"7"${ROW.slice(1)}\n${ROW}\n`)).toMatchObject({ samples: expected });
    expect(await read(`${HEADER}\r\n${ROW}\r\n${ROW}\r\n`)).toMatchObject({ samples: expected });
    const reversed = (line: string) => line.split(',').reverse().join();
    expect(await read(`${reversed(HEADER)}\n${reversed(ROW)}\n${reversed(ROW)}\n`)).toMatchObject({
      samples: expected,
    });
  });

  it('drops and counts a torn last line, whatever of it is there', async () => {
    for (let length = 1; length <= ROW.length; length++) {
      expect(await read(`${HEADER}\n${ROW}\n${ROW.slice(0, length)}`)).toMatchObject({ rows: 1, torn: 1 });
    }
    expect(await read(`${HEADER}\n${ROW}\n`)).toMatchObject({ rows: 1, torn: 0 });
    expect(await read(HEADER.slice(0, 9))).toMatchObject({ rows: 0, torn: 1 });
    expect(await read('')).toMatchObject({ rows: 0, torn: 0 });
  });

  it.each([
    ['start,end,latency', 1, 'not the header of samples.csv'],
    [`${HEADER}\n${ROW}\n${ROW},`, 3, '23 columns, wanted 22'],
    [`${HEADER}\n${ROW.replace('ok', 'fine')}`, 2, 'outcome "fine" is not known'],
    [`${HEADER}\n${ROW.replace('ok', '\x1b[31m')}`, 2, 'outcome "\\x1b[31m" is not known'],
    [`${HEADER}\n${ROW.replace('predict', 'other')}`, 2, 'endpoint "other" is not known'],
    [`${HEADER}\n${ROW.replace('measure', 'later')}`, 2, 'phase "later" is not known'],
    [`${HEADER}\n${ROW.replace('10000', '-1')}`, 2, 'end_us "-1" is no whole number'],
    [`${HEADER}\n${ROW.replace(',10000', ',')}`, 2, 'ok was sent and has no end_us'],
    [`${HEADER}\n${ROW.replace('0,0,9000', '0,10001,')}`, 2, 'end_us 10000 is before start_us 10001'],
    [`${HEADER}\n${ROW.replace('predict,0,0', 'predict,2,1')}`, 2, 'start_us 1 is before intended_us 2'],
    [`${HEADER}\n7,,0${ROW.slice(5)}`, 2, 'user is empty'],
    [`${HEADER}\n${ROW}\n"7${ROW.slice(1)}`, 3, 'a quote is never closed'],
    [`${HEADER}\n\0${ROW}`, 2, 'a NUL byte'],
  ])('refuses %j with the line and the reason', async (content, line, reason) => {
    await expect(read(`${content}\n`)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(`samples.csv:${line}: ${reason}`),
    });
  });

  it('says why a file cannot be read', async () => {
    await expect(read()).rejects.toMatchObject({ kind: 'usage', message: expect.stringContaining('no such file') });
  });
});
