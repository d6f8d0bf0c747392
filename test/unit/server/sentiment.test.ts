import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../src/server/http.js';
import { sentimentProblem, sentimentRoutes } from '../../../src/server/sentiment.js';

/** Probabilities that show which text came in: the first label gets its length over 1000. */
function ask(query: string): Answer & { readonly texts: readonly string[] } {
  const texts: string[] = [];
  const [route] = sentimentRoutes({
    labels: ['good', 'bad "quoted"'],
    predict(text) {
      texts.push(text);
      return Float32Array.of(text.length / 1000, 1 - text.length / 1000);
    },
  });
  const answer = route?.answer({
    method: 'GET',
    path: '/',
    query,
    groups: [],
    headers: {},
    body: Buffer.alloc(0),
  }) as Answer;
  return { ...answer, texts };
}

describe('the sentiment route', () => {
  it('is GET / and an inference route', () => {
    const routes = sentimentRoutes({ labels: [], predict: () => new Float32Array() });
    expect(routes).toMatchObject([{ method: 'GET', path: '/', inference: true }]);
  });

  it('answers a flat object of label and probability, as short as float32 allows', () => {
    const { status, body, batch } = ask('query=hello');
    expect({ status, batch }).toEqual({ status: 200, batch: 1 });
    expect(body).toBe('{"good":0.00499999989,"bad \\"quoted\\"":0.995000005}');
    const { good } = JSON.parse(body) as { good: number };
    expect(Math.fround(good)).toBe(Math.fround(0.005));
  });

  it.each([
    ['percent signs', 'query=%23happy%26sad%3D1', '#happy&sad=1'],
    ['plus as blank', 'query=so+good', 'so good'],
    ['UTF-8', 'query=%F0%9F%98%80', '😀'],
    ['other parameters', 'a=b&query=x&c=d', 'x'],
    ['an empty text', 'query=', ''],
    ['a name without a value', 'query', ''],
    ['the last of several', 'query=a&query=b', 'b'],
    ['a stray percent sign', 'query=100%', '100%'],
  ])('reads %s', (_title, query, text) => {
    expect(ask(query)).toMatchObject({ status: 200, texts: [text] });
  });

  it.each(['', 'text=hello', 'Query=hello'])('answers 422 to %j', (query) => {
    const { status, body, batch } = ask(query);
    expect({ status, batch }).toEqual({ status: 422, batch: undefined });
    expect(JSON.parse(body)).toEqual({
      detail: [{ type: 'missing', loc: ['query', 'query'], msg: 'Field required', input: null }],
    });
  });

  it('words other errors as FastAPI does', () => {
    expect(sentimentProblem('Not Found')).toBe('{"detail":"Not Found"}');
  });
});
