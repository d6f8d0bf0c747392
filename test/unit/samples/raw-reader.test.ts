import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOMES } from '../../../src/samples/outcomes.js';
import { SAMPLE_COLUMNS } from '../../../src/samples/samples-file.js';
import { type ReadResult, readRaw } from '../../support/read-raw.js';

const T = 1_700_000_000_000;

function latencies({ rows }: ReadResult): readonly number[] {
  return rows.map((row) => row.latency);
}

describe('files of requests', () => {
  it('the seed file: three columns, no header', () => {
    const read = readRaw(`${T},${T + 100},100\n${T + 5},${T + 25},20\n`);
    expect(read.rows).toEqual([
      { start: T, end: T + 100, latency: 100, ok: true, line: 1 },
      { start: T + 5, end: T + 25, latency: 20, ok: true, line: 2 },
    ]);
    expect(read.summary).toMatchObject({ kind: 'seed', timeFactor: 1000, rows: 2, failed: 0, torn: 0, rejected: 0 });
    expect(read.notes).toEqual([]);
  });

  it('our raw_requests.csv: a fourth column with a known outcome in the first row', () => {
    const read = readRaw(`${T},${T + 1},1,http_5xx\n${T},${T + 2},2,ok\n${T},${T + 3},3,timeout_total\n`);
    expect(read.rows.map(({ latency, ok }) => [latency, ok])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
    expect(read.summary).toMatchObject({ kind: 'raw', rows: 3, failed: 2 });
  });

  it('requests that never reached the network are in no population', () => {
    const read = readRaw('1,2,1,ok\n1,2,1,dropped\n1,2,1,local_ports\n1,2,1,not_sent_stopped\n1,2,1,ok\n');
    expect(read.rows).toHaveLength(2);
    expect(read.summary).toMatchObject({ rows: 2, leftOut: 3 });
  });

  it('further columns are ignored and said once, also where a fourth one is no outcome', () => {
    const read = readRaw('1,2,1,GET\n1,3,2,POST\n1,5,4\n1,6,5,a,b,c\n');
    expect(latencies(read)).toEqual([1, 2, 4, 5]);
    expect(read.notes).toEqual(['note: raw.csv:1: columns besides start, end and latency are ignored: "GET"']);
  });

  it('five columns are no outcome file, even with a known outcome in the fourth', () => {
    expect(readRaw('1,2,1,ok,x\n1,2,1,bogus,x\n').summary).toMatchObject({ kind: 'seed', rows: 2 });
  });

  it('further columns that only begin later are said where they begin', () => {
    expect(readRaw('1,2,1\n1,2,1,x\n1,2,1,y\n').notes).toEqual([
      'note: raw.csv:2: columns besides start, end and latency are ignored: "x"',
    ]);
  });
});

describe('headers', () => {
  it.each([
    ['names of our own', 'start_ms,end_ms,latency_ms', 1000],
    ['microseconds, as in the published Redis files', 'start_epoch_us,end_epoch_us,response_time_us', 1_000_000],
    ['seconds', 'start_s,end_s,latency_s', 1],
    ['without units', 'start,end,latency', 1000],
    ['units in two of three names', 'start_us,end_us,latency', 1000],
    ['a comment sign', '# start,end,latency', 1000],
    ['quotes', '"start_us","end_us","latency_us"', 1_000_000],
  ])('%s', (_, header, timeFactor) => {
    const read = readRaw(`${header}\n10,12,2\n`);
    expect(read.rows).toMatchObject([{ start: 10, end: 12, latency: 2, line: 2 }]);
    expect(read.timeFactor).toBe(timeFactor);
    expect(read.error).toBeUndefined();
  });

  it('a unit taken from the header is said', () => {
    expect(readRaw('start_us,end_us,latency_us\n10,12,2\n').notes).toEqual([
      'note: raw.csv: --time-factor 1000000, from the header: start_us, end_us, latency_us',
    ]);
  });

  it('an explicit time factor wins over the header, with a warning', () => {
    const read = readRaw('start_us,end_us,latency_us\n10,12,2\n', { timeFactor: 1000 });
    expect(read.timeFactor).toBe(1000);
    expect(read.notes).toEqual([
      'warning: raw.csv: --time-factor 1000 is used, though the header says 1000000: start_us, end_us, latency_us',
    ]);
  });

  it('an explicit time factor that agrees with the header is not worth a word', () => {
    expect(readRaw('start_us,end_us,latency_us\n10,12,2\n', { timeFactor: 1_000_000 }).notes).toEqual([]);
  });

  it('any other names stand for start, end and latency by position, which is said', () => {
    const read = readRaw('t0,t1,dt\n10,12,2\n');
    expect(latencies(read)).toEqual([2]);
    expect(read.notes).toEqual(['note: raw.csv: the columns t0, t1, dt are taken as start, end and latency']);
  });

  it('names are shown without what a terminal would obey', () => {
    const read = readRaw('start\u001b[2J,end,latency\n1,2,fast\n3,x,1\nx,4,1\n');
    expect(read.rejects.at(-1)).toBe('raw.csv:4: start\\x1b[2J is not a number: "x"');
    expect(readRaw('a\u001b[2J,b,c\n1,2,1\n').notes).toEqual([
      'note: raw.csv: the columns a\\x1b[2J, b, c are taken as start, end and latency',
    ]);
  });

  it('known names are found wherever they stand', () => {
    const read = readRaw(',latency_ms,outcome,end_ms,start_ms\n0,2,ok,12,10\n1,3,http_4xx,23,20\n');
    expect(read.rows).toMatchObject([
      { start: 10, end: 12, latency: 2, ok: true },
      { start: 20, end: 23, latency: 3, ok: false },
    ]);
  });

  it('a column named outcome makes unknown words an error even in the first row', () => {
    const read = readRaw('start,end,latency,outcome\n1,2,1,fine\n1,2,1,ok\n');
    expect(read.rejects).toEqual(['raw.csv:2: unknown outcome "fine"']);
  });

  it('an unnamed fourth column is an outcome when its first value is one', () => {
    expect(readRaw('start,end,latency\n1,2,1,timeout_total\n').summary).toMatchObject({ kind: 'raw', failed: 1 });
  });
});

describe('samples.csv', () => {
  const row = (values: Partial<Record<(typeof SAMPLE_COLUMNS)[number], string | number>>) =>
    SAMPLE_COLUMNS.map((column) => values[column] ?? '').join(',');
  const header = SAMPLE_COLUMNS.join(',');
  const sample = { phase: 'measure', outcome: 'ok', intended_us: 1000, start_us: 1500, end_us: 4000 };

  it('latency is end − intended, in microseconds of the epoch that the plan tells', () => {
    const read = readRaw(`${header}\n${row(sample)}\n`, { startedEpochUs: 5_000_000, timeFactor: 1_000_000 });
    expect(read.rows).toEqual([{ start: 5_001_000, end: 5_004_000, latency: 3000, ok: true, line: 2 }]);
    expect(read.timeFactor).toBe(1_000_000);
    expect(read.notes).toEqual([]);
  });

  it('--by start takes the real start, and still counts the latency from the intended one', () => {
    const read = readRaw(`${header}\n${row(sample)}\n`, { start: 'start' });
    expect(read.rows).toMatchObject([{ start: 1500, end: 4000, latency: 3000 }]);
  });

  it('warm-up and rows that were never sent are no samples', () => {
    const lines = [
      header,
      row({ ...sample, phase: 'warmup', intended_us: -500 }),
      row({ phase: 'measure', outcome: 'dropped', intended_us: 5 }),
      row({ phase: 'measure', outcome: 'not_sent_stopped', intended_us: 5 }),
      row({ ...sample, outcome: 'local_fds' }),
      row({ ...sample, phase: 'drain', outcome: 'http_5xx' }),
      row({ ...sample, outcome: 'abandoned', end_us: '' }),
    ];
    const read = readRaw(`${lines.join('\n')}\n`);
    expect(read.rows).toMatchObject([{ ok: false, line: 6 }]);
    expect(read.summary).toMatchObject({ kind: 'samples', rows: 1, failed: 1, leftOut: 5 });
    expect(read.notes).toEqual(['note: raw.csv: 1 abandoned requests have no end and are in no population']);
  });

  it('columns are found by name, in any order and with more beside them', () => {
    const read = readRaw('outcome,end_us,x,start_us,phase,intended_us\nok,9,?,5,measure,4\n');
    expect(read.rows).toMatchObject([{ start: 4, end: 9, latency: 5 }]);
  });

  it('an empty field at the very beginning is none, also where lines are plain', () => {
    const read = readRaw('end_us,outcome,phase,intended_us,start_us\n,ok,measure,0,0\n', { chunks: [42, 100] });
    expect(read.rejects).toEqual(['raw.csv:2: end_us is blank']);
  });

  it('a time factor on the command line is not for it, which is said', () => {
    const read = readRaw(`${header}\n${row(sample)}\n`, { timeFactor: 1000 });
    expect(read.timeFactor).toBe(1_000_000);
    expect(read.notes).toEqual(['warning: raw.csv is in microseconds: --time-factor 1000 is not for it']);
  });

  it.each([
    ['a blank end', { ...sample, end_us: '' }, 'end_us is blank'],
    ['a blank start that is asked for', { ...sample, start_us: '' }, 'start_us is blank'],
    ['an end before the intended start', { ...sample, end_us: 10 }, 'end_us 10 is before intended_us'],
    ['an end before the start', { ...sample, end_us: 1200 }, 'end_us 1200 is before start_us'],
    ['an unknown phase', { ...sample, phase: 'late' }, 'unknown phase "late"'],
    ['an unknown outcome', { ...sample, outcome: 'fine' }, 'unknown outcome "fine"'],
  ])('rejects %s', (_, values, reason) => {
    expect(readRaw(`${header}\n${row(values)}\n`, { start: 'start' }).rejects).toEqual([`raw.csv:2: ${reason}`]);
  });

  it('rejects a row of another width, and drops one that the end of the file cut', () => {
    const read = readRaw(`${header}\n1,2\n${row(sample)}\n${row(sample).slice(0, 20)}`);
    expect(read.rejects).toEqual([`raw.csv:2: 2 columns, wanted ${SAMPLE_COLUMNS.length}`]);
    expect(read.summary).toMatchObject({ rows: 1, torn: 1 });
  });

  it('a header without a needed column is an error', () => {
    expect(readRaw('seq,intended_us,end_us\n').error?.message).toBe(
      'raw.csv:1: the header of samples.csv lacks the column outcome',
    );
  });
});

describe('forms of text that are accepted', () => {
  it.each([
    ['a byte order mark', '\ufeff10,12,2\n20,25,5\n'],
    ['a byte order mark before a header', '\ufeffstart,end,latency\n10,12,2\n20,25,5\n'],
    ['CRLF', '10,12,2\r\n20,25,5\r\n'],
    ['lone CR', '10,12,2\r20,25,5\r'],
    ['mixed line ends', '10,12,2\r\n\n\r20,25,5\n'],
    ['no final newline', '10,12,2\n20,25,5'],
    ['blank lines and lines of spaces', '\n10,12,2\n\n   \n\t\r\n20,25,5\n\n\n'],
    ['spaces around numbers', ' 10 ,\t12, 2\n20,25,5 \n'],
    ['quotes', '"10","12","2"\n"20",25,"5"\n'],
    ['spaces around quotes', '"10" , "12","2" \n20,25,5\n'],
    ['decimals', '10.0,12.0,2.0\n20.,25,05\n'],
    ['exponents', '1e1,1.2E+1,2\n20,25,50e-1\n'],
    ['a plus sign', '+10,12,2\n20,25,5\n'],
    ['leading zeros', '0010,00000000000000000012,2\n20,25,5\n'],
    ['a line feed in a quoted number', '10,12,"2\n"\n20,25,5\n'],
    ['a comma, a line feed and a doubled quote in a further column', '10,12,2,"a,b\n""c"""\n20,25,5,x\n'],
  ])('%s', (_, text) => {
    for (const chunks of [[], [1], [2], [3], [7]]) {
      const read = readRaw(text, { chunks });
      expect(read.error).toBeUndefined();
      expect(read.rejects).toEqual([]);
      expect(read.rows.map(({ start, end, latency }) => [start, end, latency])).toEqual([
        [10, 12, 2],
        [20, 25, 5],
      ]);
    }
  });

  it('fractions of a unit survive', () => {
    expect(readRaw('1722930639.25,1722930639.5,0.25\n').rows).toMatchObject([
      { start: 1722930639.25, end: 1722930639.5, latency: 0.25 },
    ]);
  });

  it('lines are counted as an editor does, whatever ends them and whatever spans them', () => {
    const read = readRaw('\r\n1,2,1\r\r\n1,2,1,"a\nb\r\nc"\n1,2,1\n');
    expect(read.rows.map((row) => row.line)).toEqual([2, 4, 7]);
  });
});

describe('lines that are rejected, with their reason', () => {
  const good = '10,12,2\n';
  it.each([
    ['NaN', 'NaN,12,2', 'start is not a number: "NaN"'],
    ['inf', '10,inf,2', 'end is not a number: "inf"'],
    ['Infinity', '10,12,Infinity', 'latency is not a number: "Infinity"'],
    ['an exponent out of range', '10,12,1e400', 'latency is above 2^53: "1e400"'],
    ['hexadecimal', '0x10,12,2', 'start is not a number: "0x10"'],
    ['a negative time', '-10,12,2', 'start is negative: "-10"'],
    ['a negative latency', '10,12,-2', 'latency is negative: "-2"'],
    ['above 2^53', '10,9007199254740993,2', 'end is above 2^53: "9007199254740993"'],
    ['far above 2^53', '10,18446744073709551616,2', 'end is above 2^53: "18446744073709551616"'],
    ['end before start', '12,10,2', 'end 10 is before start 12'],
    ['one column', '10', '1 column, wanted at least 3'],
    ['two columns', '10,12', '2 columns, wanted at least 3'],
    ['a blank field', '10,,2', 'end is blank'],
    ['a field of spaces', '10,12,  ', 'latency is blank'],
    ['a word', '10,12,fast', 'latency is not a number: "fast"'],
    ['a grouped number', '10,12,1_000', 'latency is not a number: "1_000"'],
    ['two numbers in one field', '10,12,2 3', 'latency is not a number: "2 3"'],
    ['a header in the middle', 'start,end,latency', 'start is not a number: "start"'],
    ['an escape sequence', '10,12,\u001b[31m', 'latency is not a number: "\\x1b[31m"'],
    ['a NUL byte', '10,1\u00002,2', 'a NUL byte at byte 12'],
    ['text after a quote', '10,"12"3,2', 'its quotes are not those of CSV'],
    ['a quote within a field', '10,1"2,2', 'its quotes are not those of CSV'],
    ['an unclosed quote', '10,"12,2', 'a quote is never closed'],
  ])('%s', (_, line, reason) => {
    for (const chunks of [[], [1], [5]]) {
      const read = readRaw(`${good}${line}\n${good}`, { chunks });
      expect(read.rejects).toEqual([`raw.csv:2: ${reason}`]);
      expect(read.rejected).toBe(1);
      expect(latencies(read)).toEqual([2, 2]);
      expect(read.rows.at(-1)?.line).toBe(3);
    }
  });

  it('an unknown outcome in a file with outcomes', () => {
    expect(readRaw('1,2,1,ok\n1,2,1,okay\n1,2,1,ok\n').rejects).toEqual(['raw.csv:2: unknown outcome "okay"']);
  });

  it('another number of columns in a file with outcomes', () => {
    expect(readRaw('1,2,1,ok\n1,2,1\n1,2,1,ok,5\n').rejects).toEqual([
      'raw.csv:2: 3 columns, wanted 4',
      'raw.csv:3: 5 columns, wanted 4',
    ]);
  });

  it('bytes that are not UTF-8, with their position', () => {
    const bytes = Buffer.concat([Buffer.from('1,2,1,é\n1,2,1,'), Buffer.from([0xff, 0x0a]), Buffer.from('1,2,1,x\n')]);
    const read = readRaw(bytes);
    expect(read.rejects).toEqual(['raw.csv:2: no UTF-8 text at byte 15']);
    expect(read.rows).toHaveLength(2);
  });

  it('a bad first line does not decide what the columns are', () => {
    const read = readRaw('1,2\n1,2,1,ok\n1,2,1,bogus\n');
    expect(read.rejects).toEqual(['raw.csv:1: 2 columns, wanted at least 3', 'raw.csv:3: unknown outcome "bogus"']);
  });

  it('only the first ten are kept, all are counted', () => {
    const read = readRaw(`${good}${'x,y,1\n'.repeat(1000)}`);
    expect(read.rejects).toHaveLength(10);
    expect(read.rejected).toBe(1000);
  });

  it.each([
    ['a field', (size: number) => `10,12,2,${'x'.repeat(size)}`],
    ['a quoted field', (size: number) => `10,12,2,"${'x'.repeat(size)}"`],
    ['many columns', (size: number) => `10,12,2${',1'.repeat(size / 2)}`],
  ])('above 1 MiB: %s', (_, line) => {
    for (const chunks of [[], [65_536], [1000, 100_000]]) {
      const read = readRaw(`${good}${line(5_000_000)}\n${good}`, { chunks });
      expect(read.rejects).toEqual(['raw.csv:2: the line is longer than 1 MiB']);
      expect(read.rows.map((row) => row.line)).toEqual([1, 3]);
    }
  });

  it('below 1 MiB a long line is fine', () => {
    expect(readRaw(`${good}10,12,2,${'x'.repeat(1_000_000)}\n${good}`, { chunks: [1000] }).rows).toHaveLength(3);
  });

  it('an unclosed quote does not swallow what follows, however long', () => {
    const read = readRaw(`${good}10,"12,2\n${good.repeat(300_000)}`, { chunks: [65_536] });
    expect(read.rejects).toEqual(['raw.csv:2: a quote is never closed']);
    expect(read.rows).toHaveLength(300_001);
  });
});

describe('inputs that are refused', () => {
  it.each([
    ['nothing', '', 'raw.csv: the input is empty'],
    ['only blank lines', '\n\n  \n', 'raw.csv: the input is empty'],
    ['a byte order mark', '\ufeff', 'raw.csv: the input is empty'],
    ['a header only', 'start,end,latency\n', 'raw.csv: a header and no rows'],
    ['one cut line only', '170000', 'raw.csv: no complete row: the only line is torn'],
    ['raw_users.csv', '1722930639.471234,15\n', 'raw.csv:1: seems to be raw_users.csv'],
    ['raw_users.csv in one line without its end', '1722930639.471234,15', 'raw.csv:1: seems to be raw_users.csv'],
    ['raw_users.csv with a header', 'epoch_s,user_count\n1,2\n', 'raw.csv:1: seems to be raw_users.csv'],
    ['another header of it', 'epoch_s,users_count\n1,2\n', 'raw.csv:1: seems to be raw_users.csv'],
    ['our own output', 'epoch_s,count,p95_ms\n1,2,3\n', 'raw.csv:1: seems to be a per-second stream'],
    ['a stream with renamed columns', 'epoch_s,delay_ms\n1,2\n', 'raw.csv:1: seems to be a per-second stream'],
    ['the output of toolshed', 'Epoch (s),Response Time (s)\n1,2\n', 'raw.csv:1: seems to be a per-second stream'],
    ['a truth log', 'id,recv_ns,send_ns,batch,status\n', 'raw.csv:1: seems to be the truth log of a server'],
    ['two names', 'start,end\n1,2\n', 'raw.csv:1: the header has 2 columns, wanted start, end and latency'],
    ['a name twice', 'start,end,end\n1,2,3\n', 'raw.csv:1: the header names the column "end" twice'],
    [
      'different units',
      'start_ms,end_ms,latency_us\n1,2,3\n',
      'raw.csv:1: start_ms, end_ms, latency_us name different units',
    ],
  ])('%s', (_, text, message) => {
    const { error } = readRaw(text);
    expect(error?.kind).toBe('usage');
    expect(error?.message).toContain(message);
  });

  it.each([
    ['gzip', [0x1f, 0x8b, 8, 0], 'raw.csv: seems to be compressed with gzip'],
    ['UTF-16, little endian', [0xff, 0xfe, 0x31, 0], 'raw.csv: seems to be UTF-16 at byte 0, wanted UTF-8'],
    ['UTF-16, big endian', [0xfe, 0xff, 0, 0x31], 'raw.csv: seems to be UTF-16 at byte 0, wanted UTF-8'],
  ])('%s', (_, bytes, message) => {
    expect(readRaw(Uint8Array.from(bytes)).error?.message).toBe(message);
  });

  it('--by start on a file that only knows when a request was due', () => {
    const { error } = readRaw('1,2,1,ok\n', { start: 'start' });
    expect(error?.message).toBe('Cannot read --by start from raw.csv: its first column is when a request was due');
    expect(error?.hint).toContain('samples.csv');
    expect(readRaw('1,2,1\n', { start: 'start' }).rows).toMatchObject([{ start: 1 }]);
  });
});

describe('a torn last line', () => {
  it('no outcome is the beginning of another: a cut one is never taken for a whole one', () => {
    const beginnings = OUTCOMES.flatMap((outcome) =>
      OUTCOMES.filter((other) => other !== outcome && other.startsWith(outcome)),
    );
    expect(beginnings).toEqual([]);
  });

  it.each(['ok', 'timeout_total', 'http_429'])('is dropped wherever it is cut: outcome %s', (outcome) => {
    const whole = `${T},${T + 7},7,ok\n`;
    const last = `${T + 100},${T + 350},250,${outcome}`;
    for (let cut = 1; cut < last.length; cut++) {
      const read = readRaw(whole + whole + last.slice(0, cut));
      expect(read.rows, last.slice(0, cut)).toHaveLength(2);
      expect(read.summary).toMatchObject({ torn: 1, rejected: 0 });
      expect(read.notes).toEqual(['note: raw.csv:3: the last line is torn: 1 row dropped']);
    }
    expect(readRaw(whole + whole + last).rows).toHaveLength(3);
    expect(readRaw(`${whole + whole + last}\n`).rows).toHaveLength(3);
  });

  it('is dropped wherever it is cut in a file of three columns', () => {
    const whole = `${T},${T + 7},7\n`;
    const last = `${T + 100},${T + 350},250`;
    for (let cut = 1; cut < last.length; cut++) {
      const read = readRaw(whole + last.slice(0, cut));
      expect(read.rows, last.slice(0, cut)).toHaveLength(1);
      expect(read.summary).toMatchObject({ torn: 1, rejected: 0 });
    }
    expect(readRaw(whole + last).rows).toHaveLength(2);
  });

  it('is one with fewer columns than the rest', () => {
    expect(readRaw('1,2,1,x,y\n1,2,1,x').summary).toMatchObject({ rows: 1, torn: 1 });
  });

  it('is one in the middle of a quote', () => {
    expect(readRaw('1,2,1\n"1","2').summary).toMatchObject({ rows: 1, torn: 1, rejected: 0 });
  });

  it('a terminated line is never torn', () => {
    expect(readRaw('1,20,19,ok\n1,20,1,ok\n1,2\n').rejects).toEqual(['raw.csv:3: 2 columns, wanted 4']);
    expect(readRaw('1,20,19\n1,20,1\n').rows).toHaveLength(2);
  });

  it('what no cut can leave is a bad line', () => {
    expect(readRaw('1,2,1\n1,2,fast').rejects).toEqual(['raw.csv:2: latency is not a number: "fast"']);
    expect(readRaw('1,2,1\n1,x,1').rejects).toEqual(['raw.csv:2: end is not a number: "x"']);
    expect(readRaw('1,2,1\n5,2,1').rejects).toEqual(['raw.csv:2: end 2 is before start 5']);
  });

  it('a whole one with fractions adds up to the rounding of doubles', () => {
    expect(readRaw('0.1,0.2,0.1\n1722930639.1,1722930639.4,0.3').summary).toMatchObject({ rows: 2, torn: 0 });
  });
});

describe('properties', () => {
  const request = fc.record({
    start: fc.nat({ max: 2 ** 31 - 1 }).map((ms) => T + ms),
    latency: fc.nat({ max: 100_000 }),
    outcome: fc.constantFrom('ok', 'ok', 'ok', 'http_5xx', 'timeout_total', 'grpc_UNAVAILABLE'),
  });
  const requests = fc.array(request, { minLength: 1, maxLength: 40 });
  const fields = ({ start, latency, outcome }: { start: number; latency: number; outcome: string }) => [
    String(start),
    String(start + latency),
    String(latency),
    outcome,
  ];

  /** Other ways to write the same fields, so that no line is plain. */
  const styles: readonly ((fields: readonly string[]) => string)[] = [
    (all) => all.map((field) => `"${field}"`).join(','),
    (all) => all.map((field) => ` ${field}\t`).join(','),
    ([start, end, latency, ...rest]) => [`${start}.0`, `+${end}`, `${latency}e0`, ...rest].join(','),
    (all) => all.map((field) => `"${field}\n"`).join(' , '),
  ];

  it('lines that take the fast path and lines that csv-parse reads give the same rows', () => {
    fc.assert(
      fc.property(requests, fc.boolean(), fc.constantFrom('\n', '\r\n', '\r'), (list, outcomes, eol) => {
        const rows = list.map((each) => fields(each).slice(0, outcomes ? 4 : 3));
        const plain = readRaw(rows.map((row) => row.join(',') + eol).join(''));
        expect(plain.rows).toHaveLength(list.length);
        const values = (read: ReadResult) => read.rows.map(({ line, ...row }) => row);
        for (const style of styles) {
          const other = readRaw(rows.map((row) => style(row) + eol).join(''));
          expect(values(other)).toEqual(values(plain));
          expect(other.summary).toMatchObject({ kind: plain.summary?.kind, failed: plain.summary?.failed });
        }
        const mixed = readRaw(
          rows.map((row, index) => (index % 3 ? row.join(',') : styles[index % 4]?.(row)) + eol).join(''),
        );
        expect(values(mixed)).toEqual(values(plain));
      }),
      { numRuns: 60 },
    );
  });

  it('chunk boundaries do not matter, whatever the text', () => {
    const piece = fc.constantFrom(
      ...['1,2,1', '"1","2","1"', '5,9,4,ok', '5,9,4,http_5xx', '1,2', 'x,y,z', '"', '""', '"a\nb"', ',', '"1,2', 'é'],
      ...['1.5,2.5,1', ' ', '\t', '\ufeff', '\u0000'],
    );
    const text = fc
      .array(fc.tuple(piece, fc.constantFrom('\n', '\r\n', '\r', '')), { maxLength: 30 })
      .map((parts) => parts.flat().join(''));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 5 }), (input, chunks) => {
        const { error: cutError, ...cut } = readRaw(input, { chunks });
        const { error, ...whole } = readRaw(input);
        expect(cutError?.message).toBe(error?.message);
        expect(cut).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('every line of plain text is a row, a reject or blank: nothing is lost', () => {
    const line = fc.constantFrom('1,2,1', '1,2', 'x', '', '3,2,1', '1,2,1,z', '1,2,,', '"1",2,1', '1e3,2e3,1e3');
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), (lines) => {
        const read = readRaw(`7,8,1\n${lines.join('\n')}\n`);
        expect(read.rows.length + read.rejected + lines.filter((each) => each === '').length).toBe(lines.length + 1);
      }),
    );
  });
});
