import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { HistogramLogReader } from 'hdr-histogram-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { SAMPLE_COLUMNS } from '../../src/samples/samples-file.js';
import { fakeIo } from '../support/io.js';

const FIXTURES = new URL('../fixtures/percentile-ps/', import.meta.url);
const golden = (name: string) => readFileSync(new URL(name, FIXTURES), 'utf8');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'percentile-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes a file into the working directory of the tests. */
function put(name: string, content: string | Uint8Array): string {
  writeFileSync(join(directory, name), content);
  return name;
}

async function percentile(args: string, stdin: string | Uint8Array | NodeJS.ReadableStream = '', env = {}) {
  const fake = fakeIo({ argv: ['percentile', ...args.split(' ').filter(Boolean)], stdin, cwd: directory, env });
  const code = await main(fake.io);
  return { code, stdout: fake.stdout(), stderr: fake.stderr() };
}

const A = golden('A.csv');
const A_BY_COMPLETION =
  'epoch_s,count,p95_ms\n1700000000,2,200.000\n1700000001,2,300.000\n1700000002,1,10.000\n1700000003,3,1600.000\n';

describe('the stream', () => {
  it('from stdin, by default p95 of milliseconds by completion', async () => {
    expect(await percentile('', A)).toEqual({ code: 0, stdout: A_BY_COMPLETION, stderr: '' });
  });

  it('is the same from stdin, from -, from a file and from bytes that come one by one', async () => {
    put('a.csv', A);
    const bytes = Readable.from(Array.from(Buffer.from(A), (byte) => Buffer.from([byte])));
    for (const result of [await percentile('-', A), await percentile('a.csv'), await percentile('', bytes)]) {
      expect(result).toEqual({ code: 0, stdout: A_BY_COMPLETION, stderr: '' });
    }
  });

  it('is the same by every scanner for files of several chunks, with odd lines in them', async () => {
    const lines = Array.from({ length: 100_000 }, (_, row) => {
      const end = 1_700_000_000_000 + row;
      const latency = (row * 7919) % 900;
      const odd = row % 9973 === 0;
      return `${end - latency},${odd ? `"${end}"` : end},${latency},${row % 997 === 0 ? 'http_5xx' : 'ok'}\n`;
    });
    const bytes = Buffer.from(lines.join(''));
    put('large.csv', bytes);
    const [fastest, ...others] = [
      await percentile('large.csv large.csv'),
      await percentile('large.csv -', bytes),
      await percentile('large.csv large.csv', '', { INFER_BENCH_SCANNER: 'js' }),
      await percentile('large.csv large.csv', '', { INFER_BENCH_SCANNER: 'csv' }),
    ];
    // 1,000 rows a second in each file, without the failures of the second.
    expect(fastest?.stdout.split('\n')[51]).toMatch(/^1700000050,1998,85\d\.\d{3}$/);
    for (const { code, stdout } of others) {
      expect({ code, stdout }).toEqual({ code: 0, stdout: fastest?.stdout });
    }
  });

  it.each([
    ['completion', ['2,200.000', '2,300.000', '1,10.000', '3,1600.000']],
    ['start', ['3,300.000', '2,1600.000', '2,10.000', '1,400.000']],
    ['intended', ['3,300.000', '2,1600.000', '2,10.000', '1,400.000']],
    ['overlap', ['3,300.000', '3,1600.000', '3,1600.000', '3,1600.000']],
  ])('worked example A by %s', async (by, want) => {
    const { stdout } = await percentile(`--by ${by}`, A);
    expect(stdout.split('\n').slice(1, -1)).toEqual(want.map((cells, index) => `170000000${index},${cells}`));
  });

  it.each([
    ['B, no row is lost', 'B.csv', ['1700000000,3,30.000', '1700000001,1,500.000']],
    [
      'C, empty seconds are empty',
      'C_gap.csv',
      ['1700000000,1,100.000', '1700000001,0,', '1700000002,0,', '1700000003,0,', '1700000004,1,100.000'],
    ],
    ['D, the slowest request is there', 'D_tail.csv', ['1700000000,1,100.000', '1700000001,2,500.000']],
    ['E, relative times', 'E_rel.csv', ['0,2,400.000', '1,1,200.000', '2,1,1100.000']],
  ])('worked example %s', async (_, file, want) => {
    const { code, stdout } = await percentile('', golden(file));
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1, -1)).toEqual(want);
  });

  it('several percentiles, in the order they were asked for', async () => {
    const { stdout } = await percentile('--p 0.999,0.5', A);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['epoch_s,count,p99.9_ms,p50_ms', '1700000000,2,200.000,100.031']);
  });

  it('--percentile is --p', async () => {
    expect((await percentile('--percentile 0.5', A)).stdout).toBe((await percentile('--p 0.5', A)).stdout);
  });

  it('microseconds', async () => {
    const text = '1715000000000000,1715000000000500,500\n1715000000400000,1715000001400000,1000000\n';
    expect((await percentile('--time-factor 1000000', text)).stdout).toBe(
      'epoch_s,count,p95_ms\n1715000000,1,0.500\n1715000001,1,1000.000\n',
    );
  });

  it('operations per second', async () => {
    expect((await percentile('--ops', golden('C_gap.csv'))).stdout).toBe(
      'epoch_s,ops\n1700000000,1\n1700000001,0\n1700000002,0\n1700000003,0\n1700000004,1\n',
    );
  });

  it('several files are one, whatever they are', async () => {
    put('ms.csv', '1000,1100,100\n');
    put('us.csv', 'start_us,end_us,latency_us\n1000000,1300000,300000\n');
    put('raw.csv', '1000,1200,200,ok\n1000,1900,900,http_5xx\n');
    const { stdout, stderr } = await percentile('--p 0.01,0.5,1 ms.csv us.csv - raw.csv', '2000,2400,400\n');
    expect(stdout).toBe(
      'epoch_s,count,p1_ms,p50_ms,p100_ms\n1,3,100.031,200.063,300.000\n2,1,400.000,400.000,400.000\n',
    );
    expect(stderr.split('\n')).toEqual([
      'note: us.csv: --time-factor 1000000, from the header: start_us, end_us, latency_us',
      'note: raw.csv: 1 of 2 requests failed: not counted (--population ok)',
      '',
    ]);
  });

  it('--quiet keeps notes from stderr', async () => {
    expect((await percentile('--quiet', 'start_us,end_us,latency_us\n1,2,1\n')).stderr).toBe('');
  });
});

