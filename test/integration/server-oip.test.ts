import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDigitModel } from '../../src/server/digit-model.js';
import { type RunningServer, startServer } from '../../src/server/index.js';

const BATCH = 3;
/** Images with different strokes, in steps that are exact in JSON and in float32. */
const IMAGES = Array.from({ length: BATCH }, (_, index) =>
  Array.from({ length: 784 }, (_, pixel) => (pixel % (index + 3) === 0 ? (pixel % 8) / 8 : 0)),
);
const SCORES = [...loadDigitModel().predict(Float32Array.from(IMAGES.flat()), BATCH)];
const BYTES = Buffer.from(Float32Array.from(IMAGES.flat()).buffer);

const service = loadSync('inference/inference.proto', {
  keepCase: true,
  longs: Number,
  defaults: true,
  includeDirs: [new URL('../../protos', import.meta.url).pathname],
})['inference.GRPCInferenceService'] as Record<string, MethodDefinition<object, object>>;

let directory: string;
let server: RunningServer;
let client: Client;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'server-oip-'));
  const truthLog = join(directory, 'truth.csv');
  server = await startServer('oip', { host: '127.0.0.1', port: 0, grpcPort: 0, truthLog });
  const address = (server.endpoints.grpc as string).replace('grpc://', '');
  client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
});
afterAll(() => {
  client.close();
  rmSync(directory, { recursive: true });
});

const ask = (path: string, init: RequestInit = {}) => fetch(server.endpoints.http + path, init);

function call(name: string, request: object, id = ''): Promise<object> {
  const { path, requestSerialize, responseDeserialize } = service[name] as MethodDefinition<object, object>;
  const metadata = new Metadata();
  metadata.set('x-request-id', id);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      (error: ServiceError | null, answer) => (error ? reject(error) : resolve(answer as object)),
    );
  });
}

const INPUT = { name: 'images', datatype: 'FP32', shape: [BATCH, 784] };
const rawScores = { raw_output_contents: [Buffer.from(Float32Array.from(SCORES).buffer)] };

