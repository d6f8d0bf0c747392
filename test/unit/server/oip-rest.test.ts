import { describe, expect, it } from 'vitest';
import type { DigitModel } from '../../../src/server/digit-model.js';
import type { Answer } from '../../../src/server/http.js';
import { mnistOipModel } from '../../../src/server/oip.js';
import { oipProblem, oipRoutes } from '../../../src/server/oip-rest.js';

/** The scores of an image are its first ten pixels. */
const copyModel: DigitModel = {
  inputSize: 784,
  classes: 10,
  predict: (images, batch) =>
    Float32Array.from({ length: batch * 10 }, (_, at) => images[Math.floor(at / 10) * 784 + (at % 10)] as number),
};
const routes = oipRoutes(mnistOipModel(copyModel));

function ask(method: string, path: string, body: Buffer | string = '', headers = {}): Answer {
  for (const route of routes) {
    const match = (route.path as RegExp).exec(path);
    if (match?.[0] === path && route.method === method) {
      return route.answer({
        method,
        path,
        query: '',
        groups: match.slice(1),
        headers,
        body: Buffer.from(body as string),
      });
    }
  }
  throw new Error(`No route for ${method} ${path}`);
}

/** An image whose first ten pixels are `first`, `first` + 1/16, …: exact in float32. */
const image = (first: number) => Array.from({ length: 784 }, (_, pixel) => (pixel < 10 ? first + pixel / 16 : 0));
const scores = (first: number) => image(first).slice(0, 10);
const floats = (values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);

const INFER = '/v2/models/mnist/infer';
const input = (more: object) => ({ name: 'images', shape: [1, 784], datatype: 'FP32', ...more });
const infer = (request: unknown, path = INFER) =>
  ask('POST', path, typeof request === 'string' ? request : JSON.stringify(request));

function inferBinary(request: object, tail: Buffer, length?: string): Answer {
  const json = Buffer.from(JSON.stringify(request));
  const headers = { 'inference-header-content-length': length ?? String(json.length) };
  return ask('POST', INFER, Buffer.concat([json, tail]), headers);
}

const size = (bytes: unknown) => ({ parameters: { binary_data_size: bytes } });
const jsonOf = ({ body }: Answer) => JSON.parse(body);

describe('an infer call', () => {
  it('in JSON is answered in JSON', () => {
    const { status, body, tail, batch } = infer({ inputs: [input({ data: image(0) })] });
    expect({ status, tail, batch }).toEqual({ status: 200, tail: undefined, batch: 1 });
    expect(body).toBe(
      '{"model_name":"mnist","model_version":"1","outputs":[{"name":"scores","datatype":"FP32","shape":[1,10],' +
        '"data":[0,0.0625,0.125,0.1875,0.25,0.3125,0.375,0.4375,0.5,0.5625]}]}',
    );
  });

  it.each([
    ['flat', [...image(0), ...image(8)]],
    ['nested', [image(0), image(8)]],
  ])('takes %s lists', (_form, data) => {
    const answer = infer({ inputs: [input({ shape: [2, 784], data })] }, '/v2/models/mnist/versions/1/infer');
    expect(jsonOf(answer).outputs[0]).toMatchObject({ shape: [2, 10], data: [...scores(0), ...scores(8)] });
    expect(answer.batch).toBe(2);
  });

  it('gives the id back', () => {
    expect(jsonOf(infer({ id: 'seven', inputs: [input({ data: image(0) })] })).id).toBe('seven');
  });

  it('takes bare NaN and gives it back', () => {
    const data = `[NaN,-Infinity,${image(0).slice(2)}]`;
    const { body } = infer(`{"inputs":[{"name":"images","shape":[1,784],"datatype":"FP32","data":${data}}]}`);
    expect(body).toContain('"data":[NaN,-Infinity,0.125,');
  });

  it('in binary is answered as its parameters say', () => {
    const binary = inferBinary(
      { inputs: [input({ shape: [2, 784], ...size(6272) })], parameters: { binary_data_output: true } },
      floats([...image(0), ...image(8)]),
    );
    expect(binary.tail).toEqual(floats([...scores(0), ...scores(8)]));
    expect(binary).toMatchObject({
      status: 200,
      type: 'application/octet-stream',
      headers: { 'inference-header-content-length': Buffer.byteLength(binary.body) },
      batch: 2,
    });
    expect(jsonOf(binary).outputs).toEqual([
      { name: 'scores', datatype: 'FP32', shape: [2, 10], parameters: { binary_data_size: 80 } },
    ]);

    const inJson = inferBinary({ inputs: [input(size(3136))] }, floats(image(0)));
    expect(inJson.tail).toBeUndefined();
    expect(jsonOf(inJson).outputs[0].data).toEqual(scores(0));
  });

  it.each([
    [true, false],
    [false, true],
  ])('obeys an output that says %s where the request says %s', (own, all) => {
    const { tail } = infer({
      inputs: [input({ data: image(0) })],
      outputs: [{ name: 'scores', parameters: { binary_data: own } }],
      parameters: { binary_data_output: all },
    });
    expect(tail !== undefined).toBe(own);
  });

  it('may be one raw tensor without JSON', () => {
    const headers = { 'inference-header-content-length': '0' };
    expect(ask('POST', INFER, floats(image(3)), headers).tail).toEqual(floats(scores(3)));
  });
});