describe('populations', () => {
  const raw = '1000,1100,100,ok\n1000,1900,900,timeout_total\n3000,3005,5,connect_refused\n';

  it('ok: failures are out, and their seconds stay as empty ones', async () => {
    const { code, stdout, stderr } = await percentile('', raw);
    expect(code).toBe(0);
    expect(stdout).toBe('epoch_s,count,p95_ms\n1,1,100.000\n2,0,\n3,0,\n');
    expect(stderr).toBe('note: stdin: 2 of 3 requests failed: not counted (--population ok)\n');
  });

  it('all: failures count at their elapsed time', async () => {
    const { stdout } = await percentile('--population all', raw);
    expect(stdout).toBe('epoch_s,count,p95_ms\n1,2,900.000\n2,0,\n3,1,5.000\n');
  });

  it('no success at all is no success of the command', async () => {
    const { code, stdout, stderr } = await percentile('', '1000,1900,900,timeout_total\n');
    expect(code).toBe(4);
    expect(stdout).toBe('epoch_s,count,p95_ms\n1,0,\n');
    expect(stderr).toContain('error: No request succeeded');
  });
});

describe('samples.csv', () => {
  const lines = [
    { phase: 'warmup', outcome: 'ok', intended_us: 0, start_us: 0, end_us: 10 },
    { phase: 'measure', outcome: 'ok', intended_us: 900_000, start_us: 1_100_000, end_us: 1_400_000 },
    { phase: 'measure', outcome: 'dropped', intended_us: 1_000_000 },
    { phase: 'drain', outcome: 'http_5xx', intended_us: 1_900_000, start_us: 1_900_000, end_us: 2_000_000 },
  ].map((row: Record<string, string | number>) => SAMPLE_COLUMNS.map((column) => row[column] ?? '').join(','));
  const samples = `${[SAMPLE_COLUMNS.join(','), ...lines].join('\n')}\n`;

  it('beside its plan: epoch seconds, each attribution by its own moment', async () => {
    mkdirSync(join(directory, 'run'));
    put('run/samples.csv', samples);
    put('run/plan.json', '{"started_epoch_us":1700000000500000}');
    const second = async (by: string) =>
      (await percentile(`--quiet --population all --by ${by} run/samples.csv`)).stdout;
    expect(await second('intended')).toBe('epoch_s,count,p95_ms\n1700000001,1,500.000\n1700000002,1,100.000\n');
    expect(await second('start')).toBe('epoch_s,count,p95_ms\n1700000001,1,500.000\n1700000002,1,100.000\n');
    expect(await second('completion')).toBe('epoch_s,count,p95_ms\n1700000001,1,500.000\n1700000002,1,100.000\n');
    put('run/plan.json', '{"started_epoch_us":1700000000000000}');
    expect(await second('intended')).toBe('epoch_s,count,p95_ms\n1700000000,1,500.000\n1700000001,1,100.000\n');
    expect(await second('start')).toBe('epoch_s,count,p95_ms\n1700000001,2,500.000\n');
    expect(await second('completion')).toBe('epoch_s,count,p95_ms\n1700000001,1,500.000\n1700000002,1,100.000\n');
    expect(await second('overlap')).toBe(
      'epoch_s,count,p95_ms\n1700000000,1,500.000\n1700000001,2,500.000\n1700000002,1,100.000\n',
    );
  });

  it('without its plan: seconds from the start of the run, which is said', async () => {
    put('samples.csv', samples);
    for (const [args, input, why] of [
      ['samples.csv', '', 'samples.csv: epoch_s is seconds from the start of the run: there is no plan.json beside it'],
      ['-', samples, 'stdin: epoch_s is seconds from the start of the run: it comes from stdin'],
    ] as const) {
      const { stdout, stderr } = await percentile(args, input);
      expect(stdout).toBe('epoch_s,count,p95_ms\n1,1,500.000\n2,0,\n');
      expect(stderr).toContain(`note: ${why}\n`);
      expect(stderr).toContain('2 rows are no requests to the target');
    }
  });

  it('of nothing but warm-up is an error', async () => {
    const { code, stderr } = await percentile('', `${SAMPLE_COLUMNS.join(',')}\n${lines[0]}\n`);
    expect(code).toBe(2);
    expect(stderr).toContain('error: stdin: no request: every row is left out or rejected');
  });
});

