import { describe, expect, it } from 'vitest';
import { percentilePsReader } from '../../../src/samples/percentile-ps-reader.js';

function read(inputs: readonly (string | Uint8Array)[], { endsOnly = false, chunkBytes = 1 << 20 } = {}) {
  const reader = percentilePsReader(endsOnly);
  inputs.every((input, index) => {
    const bytes = Buffer.from(input);
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      if (!reader.feed(`${index}.csv`, bytes.subarray(at, at + chunkBytes))) {
        return false;
      }
    }
    return reader.endFile(`${index}.csv`);
  });
  return reader.finish();
}

const ends = (result: ReturnType<typeof read>) => result.rows.map((row) => Number(row.end));

describe('the input rules of percentile-ps', () => {
  it('takes unsigned 64-bit integers whole', () => {
    const { rows } = read(['18446744073709551615,18446744073709551614,9007199254740993\n']);
    expect(rows[0]).toMatchObject({
      start: 18446744073709551615n,
      end: 18446744073709551614n,
      latency: 9007199254740993n,
    });
  });

  it.each([
    ['white space at the ends of a line', '  1,2,3\t\r\n\u00a01,2,3\u2003\n'],
    ['no final newline', '1,2,3\n1,2,3'],
    ['further columns', '1,2,3,x,y\n1,2,3,\n'],
    ['plus signs and leading zeros', '+1,+2,+3\n01,002,0003\n'],
  ])('accepts %s', (_, text) => {
    expect(ends(read([text]))).toEqual([2, 2]);
    expect(ends(read([text], { chunkBytes: 1 }))).toEqual([2, 2]);
  });

  it.each([
    ['a blank line', '1,2,3\n\n4,5,6\n'],
    ['a line of white space', '1,2,3\n \t\r\n4,5,6\n'],
    [
      'a line that is not UTF-8',
      Buffer.concat([Buffer.from('1,2,3\n'), Buffer.from([0xff, 10]), Buffer.from('4,5,6\n')]),
    ],
  ])('%s ends the input', (_, text) => {
    const result = read([text, '7,8,9\n'], { chunkBytes: 3 });
    expect(ends(result)).toEqual([2]);
    expect(result.stop).toMatchObject({ file: '0.csv', line: 2 });
  });

  it('several inputs are one, line by line', () => {
    expect(ends(read(['1,2,3', '4,5,6\n']))).toEqual([2, 5]);
  });

  it.each([
    ['a header', 'start,end,latency\n', '0.csv:1: start is not an unsigned 64-bit integer: "start"'],
    ['a fraction', '1,2,3\n1,2.5,3\n', '0.csv:2: end is not an unsigned 64-bit integer: "2.5"'],
    ['a negative number', '1,2,-3\n', '0.csv:1: latency is not an unsigned 64-bit integer: "-3"'],
    ['inner space', '1, 2,3\n', '0.csv:1: end is not an unsigned 64-bit integer: " 2"'],
    ['space before an ignored column', '1,2,3 ,x\n', '0.csv:1: latency is not an unsigned 64-bit integer: "3 "'],
    ['an empty field', '1,,3\n', '0.csv:1: end is not an unsigned 64-bit integer: ""'],
    ['2^64', '18446744073709551616,2,3\n', '0.csv:1: start is not an unsigned 64-bit integer: "18446744073709551616"'],
    ['a lone CR', '1,2,3\r4,5,6\n', '0.csv:1: latency is not an unsigned 64-bit integer: "3\\x0d4"'],
    ['a byte order mark', '\ufeff1,2,3\n', '0.csv:1: start is not an unsigned 64-bit integer: "\ufeff1"'],
    ['two columns', '1,2\n', '0.csv:1: 2 columns, wanted at least 3'],
    ['nothing', '', '0.csv: the input is empty'],
    ['a blank first line', '\n1,2,3\n', '0.csv:1: the input ends here, at a blank line, before any row'],
  ])('refuses %s', (_, text, message) => {
    expect(() => read([text])).toThrow(message);
  });

  it('looks at the ends only where operations are counted', () => {
    expect(ends(read(['x,5,y\n-1,6\n'], { endsOnly: true }))).toEqual([5, 6]);
    expect(() => read(['5\n'], { endsOnly: true })).toThrow('0.csv:1: 1 column, wanted at least 2');
  });
});