describe('a wrong infer call', () => {
  const ID = '[request id: <id_unknown>] ';

  it.each<[string, Answer, string]>([
    ['no JSON', infer(''), 'failed to parse the request JSON buffer: The document is empty. at 0'],
    ['broken JSON', infer('{"inputs":x}'), 'failed to parse the request JSON buffer: Invalid value. at 10'],
    ['a list', infer('[]'), "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"],
    ['no list', infer({ inputs: {} }), "Unable to parse 'inputs': attempt to access JSON non-array as array"],
    ['no name', infer({ inputs: [{}] }), "Unable to parse 'name': attempt to access non-existing object member 'name'"],
    [
      'a negative size',
      infer({ inputs: [input({ shape: [-1, 784] })] }),
      "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer",
    ],
    [
      'no data',
      infer({ inputs: [input({})] }),
      "Unable to parse 'data': attempt to access non-existing object member 'data'",
    ],
    [
      'text as data',
      infer({ inputs: [input({ data: ['1'] })] }),
      "Unable to parse 'data': attempt to access JSON non-double as double",
    ],
    [
      'deep data',
      infer(`{"inputs":[${JSON.stringify(input({})).slice(0, -1)},"data":${'['.repeat(500)}${']'.repeat(500)}}]}`),
      "Unable to parse 'data': attempt to access JSON non-double as double",
    ],
    [
      'too few data',
      infer({ inputs: [input({ data: [1, 2] })] }),
      "Unable to parse 'data': Shape does not match true shape of 'data' field",
    ],
    [
      'no inputs',
      infer({ inputs: [] }),
      `${ID}expected 1 inputs but got 0 inputs for model 'mnist'. Got input(s) [], but missing required input(s) ` +
        "['images']. Please provide all required input(s).",
    ],
    [
      'another input',
      infer({ id: 'x', inputs: [input({ name: 'pixels', data: [] })] }),
      "[request id: x] unexpected inference input 'pixels' for model 'mnist'",
    ],
    [
      'another datatype',
      infer({ inputs: [input({ datatype: 'INT32', data: image(0) })] }),
      `${ID}inference input 'images' data-type is 'INT32', but model 'mnist' expects 'FP32'`,
    ],
    [
      'another width',
      infer({ inputs: [input({ shape: [1, 3], data: [1, 2, 3] })] }),
      `${ID}unexpected shape for input 'images' for model 'mnist'. Expected [-1,784], got [1,3]`,
    ],
    [
      'another rank',
      infer({ inputs: [input({ shape: [784], data: image(0) })] }),
      `${ID}unexpected shape for input 'images' for model 'mnist'. Expected [-1,784], got [784]`,
    ],
    [
      'another output',
      infer({ inputs: [input({ data: image(0) })], outputs: [{ name: 'logits' }] }),
      `${ID}unexpected inference output 'logits' for model 'mnist'`,
    ],
    [
      'too few bytes for the shape',
      inferBinary({ inputs: [input(size(16))] }, floats([1, 2, 3, 4])),
      `${ID}input byte size mismatch for input 'images' for model 'mnist'. Expected 3136, got 16`,
    ],
    [
      'fewer bytes than said',
      inferBinary({ inputs: [input(size(3136))] }, floats([1, 2, 3, 4])),
      "unexpected size for input 'images', expecting 3120 additional bytes for model 'mnist'",
    ],
    [
      'more bytes than said',
      inferBinary({ inputs: [input(size(8))] }, floats([1, 2, 3, 4])),
      "unexpected additional input data for model 'mnist'",
    ],
    [
      'half a value',
      inferBinary({ inputs: [input(size(2))] }, Buffer.alloc(2)),
      "unexpected size 2 for input 'images', wanted whole FP32 values",
    ],
    [
      'a header beyond the body',
      ask('POST', INFER, '{}', { 'inference-header-content-length': '10' }),
      'unexpected size for request JSON, expecting 8 more bytes',
    ],
    [
      'a header that is no number',
      ask('POST', INFER, '{}', { 'inference-header-content-length': 'x' }),
      'Unable to parse Inference-Header-Content-Length, got: x',
    ],
  ])('with %s is told so', (_case, { status, body }, error) => {
    expect([status, JSON.parse(body)]).toEqual([400, { error }]);
  });

  it.each([
    ['/v2/models/nope/infer', 404, "Request for unknown model: 'nope' is not found"],
    ['/v2/models/mnist/versions/7/infer', 404, "Request for unknown model: 'mnist' version 7 is not found"],
    [
      '/v2/models/mnist/versions/v1/infer',
      400,
      "failed to get model version from specified version string 'v1' (details: stoll), version should be an " +
        'integral value > 0',
    ],
    ['/v2/models/a%20b/infer', 404, "Request for unknown model: 'a b' is not found"],
    ['/v2/models/%zz/infer', 404, "Request for unknown model: '%zz' is not found"],
  ])('to %s answers %d', (path, status, error) => {
    const answer = infer({}, path);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { error }]);
  });
});