describe('the oip server', () => {
  it('gives the scores of the model in JSON, in binary, typed and raw', async () => {
    const json = await ask('/v2/models/mnist/infer', {
      method: 'POST',
      headers: { 'x-request-id': 'json' },
      body: JSON.stringify({ inputs: [{ ...INPUT, data: IMAGES }] }),
    });
    const { outputs } = (await json.json()) as { outputs: { data: number[] }[] };
    expect(outputs[0]?.data.map(Math.fround)).toEqual(SCORES);

    const head = JSON.stringify({
      inputs: [{ ...INPUT, parameters: { binary_data_size: BYTES.length } }],
      parameters: { binary_data_output: true },
    });
    const binary = await ask('/v2/models/mnist/infer', {
      method: 'POST',
      headers: { 'x-request-id': 'binary', 'Inference-Header-Content-Length': String(head.length) },
      body: Buffer.concat([Buffer.from(head), BYTES]),
    });
    expect(binary.headers.get('content-type')).toBe('application/octet-stream');
    const body = Buffer.from(await binary.arrayBuffer());
    expect(body.length).toBe(Number(binary.headers.get('content-length')));
    const tail = body.subarray(Number(binary.headers.get('inference-header-content-length')));
    expect(tail).toEqual(rawScores.raw_output_contents[0]);

    const answer = {
      model_name: 'mnist',
      model_version: '1',
      outputs: [{ name: 'scores', datatype: 'FP32', shape: [BATCH, 10] }],
      ...rawScores,
    };
    const contents = { fp32_contents: IMAGES.flat() };
    expect(await call('ModelInfer', { model_name: 'mnist', inputs: [{ ...INPUT, contents }] }, 'typed')).toMatchObject(
      answer,
    );
    const raw = { model_name: 'mnist', model_version: '1', id: 'x', inputs: [INPUT], raw_input_contents: [BYTES] };
    expect(await call('ModelInfer', raw, 'raw')).toMatchObject({ ...answer, id: 'x' });
  });

  it('takes and gives what is above 4 MiB', async () => {
    const batch = 2048;
    const raw = { model_name: 'mnist', inputs: [{ ...INPUT, shape: [batch, 784] }] };
    const answer = await call('ModelInfer', { ...raw, raw_input_contents: [Buffer.alloc(batch * 784 * 4)] }, 'large');
    expect(answer).toMatchObject({ outputs: [{ shape: [batch, 10] }] });
  });

  it('says over gRPC that it is there, and what it serves', async () => {
    expect(await call('ServerLive', {})).toEqual({ live: true });
    expect(await call('ServerReady', {})).toEqual({ ready: true });
    expect(await call('ModelReady', { name: 'mnist' })).toEqual({ ready: true });
    expect(await call('ModelReady', { name: 'mnist', version: '2' })).toEqual({ ready: false });
    expect(await call('ServerMetadata', {})).toMatchObject({ extensions: ['binary_tensor_data', 'statistics'] });
    expect(await call('ModelMetadata', { name: 'mnist' })).toEqual(await (await ask('/v2/models/mnist')).json());
  });

  it.each([
    ['an unknown model', { model_name: 'nope' }, 5, "Request for unknown model: 'nope' is not found"],
    [
      'an unknown version',
      { model_name: 'mnist', model_version: '7' },
      5,
      "Request for unknown model: 'mnist' version 7 is not found",
    ],
    [
      'another datatype',
      { model_name: 'mnist', id: 'x', inputs: [{ ...INPUT, datatype: 'FP64' }] },
      3,
      "[request id: x] inference input 'images' data-type is 'FP64', but model 'mnist' expects 'FP32'",
    ],
    [
      'raw and typed contents',
      { model_name: 'mnist', inputs: [{ ...INPUT, contents: { fp32_contents: [1] } }], raw_input_contents: [BYTES] },
      3,
      "unexpected explicit tensor data for input tensor 'images' for model 'mnist', binary data was already supplied.",
    ],
    [
      'contents of another type',
      { model_name: 'mnist', inputs: [{ ...INPUT, contents: { int_contents: [1] } }] },
      3,
      "unexpected explicit tensor data for input tensor 'images' for model 'mnist' of type 'INT32', expected datatype 'FP32'",
    ],
    [
      'more raw contents than inputs',
      { model_name: 'mnist', inputs: [INPUT], raw_input_contents: [BYTES, BYTES] },
      3,
      "expected 1 raw input contents but got 2 for model 'mnist'",
    ],
    [
      'too few values',
      { model_name: 'mnist', inputs: [{ ...INPUT, contents: { fp32_contents: [1] } }] },
      3,
      `[request id: <id_unknown>] input byte size mismatch for input 'images' for model 'mnist'. Expected ${BYTES.length}, got 4`,
    ],
  ])('answers %s over gRPC as Triton does', async (_case, request, code, details) => {
    await expect(call('ModelInfer', request, 'wrong')).rejects.toMatchObject({ code, details });
  });

  it('answers other paths and methods with an error in JSON', async () => {
    const get = await ask('/v2/models/mnist/infer');
    expect([get.status, await get.json()]).toEqual([405, { error: 'Method Not Allowed' }]);
    const other = await ask('/v1/models/mnist');
    expect([other.status, await other.json()]).toEqual([404, { error: 'Not Found' }]);
  });

  it('wrote one line for each infer call of this file, REST and gRPC, in order', async () => {
    await server.close();
    const [, ...lines] = readFileSync(join(directory, 'truth.csv'), 'utf8').trimEnd().split('\n');
    const cells = lines.map((line) => line.split(','));
    expect(cells.filter(([id]) => id !== 'wrong').map(([id, , , batch, status]) => [id, batch, status])).toEqual([
      ['json', '3', '200'],
      ['binary', '3', '200'],
      ['typed', '3', '0'],
      ['raw', '3', '0'],
      ['large', '2048', '0'],
    ]);
    expect(cells.filter(([id]) => id === 'wrong').map(([, , , batch, status]) => `${batch} ${status}`)).toEqual([
      '0 5',
      '0 5',
      '3 3',
      '3 3',
      '3 3',
      '3 3',
      '3 3',
    ]);
  });
});
