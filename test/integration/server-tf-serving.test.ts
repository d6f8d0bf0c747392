import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/index.js';

const PREDICT_PATH = '/v1/models/mnist:predict';
const BATCH = 5;
/** Five images with different strokes, in steps that are exact in JSON and in float32. */
const IMAGES = Array.from({ length: BATCH }, (_, index) =>
  Array.from({ length: 784 }, (_, pixel) => (pixel % (index + 3) === 0 ? (pixel % 8) / 8 : 0)),
);

let directory: string;
let server: RunningServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'server-tf-serving-'));
  server = await startServer('tf-serving', {
    host: '127.0.0.1',
    port: 0,
    grpcPort: 0,
    truthLog: join(directory, 'truth.csv'),
  });
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function rest(path: string, body?: object | string, id?: string): Promise<{ status: number; json: unknown }> {
  const response = await fetch(server.endpoints.http + path, {
    ...(body !== undefined && { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(id !== undefined && { headers: { 'x-request-id': id } }),
  });
  return { status: response.status, json: await response.json() };
}

interface PredictAnswer {
  readonly outputs: { readonly scores: { readonly float_val: number[]; readonly tensor_shape: object } };
}

function grpc(request: object): Promise<PredictAnswer> {
  const definitions = loadSync('tensorflow_serving/prediction_service.proto', {
    keepCase: true,
    longs: String,
    includeDirs: [new URL('../../protos', import.meta.url).pathname],
  });
  const service = definitions['tensorflow.serving.PredictionService'] as Record<
    string,
    MethodDefinition<object, PredictAnswer>
  >;
  const { path, requestSerialize, responseDeserialize } = service.Predict as MethodDefinition<object, PredictAnswer>;
  const client = new Client((server.endpoints.grpc as string).replace('grpc://', ''), credentials.createInsecure());
  return new Promise<PredictAnswer>((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) => {
      client.close();
      if (error) {
        reject(error);
      } else {
        resolve(answer as PredictAnswer);
      }
    });
  });
}

describe('the tf-serving server', () => {
  it('says where both protocols are', () => {
    expect(server.endpoints).toEqual({
      http: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      grpc: expect.stringMatching(/^grpc:\/\/127\.0\.0\.1:\d+$/),
    });
  });

  it('gives the same scores in rows, in columns, one by one and over gRPC', async () => {
    const named = { signature_name: 'predict_images' };
    const rows = (await rest(PREDICT_PATH, { ...named, instances: IMAGES }, 'rows')).json as {
      predictions: number[][];
    };
    expect(rows.predictions.map((scores) => scores.length)).toEqual(Array.from({ length: BATCH }, () => 10));
    for (const scores of rows.predictions) {
      expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5);
    }
    expect(new Set(rows.predictions.map(String)).size).toBe(BATCH);

    const columns = await rest(PREDICT_PATH, { ...named, inputs: IMAGES }, 'columns');
    expect(columns.json).toEqual({ outputs: rows.predictions });
    for (const [index, image] of IMAGES.entries()) {
      const { json } = await rest('/v1/models/mnist/versions/1:predict', { ...named, instances: [image] });
      expect(json).toEqual({ predictions: [rows.predictions[index]] });
    }

    const { outputs } = await grpc({
      model_spec: { name: 'mnist', ...named },
      inputs: {
        images: {
          dtype: 'DT_FLOAT',
          tensor_shape: { dim: [{ size: BATCH }, { size: 784 }] },
          float_val: IMAGES.flat(),
        },
      },
    });
    expect(outputs.scores.float_val).toEqual(rows.predictions.flat().map(Math.fround));
    expect(outputs.scores.tensor_shape).toEqual({ dim: [{ size: '5' }, { size: '10' }] });
  });

  it('serves state and metadata beside it', async () => {
    expect(await rest('/v1/models/mnist')).toMatchObject({
      status: 200,
      json: { model_version_status: [{ version: '1', state: 'AVAILABLE' }] },
    });
    expect(await rest('/v1/models/mnist/metadata')).toMatchObject({
      status: 200,
      json: { model_spec: { name: 'mnist', version: '1' } },
    });
  });

  it.each([
    [PREDICT_PATH, '', 400, 'JSON Parse error: The document is empty'],
    ['/v1/models/nope:predict', '{}', 404, 'Servable not found for request: Latest(nope)'],
    ['/v1/models', undefined, 400, 'Missing model name in request.'],
    ['/v1/models/mnist:predict', undefined, 400, 'Malformed request: GET /v1/models/mnist:predict'],
  ])('answers an error at %s', async (path, body, status, error) => {
    expect(await rest(path, body)).toEqual({ status, json: { error } });
  });

  it('wrote one line for each inference request of this file, REST and gRPC, in order', async () => {
    await server.close();
    const lines = readFileSync(join(directory, 'truth.csv'), 'utf8').trimEnd().split('\n').slice(1);
    expect(lines.map((line) => line.replace(/,\d+,\d+,/, ',…,'))).toEqual([
      'rows,…,5,200',
      'columns,…,5,200',
      ...Array.from({ length: BATCH }, () => ',…,1,200'),
      ',…,5,0',
      ',…,0,400',
      ',…,0,404',
    ]);
    const times = lines.flatMap((line) => line.split(',').slice(1, 3).map(BigInt));
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
  });
});
