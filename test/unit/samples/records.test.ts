import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvFields, recordSplitter } from '../../../src/samples/records.js';

/** What a splitter makes of an input: records with their line and whether they end, and rejected lines. */
function split(chunks: readonly (string | Uint8Array)[]) {
  const cursor = { line: 1 };
  const seen: (readonly [line: number, what: string | readonly string[], terminated?: boolean])[] = [];
  const splitter = recordSplitter(cursor, {
    scan: (_, from) => from,
    record: (fields, terminated) => seen.push([cursor.line, fields, terminated]),
    reject: (reason) => seen.push([cursor.line, reason]),
  });
  for (const chunk of chunks) {
    splitter.feed(Buffer.from(chunk));
  }
  splitter.end();
  return seen;
}

describe('records', () => {
  it('know their line, and whether they end', () => {
    expect(split(['a,b\r\n\n"c\nd",e\rf'])).toEqual([
      [1, ['a', 'b'], true],
      [3, ['c\nd', 'e'], true],
      [5, ['f'], false],
    ]);
  });

  it('CR and LF of one line end may come apart', () => {
    expect(split(['a\r', '\nb\r', 'c\n'])).toEqual([
      [1, ['a'], true],
      [2, ['b'], true],
      [3, ['c'], true],
    ]);
  });

  it('a quoted last record may end without a line end', () => {
    expect(split(['"a\nb",c'])).toEqual([[1, ['a\nb', 'c'], false]]);
  });

  it('a quote that is never closed costs its own line only', () => {
    expect(split(['x\n"a,b\nc\nd\n'])).toEqual([
      [1, ['x'], true],
      [2, 'a quote is never closed'],
      [3, ['c'], true],
      [4, ['d'], true],
    ]);
  });

  it('a quote that closes in the wrong place costs its own line only', () => {
    expect(split(['"a\nb"c\nd\n'])).toEqual([
      [1, 'its quotes are not those of CSV'],
      [2, 'its quotes are not those of CSV'],
      [3, ['d'], true],
    ]);
  });

  it('an open quote in an unterminated last line is one column', () => {
    expect(split(['x,y\n1,"2'])).toEqual([
      [1, ['x', 'y'], true],
      [2, ['1,"2'], false],
    ]);
  });

  it('bytes that are no text are told with their position in the input', () => {
    expect(split(['a\n', Uint8Array.from([0x62, 0xe2, 0x82, 0x0a]), 'c\n', 'd\u0000\n'])).toEqual([
      [1, ['a'], true],
      [2, 'no UTF-8 text at byte 3'],
      [3, ['c'], true],
      [4, 'a NUL byte at byte 9'],
    ]);
  });

  it('a long line in tiny chunks takes no more than its length', () => {
    const chunk = Buffer.alloc(64, 'x');
    const seen = split([...Array.from({ length: 20_000 }, () => chunk), '\nb\n']);
    expect(seen).toEqual([
      [1, 'the line is longer than 1 MiB'],
      [2, ['b'], true],
    ]);
  });
});

it('the fields of any record are those of csv-parse', () => {
  const token = fc.constantFrom('a', '1', ' ', '\t', ',', '"', '""', '\n', 'é', "'");
  const record = fc.array(token, { minLength: 1, maxLength: 12 }).map((tokens) => tokens.join(''));
  fc.assert(
    fc.property(record, (text) => {
      let want: readonly string[] | undefined;
      try {
        const records = parse(text, { trim: true, relax_column_count: true, record_delimiter: '\n' });
        want = records.length === 1 ? records[0] : undefined;
      } catch {
        want = undefined;
      }
      // Line feeds outside of quotes end a record: the splitter never hands them over.
      fc.pre(want !== undefined || !text.includes('\n'));
      fc.pre(text.trim() !== '');
      const trim = (fields: readonly string[] | undefined) => fields?.map((field) => field.trim());
      expect(trim(csvFields(text))).toEqual(trim(want));
    }),
    { numRuns: 2000 },
  );
});
