import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/index.js';
import { loadSentimentModel } from '../../src/server/sentiment-model.js';

let directory: string;
let server: RunningServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'server-predict-'));
  const truthLog = join(directory, 'truth.csv');
  server = await startServer('predict', { host: '127.0.0.1', port: 0, grpcPort: 0, truthLog });
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const ask = (path: string, init: RequestInit = {}) => fetch(server.endpoints.http + path, init);

describe('the predict server', () => {
  it('scores each text as the model does, also without a content type', async () => {
    const texts = ['I hate you.', 'I love you. 👍'];
    const body = Buffer.from(JSON.stringify({ text: texts }));
    const response = await ask('/predict', { method: 'POST', body, headers: { 'x-request-id': 'one' } });
    expect(response.status).toBe(200);
    const { predictions } = (await response.json()) as { predictions: { label: string; score: number }[][] };
    const model = loadSentimentModel();
    expect(predictions.map((scores) => scores.map(({ label }) => label))).toEqual(texts.map(() => model.labels));
    expect(predictions.map((scores) => scores.map(({ score }) => Math.fround(score)))).toEqual(
      texts.map((text) => [...model.predict(text)]),
    );
  });

  it.each([
    ['GET', '/health', 200, { status: 'healthy' }],
    ['GET', '/predict', 405, { detail: 'Method Not Allowed' }],
    ['GET', '/', 404, { detail: 'Not Found' }],
  ])('answers %s %s with %d', async (method, path, status, json) => {
    const response = await ask(path, { method });
    expect([response.status, await response.json()]).toEqual([status, json]);
  });

  it('wrote a line with the batch for each request to /predict of this file', async () => {
    await ask('/predict', { method: 'POST', body: '{"text":1}', headers: { 'x-request-id': 'two' } });
    await server.close();
    const [, ...lines] = readFileSync(join(directory, 'truth.csv'), 'utf8').trimEnd().split('\n');
    const cells = lines.map((line) => line.split(','));
    expect(cells.map(([id, , , batch, status]) => [id, batch, status])).toEqual([
      ['one', '2', '200'],
      ['two', '0', '422'],
    ]);
  });
});
