import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { predict } from '../../../src/protocols/predict.js';

const protocol = await predict.create({ 'with-health': false }, '');
const text = (value: string): Item => ({ kind: 'text', text: value });
const answer = (body: string, batch = 1) =>
  protocol.decode({ status: 200, headers: {}, body: Buffer.from(body) }, { batch });

describe('a request', () => {
  it('equals the documented one', () => {
    const { method, path, headers, body, batch } = protocol.encode([text('I hate you.'), text('I love you.')]);
    expect([method, path, batch]).toEqual(['POST', '/predict', 2]);
    expect(headers['content-type']).toBe('application/json');
    expect(String(body)).toBe('{"text":["I hate you.","I love you."]}');
  });

  it('carries any texts whole', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 }), (texts) => {
        const sent = JSON.parse(String(protocol.encode(texts.map(text)).body)) as { text: string[] };
        expect(sent.text).toEqual(texts.map((value) => value.toWellFormed()));
      }),
    );
  });

  it.each([
    ['/api', '/api/predict'],
    ['/api/', '/api/predict'],
  ])('goes below the path %s of the URL', async (base, path) => {
    expect((await predict.create({ 'with-health': false }, base)).encode([text('x')]).path).toBe(path);
  });
});

describe('an answer', () => {
  const entry = (label: string, score: number) => `{"label":"${label}","score":${score}}`;
  const pair = `[${entry('NEGATIVE', 0.883)},${entry('POSITIVE', 0.117)}]`;

  it.each([
    [`{"predictions":[${pair},${pair}]}`, 'ok'],
    [`{"predictions":[[${entry('joy', 1)}],[${entry('joy', 0)}]]}`, 'ok'],
    [`{"predictions":[${pair}]}`, 'schema_mismatch'],
    [`{"predictions":[${pair},${pair},${pair}]}`, 'schema_mismatch'],
    [`[${pair},${pair}]`, 'schema_mismatch'],
    [`{"predictions":[${pair},[]]}`, 'schema_mismatch'],
    [`{"predictions":[${pair},{}]}`, 'schema_mismatch'],
    [`{"predictions":[${pair},[null]]}`, 'schema_mismatch'],
    [`{"predictions":[${pair},[{"score":1}]]}`, 'schema_mismatch'],
    [`{"predictions":[${pair},[${entry('x', 1.5)}]]}`, 'schema_mismatch'],
    ['{"detail":"Internal Server Error"}', 'schema_mismatch'],
    ['{"predictions":', 'invalid_json'],
  ])('to two texts %s is %s', (body, outcome) => {
    expect(answer(body, 2).outcome).toBe(outcome);
  });

  it('is explained when it is wrong', () => {
    expect(answer('{"predictions":[[{"label":"a","score":-1}]]}').detail).toBe(
      'Prediction 0: Wanted a probability for label "a", got -1',
    );
    expect(answer('{"detail":"overloaded"}').detail).toContain('overloaded');
  });
});

describe('the cache', () => {
  const body = '{"predictions":[[{"label":"joy","score":1}]]}';
  const decode = (headers: Record<string, string>, of = body) =>
    protocol.decode({ status: 200, headers, body: Buffer.from(of) }, { batch: 1 });

  it.each([
    ['Hit', 'hit'],
    ['Miss', 'miss'],
    ['hit', 'hit'],
    ['yes', undefined],
  ])('of an answer with X-MLAPI-Cache: %s is %s', (word, cache) => {
    expect(decode({ 'x-mlapi-cache': word })).toEqual({ outcome: 'ok', ...(cache && { cache }) });
  });

  it('is not known without the header, and is told of wrong answers too', () => {
    expect(decode({}).cache).toBeUndefined();
    expect(decode({ 'x-mlapi-cache': 'Hit' }, '{}')).toMatchObject({ outcome: 'schema_mismatch', cache: 'hit' });
  });
});

describe('with health', () => {
  it('each turn asks GET /health first, an endpoint of its own that every answer passes', async () => {
    const { endpoints, before = [], decode } = await predict.create({ 'with-health': true }, '/api/');
    expect(endpoints).toEqual(['predict', 'health']);
    expect(before).toMatchObject([{ method: 'GET', path: '/api/health', body: null, batch: 0, endpoint: 1 }]);
    const response = { status: 200, headers: {}, body: Buffer.from('OK') };
    expect(decode(response, { batch: 0, endpoint: 1 }).outcome).toBe('ok');
    expect(decode(response, { batch: 1 }).outcome).toBe('invalid_json');
  });

  it('is off unless asked for', () => {
    expect([protocol.endpoints, protocol.before]).toEqual([['predict'], []]);
  });
});
