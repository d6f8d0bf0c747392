import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, parseTfJson, quoted } from '../../../src/server/tf-serving-json.js';

function parse(text: string) {
  return parseTfJson(Buffer.from(text));
}

describe('parseTfJson', () => {
  it('agrees with JSON.parse on all JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parse(JSON.stringify(value))).toEqual({ value: JSON.parse(JSON.stringify(value)) });
      }),
    );
  });

  it('agrees with JSON.parse also where a bare token makes the tolerant reader take over', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (value, space) => {
        const text = `[NaN, ${JSON.stringify(value, undefined, space)}]`;
        expect(parse(text)).toEqual({ value: [Number.NaN, JSON.parse(JSON.stringify(value))] });
      }),
    );
  });

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['Inf', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['-Inf', Number.NEGATIVE_INFINITY],
  ])('takes the bare token %s', (token, value) => {
    expect(parse(` { "x" : [ 1 , ${token} ] } `)).toEqual({ value: { x: [1, value] } });
  });

  it('takes a byte order mark', () => {
    expect(parse('\ufeff{"x": 1}')).toEqual({ value: { x: 1 } });
  });

  it.each([
    ['nothing', '', 'The document is empty'],
    ['blanks', '   ', 'The document is empty. at offset: 3'],
    ['a missing value', '{"instances": [1, }', 'Invalid value. at offset: 18'],
    ['an unfinished list', '{"instances": [1', 'Missing a comma or ] after an array element. at offset: 16'],
    ['two values', '{} {}', 'The document root must not be followed by other values. at offset: 3'],
    ['a name without quotes', '{a: 1}', 'Missing a name for object member. at offset: 1'],
    ['a comma before }', '{"a": 1,}', 'Missing a name for object member. at offset: 8'],
    ['no colon', '{"a" 1}', 'Missing a colon after a name of object member. at offset: 5'],
    ['no comma', '{"a": 1 "b": 2}', 'Missing a comma or } after an object member. at offset: 8'],
    ['an open string', '["abc', 'Missing a closing quotation mark in string. at offset: 5'],
    ['an unknown escape', '["a\\x"]', 'Invalid escape character in string. at offset: 3'],
    ['a short \\u', '["\\u12"]', 'Incorrect hex digit after \\u escape in string. at offset: 2'],
    ['a raw line break in a string', '["a\nb"]', 'Invalid encoding in string. at offset: 1'],
    ['a dot without digits', '[1.]', 'Miss fraction part in number. at offset: 3'],
    ['an exponent without digits', '[1e+]', 'Miss exponent in number. at offset: 4'],
    ['a word', '[nul]', 'Invalid value. at offset: 1'],
    ['an offset in bytes, not letters', '["äöü", ?]', 'Invalid value. at offset: 11'],
  ])('words the error of %s', (_title, text, problem) => {
    expect(parse(text)).toEqual({
      error: { code: 'INVALID_ARGUMENT', message: `JSON Parse error: ${problem}` },
    });
  });

  it('refuses nesting that would run out of stack', () => {
    const text = `${'['.repeat(100_000)}NaN`;
    expect(parse(text).error?.message).toMatch(/^JSON Parse error: Terminate parsing/);
  });

  it('reads megabytes with a bare token in them', () => {
    const text = `{"s": "${'x\\n'.repeat(2_000_000)}", "x": NaN}`;
    expect((parse(text).value as { s: string }).s).toHaveLength(4_000_000);
  });
});

describe('quoted', () => {
  it('prints as the server does, with four blanks', () => {
    expect(quoted({ a: [1, 'x', null], b: {} })).toBe(
      '{\n    "a": [\n        1,\n        "x",\n        null\n    ],\n    "b": {}\n}',
    );
  });

  it.each([
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [[], '[]'],
    ['a"b', '"a\\"b"'],
    [true, 'true'],
  ])('prints %j', (value, text) => {
    expect(quoted(value)).toBe(text);
  });

  it('cuts after 256 characters, whatever the size', () => {
    expect(quoted(Array.from({ length: 1_000_000 }, () => 0))).toHaveLength(256);
    expect(quoted('x'.repeat(10_000_000))).toHaveLength(256);
    expect(quoted({ [`${'k'.repeat(300)}`]: 1 })).toHaveLength(256);
  });
});

describe('decimal', () => {
  it.each([
    [0, '0.0'],
    [1, '1.0'],
    [-2, '-2.0'],
    [0.25, '0.25'],
    [Math.fround(0.1), '0.1'],
    [Math.fround(1 / 3), '0.333333343'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ])('writes %d as %s', (value, text) => {
    expect(decimal(value)).toBe(text);
  });

  it('loses nothing of a float32', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Math.fround(JSON.parse(decimal(value)) as number)).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});
