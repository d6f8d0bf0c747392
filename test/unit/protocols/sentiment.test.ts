import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sentiment } from '../../../src/protocols/sentiment.js';

const protocol = await sentiment.create({}, '');
const answer = (body: string) => protocol.decode({ status: 200, headers: {}, body: Buffer.from(body) }, { batch: 1 });

describe('a request', () => {
  it.each([
    ['I love you!', '/?query=I%20love%20you!'],
    ['#1 & a+b=c?', '/?query=%231%20%26%20a%2Bb%3Dc%3F'],
    ['日本\n👍', '/?query=%E6%97%A5%E6%9C%AC%0A%F0%9F%91%8D'],
    ['\ud800', '/?query=%EF%BF%BD'],
  ])('carries %j as %s', (text, path) => {
    expect(protocol.encode([{ kind: 'text', text }])).toMatchObject({ method: 'GET', path, body: null, batch: 1 });
  });

  it('carries any text whole', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { path } = protocol.encode([{ kind: 'text', text }]);
        expect(new URL(path, 'http://x').searchParams.get('query')).toBe(text.toWellFormed());
      }),
    );
  });

  it('goes to the path of the URL', async () => {
    const below = await sentiment.create({}, '/api/v1');
    expect(below.encode([{ kind: 'text', text: 'x' }]).path).toBe('/api/v1?query=x');
  });

  it.each([
    [[]],
    [[{ kind: 'text', text: 'a' } as const, { kind: 'text', text: 'b' } as const]],
    [[{ kind: 'tensor', shape: [1], values: new Float32Array(1) } as const]],
  ])('takes one text and nothing else', (items) => {
    expect(() => protocol.encode(items)).toThrow(RangeError);
  });
});

describe('an answer', () => {
  it.each([
    ['{"joy":0.9,"others":0.1}', 'ok'],
    ['{"joy":1}', 'ok'],
    ['{"joy":0.9,', 'invalid_json'],
    ['<html>', 'invalid_json'],
    ['', 'invalid_json'],
    ['{}', 'schema_mismatch'],
    ['[0.1]', 'schema_mismatch'],
    ['null', 'schema_mismatch'],
    ['{"error":"overloaded"}', 'schema_mismatch'],
    ['{"joy":1.5}', 'schema_mismatch'],
    ['{"joy":NaN}', 'schema_mismatch'],
  ])('%s is %s', (body, outcome) => {
    expect(answer(body).outcome).toBe(outcome);
  });

  it('is explained when it is wrong', () => {
    expect(answer('{"error":"overloaded"}').detail).toContain('overloaded');
  });
});
