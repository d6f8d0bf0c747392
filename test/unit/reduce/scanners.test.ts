import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ATTRIBUTIONS, type Attribution, perSecondFold } from '../../../src/reduce/per-second-percentiles.js';
import { type RowScanner, rowScanner } from '../../../src/reduce/row-scanner.js';
import { HEADROOM_BYTES } from '../../../src/samples/chunks.js';
import { OUTCOMES } from '../../../src/samples/outcomes.js';
import { noRejects, rawReader } from '../../../src/samples/raw-reader.js';
import { SAMPLE_COLUMNS } from '../../../src/samples/samples-file.js';

const PATHS = ['wasm', 'js', 'csv'] as const;
type Path = (typeof PATHS)[number];

interface Reduction {
  readonly by: Attribution;
  readonly population: 'ok' | 'all';
  readonly countsOnly: boolean;
  readonly timeFactor: number | undefined;
}

const COMPLETION: Reduction = { by: 'completion', population: 'ok', countsOnly: false, timeFactor: undefined };

function builtScanner(): RowScanner {
  const scanner = rowScanner();
  if (!scanner) {
    throw new Error('npm run build makes the scanner that this test compares');
  }
  return scanner;
}

/** All that a user sees of a reduction, by one of the three ways. */
function reduce(inputs: readonly Uint8Array[], chunkSizes: readonly number[], options: Reduction, path: Path) {
  const scanner = path === 'wasm' ? builtScanner() : undefined;
  const fold = perSecondFold({ ...options, scanner });
  const rejects = noRejects();
  const notes: string[] = [];
  let blockRows = 0;
  try {
    const summaries = inputs.map((input, index) => {
      const file = `${index}.csv`;
      const reader = rawReader({
        file,
        timeFactor: options.timeFactor,
        start: options.by === 'start' ? 'start' : 'intended',
        rejects,
        quick: fold.quick,
        csvOnly: path === 'csv',
        note: (text) => notes.push(text),
        startedEpochUs: () => 1_700_000_000_000_000,
        rows(block, timeFactor) {
          blockRows += block.count;
          fold.add(block, { file, timeFactor });
        },
      });
      for (let at = 0, turn = 0; at < input.length; turn++) {
        const size = chunkSizes[turn % chunkSizes.length] as number;
        feed(reader, input.subarray(at, at + size), scanner);
        at += size;
      }
      return reader.end();
    });
    const stream = fold.finish();
    const { samples, overlong, firstS } = stream;
    const seconds =
      firstS === null
        ? []
        : Array.from(stream.seconds(), ({ epochS, count, histogram }) => ({
            epochS,
            count,
            packed: histogram?.pack(),
          }));
    return { blockRows, seen: { summaries, samples, overlong, firstS, seconds, rejects, notes } };
  } catch (error) {
    // What is said of lines after the one that ends it all depends on when that is looked at.
    return { blockRows, seen: { error: String(error) } };
  }
}

function feed(reader: ReturnType<typeof rawReader>, bytes: Uint8Array, scanner: RowScanner | undefined): void {
  if (!scanner) {
    reader.feed(bytes);
    return;
  }
  const [area] = scanner.areas;
  area.set(bytes, HEADROOM_BYTES);
  const chunk = area.subarray(HEADROOM_BYTES, HEADROOM_BYTES + bytes.length);
  reader.feed(chunk, HEADROOM_BYTES);
  // What a reader kept of it would now be wrong.
  chunk.fill(0x39);
}

function expectSame(inputs: readonly string[], chunkSizes: readonly number[], options: Reduction): void {
  const bytes = inputs.map((input) => Buffer.from(input, 'latin1'));
  const [wasm, js, csv] = PATHS.map((path) => reduce(bytes, chunkSizes, options, path).seen);
  expect(js).toEqual(csv);
  expect(wasm).toEqual(csv);
}

/** A time as a file may write it, now and then in a way that is not ours. */
const whole = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 20_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 999, 3_600_001) },
);
const outcome = fc.oneof(
  { weight: 8, arbitrary: fc.constant('ok') },
  fc.constantFrom(...OUTCOMES),
  fc.constant('fine'),
);

function plainLine(columns: 3 | 4, base: number) {
  return fc.tuple(whole, whole, outcome).map(([start, latency, word]) => {
    const from = base + start;
    return `${from},${from + latency},${latency}${columns === 4 ? `,${word}` : ''}`;
  });
}

/** Times lie near `base`, or the stream would have millions of empty seconds. */
function oddLine(base: number) {
  const padded = String(base).padStart(16, '0');
  return fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      `${base + 5},${base + 4},1`,
      `${base + 5},${base + 4},1,ok`,
      `-1,${base},3,ok`,
      `${base},${base}`,
      ',,',
      `${base},,2,ok`,
      `${base},${base},3,`,
      `${base},${base},3,ok,`,
      `${base},${base},3,OK`,
      `${base},${base},3,okay`,
      '1;2;3',
      `${base / 1000}e3,${base / 100}e2,1e3,ok`,
      `${base}.5,${base + 2}.5,1`,
      `0x1,${base},3`,
      '12345678901234567,12345678901234567,0,ok',
      '9007199254740992,9007199254740992,0,ok',
      `${padded},${padded},0000000000000001,ok`,
      `0${padded},${padded},1,ok`,
      `${base},${base},9007199254740991,ok`,
      `${base},${base},9007199254740992,ok`,
      `${base},${base},3,ok\u0000`,
      `${base},${base},3,\u00ff`,
    ),
    fc.tuple(whole, whole).map(([start, latency]) => `"${base + start}","${base + start + latency}",${latency},"ok"`),
    fc.tuple(whole, whole).map(([start, latency]) => ` ${base + start}, ${base + start + latency} ,${latency}, ok`),
    fc.tuple(whole, whole).map(([start, latency]) => `${base + start}.0,${base + start + latency}.00,${latency},ok`),
  );
}

