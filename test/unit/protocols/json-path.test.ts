import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlagProblem } from '../../../src/flags.js';
import { expectationProblem, parseExpectation } from '../../../src/protocols/json-path.js';

const check = (answer: unknown, ...texts: readonly string[]) => expectationProblem(answer, texts.map(parseExpectation));

/** The worked example of RFC 9535, 1.5, shortened. */
const STORE = {
  store: {
    book: [
      { category: 'reference', price: 8.95 },
      { category: 'fiction', price: 12.99, isbn: '0-553-21311-3' },
    ],
    'bi cycle': { color: 'red', price: 399, sold: false, rack: null },
  },
};

describe('a path', () => {
  it.each([
    ['$.store.book[0].category=reference'],
    ["$['store']['book'][1].isbn=0-553-21311-3"],
    ['$.store["bi cycle"].color=red'],
    ['$.store.book[-1].price=12.99'],
    ['$.store.book[*].price'],
    ['$.store.*'],
    ['$.store["bi cycle"].sold=false'],
    ['$.store["bi cycle"].rack=null'],
    ['$.store["bi cycle"]={"price":399,"color":"red","sold":false,"rack":null}'],
    ['$'],
  ])('%s holds', (text) => {
    expect(check(STORE, text)).toBeUndefined();
  });

  it.each([
    ['$.store.book[0].category=fiction', 'Expected $.store.book[0].category=fiction: got "reference"'],
    ['$.store.book[2]', 'Expected $.store.book[2]: there is no such value'],
    ['$.store.book[-3]', 'Expected $.store.book[-3]: there is no such value'],
    ['$.store.book.length', 'Expected $.store.book.length: there is no such value'],
    ['$.store.book[*].category=fiction', 'Expected $.store.book[*].category=fiction: got "reference"'],
    ['$.toString', 'Expected $.toString: there is no such value'],
    ['$.store[0]', 'Expected $.store[0]: there is no such value'],
    ['$.store["bi cycle"].rack.x', 'Expected $.store["bi cycle"].rack.x: there is no such value'],
  ])('%s does not hold, and why', (text, problem) => {
    expect(check(STORE, text)).toBe(problem);
  });

  it.each([['store'], ['$store'], ['$.'], ['$..price'], ['$.a[1:2]'], ['$.a[?@.b]'], ['$["a]'], ['$.a [']])(
    '%s is none of ours',
    (text) => {
      expect(() => parseExpectation(text)).toThrow(FlagProblem);
    },
  );

  it('to any member in quotes leads there', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (name, value) => {
        const quoted = name.replace(/[\\']/g, '\\$&');
        expect(check(Object.fromEntries([[name, value]]), `$['${quoted}']=${JSON.stringify(value)}`)).toBeUndefined();
      }),
    );
  });
});

describe('a value', () => {
  it('is JSON, and a text also equals what was typed', () => {
    expect(check({ n: 5 }, '$.n=5')).toBeUndefined();
    expect(check({ n: '5' }, '$.n=5')).toBeUndefined();
    expect(check({ n: 5 }, '$.n="5"')).toBe('Expected $.n="5": got 5');
    expect(check({ n: 'a=b' }, '$.n=a=b')).toBeUndefined();
    expect(check({ n: '' }, '$.n=')).toBeUndefined();
    expect(check({ n: 'true' }, '$.n=true')).toBeUndefined();
  });

  it.each([
    ['-0', '0', true],
    ['1.0', '1', true],
    ['[1,2]', '[2,1]', false],
    ['{"a":1,"b":[]}', '{"b":[],"a":1}', true],
    ['{"a":1}', '{"a":1,"b":2}', false],
    ['{"a":1,"b":2}', '{"a":1}', false],
    ['{"0":1}', '[1]', false],
    ['[]', '{}', false],
    ['{"x":1}', '{"toString":1}', false],
  ])('%s against %s', (value, wanted, same) => {
    expect(check({ a: JSON.parse(value) }, `$.a=${wanted}`) === undefined).toBe(same);
  });

  it('that is nested as deep as no stack goes is compared all the same', () => {
    const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    expect(check({ a: deep }, '$.a=[[]]')).toContain('Expected $.a=[[]]');
  });

  it('has to be there for each of several checks', () => {
    expect(check({ a: 1, b: 2 }, '$.a=1', '$.b=3')).toBe('Expected $.b=3: got 2');
  });
});