describe('formats', () => {
  it('--json is --format json: one object', async () => {
    const { stdout } = await percentile('--json --by overlap', golden('C_gap.csv'));
    expect(stdout).toBe((await percentile('--format json --by overlap', golden('C_gap.csv'))).stdout);
    const parsed = JSON.parse(stdout);
    expect(parsed).toMatchObject({ schema: 'infer-bench/percentile/1', by: 'overlap', time_factor: 1000 });
    expect(parsed.rows[1]).toEqual({ epoch_s: 1_700_000_001, count: 0, p95_ms: null });
  });

  it('hlog is read by the library that others use', async () => {
    const { stdout } = await percentile('--format hlog', A);
    const reader = new HistogramLogReader(stdout);
    const counts: (number | undefined)[] = [];
    for (let next = reader.nextIntervalHistogram(); next; next = reader.nextIntervalHistogram()) {
      counts.push(next.startTimeStampMsec / 1000, next.totalCount);
    }
    expect(counts).toEqual([1_700_000_000, 2, 1_700_000_001, 2, 1_700_000_002, 1, 1_700_000_003, 3]);
  });

  it('--out writes the file whole, over an old one, and nothing to stdout', async () => {
    put('p95.csv', 'old and longer than the new content'.repeat(20));
    expect(await percentile('--out p95.csv', A)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(directory, 'p95.csv'), 'utf8')).toBe(A_BY_COMPLETION);
    expect(readdirSync(directory).filter((name) => name.includes('part'))).toEqual([]);
  });

  it('--out - is stdout', async () => {
    expect((await percentile('--out -', A)).stdout).toBe(A_BY_COMPLETION);
  });

  it('--out must not be the input itself: the raw data would be gone', async () => {
    put('in-place.csv', A);
    const { code, stderr } = await percentile('in-place.csv --out in-place.csv');
    expect([code, stderr.includes('it is one of the files to read')]).toEqual([2, true]);
    expect(readFileSync(join(directory, 'in-place.csv'), 'utf8')).toBe(A);
  });

  it.each([
    ['a directory that is not there', 'none/p95.csv', 'error: Cannot write none/p95.csv: no such file or directory'],
    ['a full device', '/dev/full', 'error: Cannot write /dev/full: no space left on the device'],
    ['a directory', '.', 'error: Cannot write .: '],
  ])('--out %s is an error of its own', async (_, out, message) => {
    const { code, stdout, stderr } = await percentile(`--out ${out}`, A);
    expect(code).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it('a stream longer than one write arrives whole', async () => {
    const rows = Array.from({ length: 20_000 }, (_, second) => `${second * 1000},${second * 1000},0`);
    const { stdout } = await percentile('', `${rows.join('\n')}\n`);
    expect(stdout.split('\n')).toHaveLength(20_002);
  });
});

describe('--compat percentile-ps', () => {
  const dataLines = (text: string) => text.split('\n').filter((line) => /^\d/.test(line));
  const cases = readdirSync(FIXTURES).filter((name) => /\.(rt95|ops)\.txt$/.test(name));

  it.each(cases)('%s', async (name) => {
    const [input, mode] = name.split('.') as [string, string];
    const fails = readdirSync(FIXTURES).includes(`${input}.${mode}.err`);
    const { code, stdout, stderr } = await percentile(
      `--compat percentile-ps ${mode === 'ops' ? '--ops' : ''}`,
      golden(`${input}.csv`),
    );
    expect(code).toBe(fails ? 2 : 0);
    expect(stdout.split('\n').filter(Boolean)).toEqual(dataLines(golden(name)));
    expect(stderr).not.toContain('    at ');
    if (fails) {
      expect(stderr).toMatch(/^error: stdin:/);
    }
  });

  it('a blank line ends the input, which is said on stderr', async () => {
    const { stdout, stderr } = await percentile('--compat percentile-ps', golden('H_blank.csv'));
    expect(stdout).toBe('1700000000,100\n');
    expect(stderr).toBe('note: stdin:2: as for the original, the input ends here: a blank line\n');
  });

  it('several files are one after another', async () => {
    const [first, ...rest] = A.trimEnd().split('\n');
    put('head.csv', `${first}`);
    put('tail.csv', rest.join('\n'));
    const { stdout } = await percentile('--compat percentile-ps head.csv tail.csv');
    expect(stdout).toBe('1700000000,100\n1700000001,301\n1700000002,1607\n1700000003,1607\n');
  });

  it.each([
    ['0', '1700000000,100 1700000001,50 1700000002,10 1700000003,1', 'lowest recorded bucket'],
    ['0.5', '1700000000,100 1700000001,100 1700000002,50 1700000003,10', undefined],
    ['95', '1700000000,100 1700000001,301 1700000002,1607 1700000003,1607', 'maximum'],
  ])('takes --p %s as the original does', async (p, want, note) => {
    const { code, stdout, stderr } = await percentile(`--compat percentile-ps --p ${p}`, A);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').join(' ')).toBe(want);
    expect(stderr).toBe(note ? `note: the original takes the quantile ${p} as the ${note}\n` : '');
  });
});

describe('bad lines', () => {
  it('are all named, with file and line, and nothing is printed', async () => {
    put('bad.csv', `${A}x,y,1\n5,3,1\n`);
    expect(await percentile('bad.csv')).toEqual({
      code: 2,
      stdout: '',
      stderr: [
        'error: bad.csv:9: start is not a number: "x"',
        'error: bad.csv:10: end 3 is before start 5',
        'hint: --max-rejects 2 lets that many bad lines pass',
        '',
      ].join('\n'),
    });
  });

  it('ten are shown, all are counted', async () => {
    const { code, stderr } = await percentile('', `${A}${'1,2\n'.repeat(25)}`);
    expect(code).toBe(2);
    expect(stderr.split('\n')).toHaveLength(13);
    expect(stderr).toContain('error: stdin:18: 2 columns, wanted at least 3\n');
    expect(stderr).toContain('error: … and 15 more rejected lines, 25 in all\n');
  });

  it('pass up to --max-rejects, counted over all files', async () => {
    put('one-bad.csv', `1,2\n${A}`);
    const passed = await percentile('--max-rejects 2 one-bad.csv -', `${A}x,y,z\n`);
    expect(passed.code).toBe(0);
    expect(passed.stdout).toContain('1700000000,4,200.000');
    expect(passed.stderr).toBe(
      [
        'warning: 2 rejected lines let pass:',
        '  one-bad.csv:1: 2 columns, wanted at least 3',
        '  stdin:9: start is not a number: "x"',
        '',
      ].join('\n'),
    );
    expect((await percentile('--max-rejects 1 one-bad.csv -', `${A}x,y,z\n`)).code).toBe(2);
  });

  it('a torn last line is none: it is dropped, and said', async () => {
    const { code, stdout, stderr } = await percentile('', `${A}1700000003500,17000`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: A_BY_COMPLETION });
    expect(stderr).toBe('note: stdin:9: the last line is torn: 1 row dropped\n');
  });

  it.each([
    ['an empty file', '', 'bad.csv: the input is empty'],
    ['a header only', 'start,end,latency\n', 'bad.csv: a header and no rows'],
    ['raw_users.csv', '1722930639.47,15\n', 'bad.csv:1: seems to be raw_users.csv'],
    ['NaN', 'NaN,1,1\n', 'bad.csv:1: start is not a number: "NaN"'],
    ['inf', '1,inf,1\n', 'bad.csv:1: end is not a number: "inf"'],
    ['hexadecimal', '0x1,2,1\n', 'bad.csv:1: start is not a number: "0x1"'],
    ['a negative number', '1,2,-1\n', 'bad.csv:1: latency is negative: "-1"'],
    ['above 2^53', '1,2,9007199254740993\n', 'bad.csv:1: latency is above 2^53'],
    ['end before start', '2,1,1\n', 'bad.csv:1: end 1 is before start 2'],
    ['a missing column', '1,2\n', 'bad.csv:1: 2 columns, wanted at least 3'],
    ['a blank field', '1,,1\n', 'bad.csv:1: end is blank'],
    ['a NUL', '1,2,\u0000\n', 'bad.csv:1: a NUL byte at byte 4'],
    ['invalid UTF-8', Uint8Array.from([0x31, 0x2c, 0xff, 0x0a]), 'bad.csv:1: no UTF-8 text at byte 2'],
    ['an unclosed quote', '1,"2,1\n1,2,1\n', 'bad.csv:1: a quote is never closed'],
    ['a line above 1 MiB', `1,2,1,${'x'.repeat(2 << 20)}\n`, 'bad.csv:1: the line is longer than 1 MiB'],
    ['an unknown outcome', '1,2,1,ok\n1,2,1,fine\n', 'bad.csv:2: unknown outcome "fine"'],
    ['two units', '1700000000,1700000001,1\n1700000000000,1700000000001,1\n', 'bad.csv:2: this row is in second'],
  ])('%s: file and line, exit code 2, no stack trace', async (_, content, message) => {
    put('bad.csv', content);
    const { code, stdout, stderr } = await percentile('bad.csv');
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).not.toContain('    at ');
    expect(stderr).not.toContain('bug');
  });

  it('mixed units come with advice on --time-factor', async () => {
    const { stderr } = await percentile('', '1700000000,1700000001,1\n1700000000000,1700000000001,1\n');
    expect(stderr).toContain('hint: --time-factor');
  });

  it('a first second far in the future is doubted', async () => {
    const { code, stderr } = await percentile('', '1715000000000000,1715000000000500,500\n');
    expect(code).toBe(0);
    expect(stderr).toContain('Then add --time-factor 1000000');
  });

  it('latencies above an hour are kept, with a warning', async () => {
    const { stdout, stderr } = await percentile('', golden('I_max.csv'));
    expect(stdout).toBe('epoch_s,count,p95_ms\n1700000000,1,67108863.000\n');
    expect(stderr).toContain('warning: latencies above 1 h: 1');
  });
});

