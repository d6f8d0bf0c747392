import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BenchError } from '../../../src/errors.js';
import { type Escape, type Row, rowOf, template } from '../../../src/protocols/template.js';

const fill = (text: string, row: Row, escaping: Escape = 'text') =>
  template(text, { flag: '--body', escaping }).fill(row);

function problem(text: string, row: Row, escaping: Escape = 'text'): string {
  try {
    fill(text, row, escaping);
  } catch (error) {
    expect(error).toBeInstanceOf(BenchError);
    expect((error as BenchError).kind).toBe('usage');
    return (error as BenchError).message;
  }
  throw new Error('was taken');
}

describe('a placeholder', () => {
  it.each([
    ['no placeholder', {}, 'no placeholder'],
    ['{{a}}', { a: 'x' }, 'x'],
    ['<{{ a }}{{b c}}>', { a: 1, 'b c': true }, '<1true>'],
    ['{"a":{"b":1}}', {}, '{"a":{"b":1}}'],
    ['{{{{a}}', { a: 1 }, '{{a}}'],
    ['{{a}}', { a: null }, ''],
    ['{{a}}', { a: [1, 'x'] }, '[1,"x"]'],
    ['{{a}}', { a: '{{b}}', b: 'never' }, '{{b}}'],
  ])('in %s with %j gives %s', (text, row, filled) => {
    expect(fill(text, row)).toBe(filled);
  });

  it('of a column that is not there is an error with those that are', () => {
    expect(problem('{{txet}}', { text: 1, label: 2 })).toBe(
      'Cannot fill {{txet}} of --body: the dataset has the columns text, label (did you mean text?)',
    );
    expect(problem('{{text}}', {})).toBe('Cannot fill {{text}} of --body: there is no dataset');
    // A name that every object has is no column.
    expect(problem('{{constructor}}', { text: 1 })).toContain('the columns text');
  });

  it('has to be closed and to have a name', () => {
    expect(problem('a {{b', { b: 1 })).toContain('is not closed: "{{b"');
    expect(problem('{{ }}', {})).toContain('has no name');
  });

  it('is told from a text without any', () => {
    expect(template('a', { flag: '--body', escaping: 'text' }).fixed).toBe(true);
    expect(template('{{a}}', { flag: '--body', escaping: 'text' }).fixed).toBe(false);
  });
});

describe('in a JSON body', () => {
  it.each([
    ['{"t":"{{t}}"}', { t: 'a "b"\n\\' }, { t: 'a "b"\n\\' }],
    ['{"t":"<{{t}}>"}', { t: '{"x":1}' }, { t: '<{"x":1}>' }],
    ['{"n":"{{n}}"}', { n: 5 }, { n: '5' }],
    ['{"n":{{n}}}', { n: 5 }, { n: 5 }],
    ['{"n":{{n}}}', { n: '5' }, { n: 5 }],
    ['{"n":{{n}}}', { n: [0.5, 1] }, { n: [0.5, 1] }],
    ['{"n":{{n}}}', { n: null }, { n: null }],
    ['{"q":"\\"{{t}}","n":{{n}}}', { t: 'x', n: 1 }, { q: '"x', n: 1 }],
    ['{"{{t}}":1}', { t: 'key' }, { key: 1 }],
  ])('%s with %j is %j', (text, row, value) => {
    expect(JSON.parse(fill(text, row, 'json'))).toEqual(value);
  });

  it('any text comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (t) => {
        expect(JSON.parse(fill('{"t":"{{t}}"}', { t }, 'json'))).toEqual({ t: t.toWellFormed() });
      }),
    );
  });

  it('text outside of quotes is an error', () => {
    expect(problem('{"t":{{t}}}', { t: 'hello' }, 'json')).toBe(
      'Cannot fill {{t}} of --body: it stands outside of quotes, and "hello" is no JSON',
    );
  });
});

describe('in a path', () => {
  it('any text is one part, and comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (t) => {
        const path = fill('/a/{{t}}?q={{t}}', { t }, 'url');
        expect(path).toMatch(/^\/a\/[\x21-\x7e]*$/);
        const { pathname, search } = new URL(`http://host${path.replace(/^\/a\//, '/a/x')}`);
        expect(decodeURIComponent(pathname)).toBe(`/a/x${t.toWellFormed()}`);
        expect(decodeURIComponent(search.slice(3))).toBe(t.toWellFormed());
      }),
    );
  });

  it('literal text is made fit to be sent, and what is encoded stays', () => {
    expect(fill('/ä b/%20?q="x"', {}, 'url')).toBe('/%C3%A4%20b/%20?q=%22x%22');
  });
});

describe('in a header', () => {
  it('only one line of Latin-1 is taken, and no literal text is shown', () => {
    expect(fill('Bearer {{t}}', { t: 'abc é' }, 'header')).toBe('Bearer abc é');
    for (const t of ['a\r\nx: y', 'ł', '\0']) {
      expect(problem('{{t}}', { t }, 'header')).toContain('a header takes one line of Latin-1');
    }
    expect(problem('secret {{', {}, 'header')).not.toContain('secret');
  });
});

describe('in a form', () => {
  it('values are encoded, the rest stays', () => {
    expect(fill('a={{t}}&b=c d', { t: 'x&y=z' }, 'form')).toBe('a=x%26y%3Dz&b=c d');
  });
});

describe('the columns of an item', () => {
  it.each([
    [{ kind: 'text', text: 'x' } as const, { text: 'x' }],
    [{ kind: 'tensor', shape: [2], values: Float32Array.of(0.5, 1) } as const, { values: [0.5, 1], shape: [2] }],
    [{ kind: 'row', columns: { a: 1 } } as const, { a: 1 }],
  ])('%j has %j', (item, row) => {
    expect(rowOf(item)).toEqual(row);
  });
});
