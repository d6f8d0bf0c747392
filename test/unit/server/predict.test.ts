import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../src/server/http.js';
import { predictRoutes } from '../../../src/server/predict.js';

const [route, health] = predictRoutes({
  labels: ['good', 'bad "quoted"'],
  predict: (text) => Float32Array.of(text.length / 1000, 1 - text.length / 1000),
});

function ask(body: string): Answer {
  return route?.answer({
    method: 'POST',
    path: '/predict',
    query: '',
    groups: [],
    headers: {},
    body: Buffer.from(body),
  }) as Answer;
}

describe('the predict route', () => {
  it('is POST /predict and an inference route', () => {
    expect(route).toMatchObject({ method: 'POST', path: '/predict', inference: true });
  });

  it('answers a list of label and score for each text, in their order', () => {
    const { status, body, batch } = ask('{"text":["hello","hi"],"more":1}');
    expect({ status, batch }).toEqual({ status: 200, batch: 2 });
    expect(body).toBe(
      '{"predictions":[[{"label":"good","score":0.00499999989},{"label":"bad \\"quoted\\"","score":0.995000005}],' +
        '[{"label":"good","score":0.00200000009},{"label":"bad \\"quoted\\"","score":0.998000026}]]}',
    );
  });

  it('answers no predictions to no texts', () => {
    expect(ask('{"text":[]}')).toMatchObject({ status: 200, body: '{"predictions":[]}', batch: 0 });
  });

  /** As FastAPI with Pydantic 2 words them. */
  it.each([
    ['', 'missing', ['body'], 'Field required'],
    ['{"text":', 'json_invalid', ['body'], 'JSON decode error'],
    ['["a"]', 'model_attributes_type', ['body'], 'Input should be a valid dictionary or object to extract fields from'],
    ['{}', 'missing', ['body', 'text'], 'Field required'],
    ['{"text":"a"}', 'list_type', ['body', 'text'], 'Input should be a valid list'],
    ['{"text":["a",1]}', 'string_type', ['body', 'text', 1], 'Input should be a valid string'],
  ])('answers 422 to %s', (request, type, loc, msg) => {
    const { status, body, batch } = ask(request);
    expect({ status, batch }).toEqual({ status: 422, batch: undefined });
    expect(JSON.parse(body)).toMatchObject({ detail: [{ type, loc, msg }] });
  });
});

describe('the health route', () => {
  it('says that it is healthy, and is no inference route', () => {
    expect(health).toMatchObject({ method: 'GET', path: '/health' });
    expect(health?.inference).toBeUndefined();
    const call = { method: 'GET', path: '/health', query: '', groups: [], headers: {}, body: Buffer.alloc(0) };
    expect(health?.answer(call)).toEqual({ status: 200, body: '{"status":"healthy"}' });
  });
});