describe('what is around it', () => {
  it.each([
    ['/v2/health/live', 200],
    ['/v2/health/ready', 200],
    ['/v2/models/mnist/ready', 200],
    ['/v2/models/mnist/versions/1/ready', 200],
    ['/v2/models/mnist/versions/2/ready', 400],
    ['/v2/models/nope/ready', 400],
  ])('%s is told by the status %d alone', (path, status) => {
    expect(ask('GET', path)).toMatchObject({ status, body: '' });
  });

  it.each(['/v2', '/v2/'])('%s names the extension for binary tensors', (path) => {
    expect(jsonOf(ask('GET', path))).toEqual({
      name: 'infer-bench',
      version: expect.any(String),
      extensions: ['binary_tensor_data', 'statistics'],
    });
  });

  it('describes the model', () => {
    expect(jsonOf(ask('GET', '/v2/models/mnist'))).toEqual({
      name: 'mnist',
      versions: ['1'],
      platform: 'infer_bench_digits',
      inputs: [{ name: 'images', datatype: 'FP32', shape: [-1, 784] }],
      outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 10] }],
    });
    expect(ask('GET', '/v2/models/mnist/versions/2').status).toBe(404);
  });

  it('has one route in the truth log', () => {
    expect(routes.filter(({ inference }) => inference).map(({ method }) => method)).toEqual(['POST']);
  });

  it('words other errors alike', () => {
    expect(oipProblem('Not Found')).toBe('{"error":"Not Found"}');
  });
});
