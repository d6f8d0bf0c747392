import { describe, expect, it } from 'vitest';
import { checked, difference, expecting, labelOf } from '../../../src/protocols/checks.js';
import type { Protocol } from '../../../src/protocols/protocol.js';
import { torchserve } from '../../../src/protocols/torchserve.js';
import { answer, requestOf } from '../../support/replies.js';

const codec = (await torchserve.create({ model: 'm', 'model-version': undefined }, '')) as Protocol;
const say = (rows: unknown) => answer(JSON.stringify(rows));

describe('--check first', () => {
  const first = () => checked(codec, { level: 'first', toleranceRatio: 0.01 });

  it('takes the first answer to a payload, and what is near it', () => {
    const { decode } = first();
    const request = requestOf(2);
    expect(
      decode(
        say([
          [1, 2],
          [3, 4],
        ]),
        request,
      ).outcome,
    ).toBe('ok');
    expect(
      decode(
        say([
          [1.005, 2],
          [3, 4],
        ]),
        request,
      ).outcome,
    ).toBe('ok');
  });

  it('finds another answer wrong, and says where', () => {
    const { decode } = first();
    const request = requestOf(2);
    decode(
      say([
        [1, 2],
        [3, 4],
      ]),
      request,
    );
    expect(
      decode(
        say([
          [1, 2],
          [3, 5],
        ]),
        request,
      ),
    ).toEqual({
      outcome: 'wrong_output',
      detail: 'Item 1: [1] wanted 4, got 5',
    });
  });

  it('knows the payloads apart', () => {
    const { decode } = first();
    expect(decode(say([[1]]), requestOf(1)).outcome).toBe('ok');
    expect(decode(say([[9]]), requestOf(1)).outcome).toBe('ok');
  });

  it('leaves an answer without the right shape to the codec', () => {
    expect(first().decode(say([[1]]), requestOf(2)).outcome).toBe('schema_mismatch');
  });
});

describe('--check FILE', () => {
  const { decode } = checked(codec, { level: 'golden', toleranceRatio: 1e-4 });
  const request = requestOf(2, { expected: [{ label: '1' }, { values: [0.25, 0.75] }] });

  it('compares labels and values', () => {
    expect(
      decode(
        say([
          [0.1, 0.9],
          [0.25, 0.75],
        ]),
        request,
      ),
    ).toEqual({ outcome: 'ok' });
    expect(
      decode(
        say([
          [0.9, 0.1],
          [0.25, 0.75],
        ]),
        request,
      ),
    ).toEqual({
      outcome: 'wrong_output',
      detail: 'Item 0: wanted the label 1, got 0',
    });
    expect(
      decode(
        say([
          [0.1, 0.9],
          [0.25, 0.7],
        ]),
        request,
      ).outcome,
    ).toBe('wrong_output');
  });

  it('has its right answers from the items', () => {
    const item = { kind: 'tensor', shape: [1], values: Float32Array.of(1), expected: { label: '7' } } as const;
    expect(expecting(codec).encode([item]).expected).toEqual([{ label: '7' }]);
  });
});

describe('--check none', () => {
  const unchecked = (protocol: Protocol) => checked(protocol, { level: 'none', toleranceRatio: 0 });

  it('reads no answer', () => {
    const decode = () => {
      throw new Error('read');
    };
    expect(unchecked({ ...codec, decode }).decode(say('no list'), requestOf(2))).toEqual({ outcome: 'ok' });
  });

  it('reads answers that say more, whether they are right or not', () => {
    const told = { cache: 'hit', tokensOut: 3 } as const;
    const decode = () => ({ outcome: 'schema_mismatch', detail: 'wrong', ...told }) as const;
    expect(unchecked({ ...codec, tells: true, decode }).decode(say([]), requestOf(1))).toEqual({
      outcome: 'ok',
      ...told,
    });
  });
});

describe('--check shape', () => {
  it('is the codec as it is', () => {
    expect(checked(codec, { level: 'shape', toleranceRatio: 0 })).toBe(codec);
  });
});

describe('the label of an answer', () => {
  it.each([
    ['scores', [0.1, 0.7, 0.2], '1'],
    [
      'pairs',
      [
        ['cat', 0.2],
        ['dog', 0.8],
      ],
      'dog',
    ],
    [
      'objects with label and score',
      [
        { label: 'NEGATIVE', score: 0.6 },
        { label: 'POSITIVE', score: 0.4 },
      ],
      'NEGATIVE',
    ],
    ['an object of scores', { joy: 0.9, others: 0.1 }, 'joy'],
    ['a text', 'cat', 'cat'],
    ['a list of one label', ['cat'], 'cat'],
    ['a number', 3, '3'],
    ['several outputs of which one has scores', { scores: [0.3, 0.7], classes: ['a', 'b'] }, '1'],
    ['nothing', null, undefined],
    ['no scores', [['x'], ['y']], undefined],
    ['two outputs with scores', { a: [1], b: [2] }, undefined],
  ])('of %s', (_case, value, label) => {
    expect(labelOf(value)).toBe(label);
  });
});

describe('a difference', () => {
  it.each([
    [1, 1.0001, undefined],
    [1, 1.001, 'it wanted 1.001, got 1'],
    // In parts of the right one where that is above 1.
    [1000.05, 1000, undefined],
    [1001, 1000, 'it wanted 1000, got 1001'],
    [Number.NaN, Number.NaN, undefined],
    [Number.NaN, 1, 'it wanted 1, got NaN'],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, undefined],
    [[1, 2], [1], 'it wanted 1 values, got 2'],
    [{ a: [1] }, { a: [2] }, '.a[0] wanted 2, got 1'],
    [{ a: 1 }, { b: 1 }, 'it wanted {"b":1}, got {"a":1}'],
    ['x', 'y', 'it wanted "y", got "x"'],
    [[1], { 0: 1 }, 'it wanted {"0":1}, got [1]'],
  ])('between %j and %j', (got, wanted, problem) => {
    expect(difference(got, wanted, 1e-4)).toBe(problem);
  });

  it('has no stack for what is nested without end, and says so', () => {
    let deep: unknown[] = [1];
    for (let depth = 0; depth < 50_000; depth++) {
      deep = [deep];
    }
    const protocol = { ...codec, decode: () => ({ outcome: 'ok' }) as const, answers: () => [deep] };
    const request = requestOf(1);
    const { decode } = checked(protocol, { level: 'first', toleranceRatio: 0 });
    decode(say([1]), request);
    expect(decode(say([1]), request)).toMatchObject({
      outcome: 'wrong_output',
      detail: expect.stringContaining('cannot be compared'),
    });
  });
});
