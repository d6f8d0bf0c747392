import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDirectory } from '../support/cli.js';
import { digits } from './accounts.js';
import { npmProgram, PROTOS } from './foreign.js';
import { startOurs, stopOurs } from './ours.js';

const cache = newDirectory();

/** Runs `buf curl`; what it printed, and with which code it ended. */
function bufCurl(url: string, ...words: readonly string[]) {
  const all = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...words, url.replace('grpc://', 'http://')];
  return new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
    execFile(
      npmProgram('buf'),
      all,
      { env: { ...process.env, BUF_CACHE_DIR: cache }, maxBuffer: 1 << 26, cwd: cache },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const image = [...(digits()[0] as Float32Array)];
const bytes = Buffer.from(Float32Array.from(image).buffer).toString('base64');

describe.each([
  {
    kind: 'tf-serving',
    method: 'tensorflow.serving.PredictionService/Predict',
    request: {
      modelSpec: { name: 'mnist', signatureName: 'predict_images' },
      inputs: { images: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: 1 }, { size: 784 }] }, floatVal: image } },
    },
    answer: { outputs: { scores: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '1' }, { size: '10' }] } } } },
    unknown: { modelSpec: { name: 'other' } },
    words: 'Servable not found for request: Latest(other)',
    service: 'tensorflow.serving.PredictionService',
    methods: ['Classify', 'GetModelMetadata', 'MultiInference', 'Predict', 'Regress'],
  },
  {
    kind: 'oip',
    method: 'inference.GRPCInferenceService/ModelInfer',
    request: {
      modelName: 'mnist',
      inputs: [{ name: 'images', datatype: 'FP32', shape: [1, 784] }],
      rawInputContents: [bytes],
    },
    answer: { modelName: 'mnist', outputs: [{ name: 'scores', datatype: 'FP32', shape: ['1', '10'] }] },
    unknown: { modelName: 'other' },
    words: "Request for unknown model: 'other' is not found",
    service: 'inference.GRPCInferenceService',
    methods: ['ModelInfer', 'ModelMetadata', 'ModelReady', 'ServerLive', 'ServerMetadata', 'ServerReady'],
  },
])('our $kind server and buf curl', ({ kind, method, request, answer, unknown, words, service, methods }) => {
  let url: string;
  beforeAll(async () => {
    url = (await startOurs(kind)).grpc as string;
  });
  afterAll(stopOurs);

  it('answers what is asked with the message definitions of the package', async () => {
    const end = await bufCurl(`${url}/${method}`, '--schema', PROTOS, '-d', JSON.stringify(request));
    expect(end.stderr).toBe('');
    expect(end.code).toBe(0);
    expect(JSON.parse(end.stdout)).toMatchObject(answer);
  });

  it('refuses a model that there is not, in words that arrive', async () => {
    const end = await bufCurl(`${url}/${method}`, '--schema', PROTOS, '-d', JSON.stringify(unknown));
    expect(end.code).not.toBe(0);
    expect(JSON.parse(end.stderr)).toMatchObject({ code: 'not_found', message: words });
  });

  it.each([['grpc-v1'], ['grpc-v1alpha']])('tells what it serves by reflection, %s', async (reflection) => {
    const how = ['--reflect-protocol', reflection];
    const services = await bufCurl(url, ...how, '--list-services');
    expect(services.stdout.split('\n')).toEqual(expect.arrayContaining([service, 'grpc.health.v1.Health']));
    const listed = await bufCurl(url, ...how, '--list-methods');
    expect(listed.stdout.split('\n')).toEqual(expect.arrayContaining(methods.map((name) => `${service}/${name}`)));
    const end = await bufCurl(`${url}/${method}`, ...how, '-d', JSON.stringify(request));
    expect(end.stderr).toBe('');
    expect(JSON.parse(end.stdout)).toMatchObject(answer);
  });

  it('is healthy, as a whole and by service', async () => {
    const check = `${url}/grpc.health.v1.Health/Check`;
    for (const asked of ['', service]) {
      const end = await bufCurl(check, '-d', JSON.stringify({ service: asked }));
      expect(JSON.parse(end.stdout)).toEqual({ status: 'SERVING' });
    }
    const other = await bufCurl(check, '-d', '{"service":"other"}');
    expect(JSON.parse(other.stderr)).toMatchObject({ code: 'not_found' });
  });
});
