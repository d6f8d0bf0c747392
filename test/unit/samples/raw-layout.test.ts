import { describe, expect, it } from 'vitest';
import { isHeader, isNumberBeginning, looksLikeUsers, quoted, readNumber } from '../../../src/samples/raw-layout.js';

describe('a first line', () => {
  it.each([
    ['start,end,latency', true],
    ['#start,end,latency', true],
    [',start,end', true],
    ['début,fin,durée', true],
    ['_a,b,c', true],
    ['1,2,3', false],
    ['a,2,3', false],
    ['NaN,NaN,NaN', false],
    ['inf,Infinity,null', false],
    [',,', false],
    ['-,-,-', false],
    ['0x1,0x2,0x3', false],
  ])('%s: header %s', (line, want) => {
    expect(isHeader(line.split(','))).toBe(want);
  });
});

describe('a number', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['+7', 7],
    ['007', 7],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['25E-1', 2.5],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('%s is %d', (text, value) => {
    expect(readNumber(text, 'x')).toBe(value);
  });

  it.each(['', '.', 'e5', '1e', '0x10', '1_000', '1,5', 'Infinity', '١', '1e400', '9007199254740992', '-1', '--1'])(
    '%j is none',
    (text) => {
      expect(readNumber(text, 'x')).toBeTypeOf('string');
    },
  );

  it.each([
    ['', true],
    ['12', true],
    ['12.', true],
    ['1e', true],
    ['1e-', true],
    ['-', false],
    ['x', false],
    ['1x', false],
  ])('%j is the beginning of one: %s', (text, want) => {
    expect(isNumberBeginning(text)).toBe(want);
  });
});

it.each([
  ['1722930639.47,15', true],
  ['1722930639,15', true],
  ['1700000000000,1700000000100', false],
  ['1,2,3', false],
  ['x,1', false],
])('%s is a row of raw_users.csv: %s', (line, want) => {
  expect(looksLikeUsers(line.split(','))).toBe(want);
});

it('text for a message is short and harmless', () => {
  expect(quoted('a\nb')).toBe('"a\\x0ab"');
  expect(quoted('x'.repeat(1000))).toHaveLength(83);
});