const lineEnd = fc.oneof({ weight: 12, arbitrary: fc.constant('\n') }, fc.constantFrom('\r\n', '\r', '\n\n'));
const header = fc.constantFrom(
  '',
  'start_ms,end_ms,latency_ms\n',
  'start_us,end_us,latency_us,outcome\n',
  '\u00ef\u00bb\u00bf',
);

function requests(base: number) {
  return fc
    .record({ columns: fc.constantFrom<3 | 4>(3, 4), header, oddness: fc.constantFrom(0, 1, 5) })
    .chain(({ columns, header, oddness }) => {
      const line = fc.oneof(
        { weight: 10, arbitrary: plainLine(columns, base) },
        { weight: oddness, arbitrary: oddLine(base) },
      );
      return fc
        .tuple(fc.array(fc.tuple(line, lineEnd), { minLength: 1, maxLength: 80 }), fc.nat({ max: 8 }))
        .map(([lines, cut]) => {
          const text = header + lines.flat().join('');
          return text.slice(0, text.length - cut);
        });
    });
}

/** One or two files of one epoch. */
const files = fc
  .constantFrom(0, 1_000_000, 1_700_000_000_000, 1_700_000_000_000_000)
  .chain((base) => fc.array(requests(base), { minLength: 1, maxLength: 2 }));

const reduction = fc.record<Reduction>({
  by: fc.constantFrom(...ATTRIBUTIONS),
  population: fc.constantFrom('ok', 'all'),
  countsOnly: fc.boolean(),
  timeFactor: fc.constantFrom(undefined, 300, 1000, 1_000_000, 1_000_000_000),
});

const chunkSizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });

describe('WebAssembly, JavaScript and CSV give the same seconds, messages and errors', () => {
  it('for requests in any form, in one or two files', () => {
    fc.assert(fc.property(files, chunkSizes, reduction, expectSame), {
      numRuns: 250,
    });
  });

  it('for samples.csv', () => {
    const field = fc.oneof(
      { weight: 20, arbitrary: fc.nat({ max: 5_000_000 }).map(String) },
      fc.constantFrom('', '-5', 'x', '1.5', '"7"'),
    );
    const line = fc
      .record({
        phase: fc.constantFrom('measure', 'measure', 'warmup', 'drain', 'late'),
        outcome,
        intended_us: field,
        start_us: field,
        latencyUs: fc.nat({ max: 3_000_000 }),
        end_us: field,
        seq: fc.constantFrom('1', '22', 'a"b', '"q"', '\u00c3\u00a4', ''),
      })
      .map(({ latencyUs, ...row }) => {
        const end = /^\d+$/.test(row.intended_us) ? String(Number(row.intended_us) + latencyUs) : row.end_us;
        const values: Record<string, string> = { ...row, end_us: end };
        return SAMPLE_COLUMNS.map((column) => values[column] ?? '7').join(',');
      });
    const samples = fc
      .tuple(
        fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: line }, oddLine(0)), lineEnd), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.nat({ max: 20 }),
      )
      .map(([lines, cut]) => {
        const text = `${SAMPLE_COLUMNS.join(',')}\n${lines.flat().join('')}`;
        return text.slice(0, text.length - cut);
      });
    fc.assert(fc.property(fc.array(samples, { minLength: 1, maxLength: 2 }), chunkSizes, reduction, expectSame), {
      numRuns: 150,
    });
  });
});

/** Rows in the order of completion, 400 of each second. */
function ordered(count: number, line: (end: number, latency: number, row: number) => string): Buffer {
  return Buffer.from(
    Array.from({ length: count }, (_, row) => {
      const end = 1_700_000_000_000 + row * 2.5;
      return line(Math.floor(end), (row * 7919) % 1500, row);
    }).join(''),
  );
}

describe('plain rows do not come through blocks', () => {
  it.each(['completion', 'intended'] as const)('by %s, but for the first of each second and failures', (by) => {
    const input = ordered(
      20_000,
      (end, latency, row) => `${end - latency},${end},${latency},${row % 200 ? 'ok' : 'http_5xx'}\n`,
    );
    const { blockRows, seen } = reduce([input], [65_536], { ...COMPLETION, by }, 'wasm');
    expect(seen).toEqual(reduce([input], [65_536], { ...COMPLETION, by }, 'csv').seen);
    // 50 seconds, 100 failures; a pause after a scan that took few rows.
    expect(blockRows).toBeLessThan(400);
  });

  it('also in three columns with CR LF, in microseconds', () => {
    const input = ordered(20_000, (end, latency) => `${(end - latency) * 1000},${end * 1000},${latency * 1000}\r\n`);
    expect(reduce([input], [65_536], { ...COMPLETION, timeFactor: 1_000_000 }, 'wasm').blockRows).toBeLessThan(200);
  });

  it('rows that come late are counted in their seconds', () => {
    const input = ordered(20_000, (end, latency) => `${end - latency},${end},${latency}\n`);
    const twice = [input, input];
    const wasm = reduce(twice, [65_536], COMPLETION, 'wasm');
    expect(wasm.seen).toEqual(reduce(twice, [65_536], COMPLETION, 'csv').seen);
    expect(wasm.blockRows).toBeLessThan(400);
  });
});
