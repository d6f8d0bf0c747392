import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDigitModel } from '../../src/server/digit-model.js';
import { type RunningServer, startServer } from '../../src/server/index.js';

let directory: string;
let server: RunningServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'server-torchserve-'));
  const truthLog = join(directory, 'truth.csv');
  server = await startServer('torchserve', { host: '127.0.0.1', port: 0, grpcPort: 0, truthLog });
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const ask = async (path: string, body?: string) => {
  const response = await fetch(server.endpoints.http + path, body === undefined ? {} : { method: 'POST', body });
  return { status: response.status, json: await response.json() };
};
const image = (step: number) => Array.from({ length: 784 }, (_, pixel) => (pixel % step === 0 ? (pixel % 8) / 8 : 0));

describe('the torchserve server', () => {
  it('gives the scores of the model for each image', async () => {
    const images = [image(3), image(5)];
    const { status, json } = await ask('/predictions/mnist', JSON.stringify(images));
    expect(status).toBe(200);
    const scores = loadDigitModel().predict(Float32Array.from(images.flat()), 2);
    expect((json as number[][]).flat().map(Math.fround)).toEqual([...scores]);
    expect((await ask('/predictions/mnist/1.0', JSON.stringify([image(3)]))).json).toEqual([(json as number[][])[0]]);
  });

  it('is healthy', async () => {
    expect(await ask('/ping')).toEqual({ status: 200, json: { status: 'Healthy' } });
  });

  const FAILED = [503, 'InternalServerException', 'Prediction failed'] as const;
  it.each([
    ['/predictions/nope', '[]', 404, 'ModelNotFoundException', 'Model not found: nope'],
    [
      '/predictions/mnist/2.0',
      '[]',
      404,
      'ModelVersionNotFoundException',
      'Model version: 2.0 does not exist for model: mnist',
    ],
    ['/predictions/mnist', '', ...FAILED],
    ['/predictions/mnist', '{}', ...FAILED],
    ['/predictions/mnist', '[[1,2]]', ...FAILED],
    ['/predictions/mnist', undefined, 405, 'MethodNotAllowedException', 'Method Not Allowed'],
    ['/other', undefined, 404, 'ResourceNotFoundException', 'Not Found'],
  ])('answers an error at %s', async (path, body, status, type, message) => {
    expect(await ask(path, body)).toEqual({ status, json: { code: status, type, message } });
  });

  it('wrote a line for each prediction of this file', async () => {
    await server.close();
    const [, ...lines] = readFileSync(join(directory, 'truth.csv'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => line.split(',').slice(3).join(' '))).toEqual([
      '2 200',
      '1 200',
      '0 404',
      '0 404',
      '0 503',
      '0 503',
      '0 503',
    ]);
  });
});