describe('usage', () => {
  it.each([
    ['--p 95', 'Cannot read --p: must be above 0 and at most 1: got 95 (did you mean 0.95?)'],
    ['--p 0.5,99.9', 'Cannot read --p: must be above 0 and at most 1: got 99.9 (did you mean 0.999?)'],
    ['--percentile 95', 'Cannot read --percentile: must be above 0 and at most 1: got 95 (did you mean 0.95?)'],
    ['--p 0', 'Cannot read --p: must be above 0 and at most 1: got 0'],
    ['--p=-0.5', 'Cannot read --p: must be above 0 and at most 1: got -0.5'],
    ['--p 1.01', 'Cannot read --p: must be above 0 and at most 1: got 1.01'],
    ['--p 950', 'Cannot read --p: must be above 0 and at most 1: got 950'],
    ['--p p99', 'Cannot read --p: must be fractions such as 0.95 or 0.95,0.99 (did you mean 0.99?): got "p99"'],
    ['--p 95%', 'Cannot read --p: must be fractions such as 0.95 or 0.95,0.99 (did you mean 0.95?): got "95%"'],
    ['--p 0.5,', 'Cannot read --p: must be fractions such as 0.95 or 0.95,0.99: got "0.5,"'],
    ['--p NaN', 'Cannot read --p: must be fractions such as 0.95 or 0.95,0.99: got "NaN"'],
    ['--p 0.5,0.50', 'Cannot read --p: 0.5 is given twice'],
    ['--p', 'Cannot read --p: it needs a value: LIST'],
    ['--p 0.5 --percentile 0.9', 'Cannot combine --p and --percentile: they are the same flag'],
    ['--by end', 'Cannot read --by: must be one of completion, intended, start, overlap'],
    ['--time-factor 0', 'Cannot read --time-factor: must be a whole number of at least 1'],
    ['--max-rejects -1', 'Cannot read --max-rejects'],
    ['--json --format csv', 'Cannot combine --json and --format csv'],
    ['--ops --format hlog', 'Cannot combine --ops and --format hlog'],
    ['- -', 'Cannot read stdin twice'],
    ['--compat percentile-ps --json', 'Cannot combine --compat percentile-ps and --json'],
    ['--compat percentile-ps --format json', 'Cannot combine --compat percentile-ps and --format'],
    ['--compat percentile-ps --by start', 'Cannot combine --compat percentile-ps and --by'],
    ['--compat percentile-ps --population all', 'Cannot combine --compat percentile-ps and --population'],
    ['--compat percentile-ps --max-rejects 3', 'Cannot combine --compat percentile-ps and --max-rejects'],
    ['--compat percentile-ps --p 0.5,0.9', 'Cannot combine --compat percentile-ps and 2 percentiles'],
    ['none.csv', 'Cannot read none.csv: no such file or directory'],
    ['.', 'Cannot read .: is a directory'],
  ])('%s', async (args, message) => {
    const { code, stdout, stderr } = await percentile(args, A);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`error: ${message}`);
  });

  it('all problems come together', async () => {
    const { stderr } = await percentile('--p 95 --by end --nope', A);
    expect(stderr.match(/^error: /gm)).toHaveLength(3);
  });

  it('--by start needs a file that knows it', async () => {
    const { code, stderr } = await percentile('--by start', '1000,1100,100,ok\n');
    expect(code).toBe(2);
    expect(stderr).toContain('error: Cannot read --by start from stdin: its first column is when a request was due');
    expect(stderr).toContain('hint: samples.csv');
  });

  it('no file and a terminal: what to do', async () => {
    const terminal = Object.assign(Readable.from([]), { isTTY: true });
    const { code, stderr } = await percentile('', terminal);
    expect(code).toBe(2);
    expect(stderr).toContain('error: No file is given and stdin is a terminal');
    expect(stderr).toContain('hint: name a file, or pipe one in');
  });

  it('stdin that breaks off is an error of the input', async () => {
    const broken = new Readable({
      read() {
        this.destroy(Object.assign(new Error('read failed'), { code: 'EISDIR' }));
      },
    });
    const { code, stderr } = await percentile('', broken);
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'error: Cannot read stdin: is a directory\n' });
  });

  it('--help shows how it is used', async () => {
    const { code, stdout } = await percentile('--help');
    expect(code).toBe(0);
    for (const part of [
      'cat raw_requests.csv | infer-bench percentile --p 0.95',
      'infer-bench percentile --p 0.5,0.95,0.99',
      'infer-bench percentile --ops',
      'infer-bench percentile --compat percentile-ps',
    ]) {
      expect(stdout).toContain(part);
    }
  });
});
