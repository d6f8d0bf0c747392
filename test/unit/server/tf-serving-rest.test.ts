import { describe, expect, it } from 'vitest';
import type { DigitModel } from '../../../src/server/digit-model.js';
import type { Answer, Route } from '../../../src/server/http.js';
import { type Code, httpStatusOf } from '../../../src/server/outcome.js';
import { mnistServable, type Servable } from '../../../src/server/tf-serving.js';
import { tfServingProblem, tfServingRoutes } from '../../../src/server/tf-serving-rest.js';

/** The scores of an image are its first ten pixels. */
const copyModel: DigitModel = {
  inputSize: 784,
  classes: 10,
  predict: (images, batch) =>
    Float32Array.from({ length: batch * 10 }, (_, at) => images[Math.floor(at / 10) * 784 + (at % 10)] as number),
};
const routes = tfServingRoutes(mnistServable(copyModel));

interface Given extends Answer {
  readonly route: Route;
}

function ask(method: string, path: string, body = '', table = routes): Given {
  for (const route of table) {
    const match = (route.path as RegExp).exec(path);
    if (match && (route.method ?? method) === method) {
      return {
        route,
        ...route.answer({ method, path, query: '', groups: match.slice(1), headers: {}, body: Buffer.from(body) }),
      };
    }
  }
  throw new Error(`No route for ${method} ${path}`);
}

function predict(body: unknown, path = '/v1/models/mnist:predict'): Given {
  return ask('POST', path, typeof body === 'string' ? body : JSON.stringify(body));
}

function errorOf({ body }: Answer): string {
  return (JSON.parse(body) as { error: string }).error;
}

/** An image whose first ten pixels are `first`, `first` + 1/16, …: exact in float32. */
function image(first: number): number[] {
  return Array.from({ length: 784 }, (_, pixel) => (pixel < 10 ? first + pixel / 16 : 0));
}

const NAMED = { signature_name: 'predict_images' };

describe('predict', () => {
  it('answers rows with predictions', () => {
    const { status, body, batch, route } = predict({ ...NAMED, instances: [image(0), image(1)] });
    expect({ status, batch, inference: route.inference }).toEqual({ status: 200, batch: 2, inference: true });
    expect(JSON.parse(body)).toEqual({ predictions: [image(0).slice(0, 10), image(1).slice(0, 10)] });
  });

  it('lays rows out as the server does', () => {
    const { body } = predict({ ...NAMED, instances: [image(0), image(1)] });
    expect(body).toBe(
      '{\n    "predictions": [[0.0, 0.0625, 0.125, 0.1875, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.5625], ' +
        '[1.0, 1.0625, 1.125, 1.1875, 1.25, 1.3125, 1.375, 1.4375, 1.5, 1.5625]\n    ]\n}',
    );
  });

  it('answers columns with outputs', () => {
    const { status, body, batch } = predict({ ...NAMED, inputs: [image(0), image(1), image(2)] });
    expect({ status, batch }).toEqual({ status: 200, batch: 3 });
    expect(JSON.parse(body)).toEqual({ outputs: [0, 1, 2].map((first) => image(first).slice(0, 10)) });
    expect(body).toMatch(/^\{\n {4}"outputs": \[\n {8}\[\n {12}0\.0,\n {12}0\.0625,/);
  });

  it.each([
    ['rows of named inputs', { instances: [{ images: image(0) }, { images: image(1) }] }, 2],
    ['columns by name', { inputs: { images: [image(0), image(1)] } }, 2],
    ['columns by name with others that are ignored', { inputs: { images: [image(0)], more: 1 } }, 1],
    ['keys that mean nothing', { instances: [image(0)], id: 7 }, 1],
  ])('takes %s', (_title, body, batch) => {
    const answer = predict({ ...NAMED, ...body });
    expect({ status: answer.status, batch: answer.batch }).toEqual({ status: 200, batch });
    const [first] = Object.values(JSON.parse(answer.body)) as [number[][]];
    expect(first).toEqual([image(0), image(1)].slice(0, batch).map((pixels) => pixels.slice(0, 10)));
  });

  it.each(['/v1/models/mnist/versions/1:predict', '/v1/models/%6dnist:predict', '/V1/Models/mnist:PREDICT'])(
    'is also at %s',
    (path) => {
      expect(predict({ ...NAMED, instances: [image(0)] }, path).status).toBe(200);
    },
  );

  it('takes bare NaN and infinities, and gives them back bare', () => {
    const pixels = `[NaN, Infinity, -Infinity${', 0'.repeat(781)}]`;
    const { status, body } = predict(`{"signature_name": "predict_images", "instances": [${pixels}]}`);
    expect(status).toBe(200);
    expect(body).toContain('[NaN, Infinity, -Infinity, 0.0,');
  });

  it('takes a large batch', () => {
    const { status, body } = predict({ ...NAMED, instances: Array.from({ length: 300 }, () => image(0.5)) });
    expect(status).toBe(200);
    const { predictions } = JSON.parse(body) as { predictions: number[][] };
    expect(predictions).toHaveLength(300);
    expect(predictions[299]).toEqual(image(0.5).slice(0, 10));
  });

  const element = (index: number, problem: string) =>
    `Failed to process element: ${index} of 'instances' list. Error: INVALID_ARGUMENT: ${problem}`;
  const short = [1, 2, 3];

  it.each<[title: string, body: unknown, error: string, batch: number]>([
    ['no body', '', 'JSON Parse error: The document is empty', 0],
    ['broken JSON', '{"instances": [1, }', 'JSON Parse error: Invalid value. at offset: 18', 0],
    ['no object', [1], 'JSON Value: [\n    1\n] Is not object', 0],
    [
      'a signature name that is no text',
      { signature_name: 100 },
      'JSON Value: {\n    "signature_name": 100\n} not formatted correctly. \'signature_name\' key must be a string value.',
      0,
    ],
    [
      'an unknown signature',
      { signature_name: 'X', instances: [1] },
      'Serving signature name: "X" not found in signature def',
      1,
    ],
    [
      'a signature named like a method of all objects',
      { signature_name: 'toString', instances: [1] },
      'Serving signature name: "toString" not found in signature def',
      1,
    ],
    ['neither form', { ...NAMED }, "Missing 'inputs' or 'instances' key", 0],
    [
      'both forms',
      { signature_name: 'predict_images', instances: [1], inputs: [1] },
      'JSON Value: {\n    "signature_name": "predict_images",\n    "instances": [\n        1\n    ],\n    "inputs": [\n        1\n    ]\n}' +
        " Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
      1,
    ],
    [
      'instances that are no list',
      { ...NAMED, instances: 7 },
      'JSON Value: {\n    "signature_name": "predict_images",\n    "instances": 7\n}' +
        " Expecting 'instances' to be an list/array",
      0,
    ],
    ['no instances', { ...NAMED, instances: [] }, "No values in 'instances' array", 0],
    [
      'text for a pixel',
      { ...NAMED, instances: [image(0), ['a']] },
      element(1, 'JSON Value: "a" Type: String is not of expected type: float'),
      2,
    ],
    [
      'an object for a pixel',
      { ...NAMED, instances: [[{ b64: 'AA==' }]] },
      element(0, 'JSON Value: {\n    "b64": "AA=="\n} Type: Object is not of expected type: float'),
      1,
    ],
    [
      'true for a pixel',
      { ...NAMED, instances: [[true]] },
      element(0, 'JSON Value: true Type: True is not of expected type: float'),
      1,
    ],
    [
      'null for a pixel',
      { ...NAMED, instances: [[null]] },
      element(0, 'JSON Value: null Type: Null is not of expected type: float'),
      1,
    ],
    [
      'images of two sizes',
      { ...NAMED, instances: [image(0), short] },
      element(1, 'Expecting tensor size: 784 but got: 3'),
      2,
    ],
    [
      'images of one size and two shapes',
      {
        ...NAMED,
        instances: [
          [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
        ],
      },
      element(1, 'Expecting shape [3,2] but got: [2,3]'),
      2,
    ],
    [
      'a ragged image',
      { ...NAMED, instances: [[[1, 2], [3]]] },
      element(0, 'Encountered list at unexpected size: 1 at level: 1 expected size: 2'),
      1,
    ],
    [
      'a list among numbers',
      { ...NAMED, instances: [[1, [2]]] },
      element(0, 'Encountered list at unexpected level: 1 expected < 1'),
      1,
    ],
    [
      'a number among lists',
      { ...NAMED, instances: [[[1], 2]] },
      element(0, 'JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2'),
      1,
    ],
    [
      'a number beyond float',
      { ...NAMED, instances: [[1e39]] },
      element(0, 'Cannot convert JSON value: 1e+39 to float without loss of precision.'),
      1,
    ],
    [
      'a whole number that float cannot hold',
      { ...NAMED, instances: [[16777217]] },
      element(0, 'Cannot convert JSON value: 16777217 to float without loss of precision.'),
      1,
    ],
    [
      'an object behind a list',
      { ...NAMED, instances: [image(0), { images: image(0) }] },
      'Expecting value/list but got object at item 1 of input list',
      2,
    ],
    [
      'a list behind an object',
      { ...NAMED, instances: [{ images: image(0) }, image(0)] },
      'Expecting object but got list at item 1 of input list',
      2,
    ],
    [
      'an input that does not exist',
      { ...NAMED, instances: [{ pixels: [1] }] },
      "Failed to process element: 0 key: pixels of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: pixels",
      1,
    ],
    [
      'an input named like a method of all objects',
      { ...NAMED, instances: [{ toString: [1] }] },
      "Failed to process element: 0 key: toString of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: toString",
      1,
    ],
    [
      'an object without its inputs',
      { ...NAMED, instances: [{}] },
      "Failed to process element: 0 of 'instances' list. JSON object: {} keys must be equal to: images",
      1,
    ],
    [
      'columns without the input',
      { ...NAMED, inputs: { pixels: [1] } },
      "Missing named input: images in 'inputs' object.",
      1,
    ],
    ['numbers as items', { ...NAMED, instances: [1, 2] }, 'In[0] is not a matrix. Instead it has shape [2]', 2],
    ['a narrow image', { ...NAMED, instances: [short] }, 'Matrix size-incompatible: In[0]: [1,3], In[1]: [784,10]', 1],
    ['an empty image', { ...NAMED, instances: [[]] }, 'Matrix size-incompatible: In[0]: [1,0], In[1]: [784,10]', 1],
    [
      'images for the default signature, which classifies',
      { instances: [short] },
      element(0, 'JSON Value: 1 Type: Number is not of expected type: string'),
      1,
    ],
    ['no base64 where it should be', { instances: [{ b64: '?' }] }, element(0, 'Unable to base64 decode'), 1],
  ])('refuses %s', (_title, body, error, batch) => {
    const answer = predict(body);
    expect(answer).toMatchObject({ status: 400, batch });
    expect(errorOf(answer)).toBe(error);
  });

  it('quotes at most 256 characters of a wrong document', () => {
    const error = errorOf(predict({ instances: 'x'.repeat(1_000_000), inputs: 1, signature_name: 'predict_images' }));
    expect(error).toMatch(/^JSON Value: \{\n {4}"instances": "xxx/);
    expect(error).toHaveLength(
      'JSON Value: '.length +
        256 +
        " Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ".length,
    );
  });

  it('does not allocate what a shape merely promises', () => {
    // By its first elements this is [2000, 2000, 2000, 2000]: 64 TB.
    let item: unknown = 0;
    for (let level = 0; level < 4; level += 1) {
      item = [item, ...Array.from({ length: 1999 }, () => 0)];
    }
    expect(errorOf(predict({ ...NAMED, inputs: item }))).toMatch(/ found at incorrect level: /);
  });

  it('refuses absurd nesting', () => {
    const answer = predict(
      `{"signature_name": "predict_images", "instances": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    );
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toContain('at most 254 dimensions');
  });

  it.each([
    ['an unknown model', '/v1/models/other:predict', 404, 'Servable not found for request: Latest(other)'],
    [
      'an unknown version',
      '/v1/models/mnist/versions/5:predict',
      404,
      'Servable not found for request: Specific(mnist, 5)',
    ],
    ['an unknown label', '/v1/models/mnist/labels/a%20b:predict', 400, 'Unrecognized servable version label: a b'],
    [
      'a version beyond 64 bits',
      '/v1/models/mnist/versions/9223372036854775808:predict',
      400,
      'Failed to convert version: 9223372036854775808 to numeric.',
    ],
  ])('misses %s', (_title, path, status, error) => {
    const answer = predict({ ...NAMED, instances: [image(0), image(0)] }, path);
    expect(answer).toMatchObject({ status });
    expect(errorOf(answer)).toBe(error);
  });

  it('reads the document before it looks for the model', () => {
    expect(errorOf(predict('', '/v1/models/other:predict'))).toBe('JSON Parse error: The document is empty');
  });
});

describe('classify and regress', () => {
  const onExamples = (method: string, body: unknown) =>
    ask('POST', `/v1/models/mnist:${method}`, typeof body === 'string' ? body : JSON.stringify(body));
  const examples = [{ x: image(0) }, { x: image(1) }];

  it('give the classes of each example, the likeliest first', () => {
    const { status, body, batch, route } = onExamples('classify', { examples });
    expect({ status, batch, inference: route.inference }).toEqual({ status: 200, batch: 2, inference: true });
    const { results } = JSON.parse(body);
    expect(results.length).toBe(2);
    expect(results[0].slice(0, 2)).toEqual([
      ['9', 0.5625],
      ['8', 0.5],
    ]);
    expect(results[1].at(-1)).toEqual(['0', 1]);
  });

  it('lay results out on one line', () => {
    const { body } = onExamples('regress', { signature_name: 'regress_digit', examples });
    // Σ i · i/16 = 17.8125, and Σ i · (1 + i/16) = 62.8125.
    expect(body).toBe('{\n    "results": [17.8125, 62.8125\n    ]\n}');
    expect(onExamples('classify', { examples }).body).toMatch(
      /^\{\n {4}"results": \[\[\["9", 0\.5625\], \["8", 0\.5\]/,
    );
  });

  it('take what all examples share from the context', () => {
    const shared = onExamples('classify', { context: { x: image(0) }, examples: [{}, { x: image(1) }] });
    expect(shared.body).toBe(onExamples('classify', { examples }).body);
  });

  it.each<[title: string, method: string, body: unknown, status: number, message: string]>([
    ['no object', 'classify', '[]', 400, 'JSON Value: [] Is not object'],
    [
      'no examples',
      'classify',
      {},
      400,
      "JSON Value: {} When method is classify, key 'examples' is expected and was not found",
    ],
    ['no list', 'regress', { examples: 1 }, 400, "Expecting 'examples' value to be an list/array"],
    ['an empty list', 'regress', { examples: [] }, 400, "'examples' value is an empty array"],
    [
      'an example that is no object',
      'classify',
      { examples: [[1]] },
      400,
      'Example must be JSON object but got JSON Array',
    ],
    [
      'a list in a list',
      'classify',
      { examples: [{ x: [[1]] }] },
      400,
      'Feature: x has element with unexpected JSON type: Array',
    ],
    ['values of two kinds', 'classify', { examples: [{ x: [1, 'a'] }] }, 400, 'Unexpected element type for feature: x'],
    [
      'texts',
      'classify',
      { examples: [{ x: ['a', { b64: 'YQ==' }] }] },
      400,
      "Data types don't match. Expected type: float",
    ],
    ['another feature', 'classify', { examples: [{ y: [1] }] }, 400, 'Feature: x (data type: float) is required'],
    ['too few pixels', 'classify', { examples: [{ x: [1] }] }, 400, 'values size: 1 but output shape: [784]'],
    ['the signature of another method', 'regress', { examples }, 400, 'Was: tensorflow/serving/classify'],
    [
      'an unknown signature',
      'regress',
      { signature_name: 'nope', examples },
      400,
      'No signature was found with the name: nope',
    ],
  ])('refuse %s', (_title, method, body, status, message) => {
    const answer = onExamples(method, body);
    expect(answer.status).toBe(status);
    expect(errorOf(answer)).toContain(message);
  });

  it('know the version by its label', () => {
    expect(ask('POST', '/v1/models/mnist/labels/current:classify', JSON.stringify({ examples })).status).toBe(200);
    expect(predict({ ...NAMED, instances: [image(0)] }, '/v1/models/mnist/labels/current:predict').status).toBe(200);
  });
});

describe('paths', () => {
  it.each([
    ['POST', '/v1/models/mnist'],
    ['GET', '/v1/models/mnist:predict'],
    ['POST', '/v1/models/mnist:generate'],
    ['POST', '/v1/models/mnist/versions/one:predict'],
    ['GET', '/v1/models/'],
    ['GET', '/v1/models/mnist/'],
    ['PUT', '/v1/models/mnist'],
    ['GET', '/v1/'],
    ['DELETE', '/V1/x'],
  ])('answers 400 to %s %s', (method, path) => {
    const answer = ask(method, path);
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.route.inference).toBeUndefined();
    expect(errorOf(answer)).toBe(`Malformed request: ${method} ${path}`);
  });

  it.each(['/', '/v2/models/mnist', '/v1', '/metrics'])('answers 404 without JSON to %s', (path) => {
    const { status, type } = ask('GET', path);
    expect({ status, type }).toEqual({ status: 404, type: 'text/plain' });
  });

  it.each(['/v1/models', '/v1/models/versions/1', '/v1/models/labels/x/metadata'])('misses a name in %s', (path) => {
    const answer = ask('GET', path);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toBe('Missing model name in request.');
  });

  it('cannot decode a broken name', () => {
    const answer = ask('GET', '/v1/models/%zz');
    expect([answer.status, errorOf(answer)]).toEqual([400, 'Failed to decode model name:%zz']);
  });
});

describe('status and metadata', () => {
  it.each(['/v1/models/mnist', '/v1/models/mnist/versions/1'])('tells the state at %s', (path) => {
    const { status, body, route } = ask('GET', path);
    expect({ status, inference: route.inference }).toEqual({ status: 200, inference: undefined });
    expect(JSON.parse(body)).toEqual({
      model_version_status: [{ version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }],
    });
  });

  it.each([
    ['/v1/models/other', 'Could not find any versions of model other'],
    ['/v1/models/mnist/versions/2', 'Could not find version 2 of model mnist'],
    ['/v1/models/other/metadata', 'Servable not found for request: Latest(other)'],
    ['/v1/models/mnist/versions/2/metadata', 'Servable not found for request: Specific(mnist, 2)'],
  ])('answers 404 to %s', (path, error) => {
    const answer = ask('GET', path);
    expect([answer.status, errorOf(answer)]).toEqual([404, error]);
  });

  it.each(['/v1/models/mnist/metadata', '/v1/models/mnist/versions/1/metadata'])(
    'describes the model at %s',
    (path) => {
      const { status, body } = ask('GET', path);
      expect(status).toBe(200);
      const parsed = JSON.parse(body);
      expect(Object.keys(parsed)).toEqual(['model_spec', 'metadata']);
      expect(parsed.model_spec).toEqual({ name: 'mnist', signature_name: '', version: '1' });
      const signatures = parsed.metadata.signature_def.signature_def;
      expect(Object.keys(signatures).sort()).toEqual(['predict_images', 'regress_digit', 'serving_default']);
      expect(signatures.predict_images).toMatchObject({
        inputs: {
          images: {
            dtype: 'DT_FLOAT',
            tensor_shape: {
              dim: [
                { size: '-1', name: '' },
                { size: '784', name: '' },
              ],
              unknown_rank: false,
            },
          },
        },
        outputs: {
          scores: {
            dtype: 'DT_FLOAT',
            tensor_shape: {
              dim: [
                { size: '-1', name: '' },
                { size: '10', name: '' },
              ],
              unknown_rank: false,
            },
          },
        },
        method_name: 'tensorflow/serving/predict',
      });
      expect(signatures.serving_default.method_name).toBe('tensorflow/serving/classify');
    },
  );
});

describe('errors', () => {
  it('are pretty-printed', () => {
    expect(tfServingProblem('a "b"')).toBe('{\n    "error": "a \\"b\\""\n}');
  });

  it.each<[number, Code[]]>([
    [200, ['OK']],
    [400, ['INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'OUT_OF_RANGE']],
    [401, ['UNAUTHENTICATED']],
    [403, ['PERMISSION_DENIED']],
    [404, ['NOT_FOUND']],
    [409, ['ALREADY_EXISTS', 'ABORTED']],
    [429, ['RESOURCE_EXHAUSTED']],
    [499, ['CANCELLED']],
    [500, ['UNKNOWN', 'INTERNAL', 'DATA_LOSS']],
    [501, ['UNIMPLEMENTED']],
    [503, ['UNAVAILABLE']],
    [504, ['DEADLINE_EXCEEDED']],
  ])('have the HTTP status %d for %j', (status, codes) => {
    expect(codes.map(httpStatusOf)).toEqual(codes.map(() => status));
  });

  it('of several inputs ask for objects', () => {
    const info = { dtype: 'DT_FLOAT', shape: [-1], node: 'x:0' } as const;
    const two: Servable = {
      ...mnistServable(copyModel),
      signatures: { two: { methodName: 'tensorflow/serving/predict', inputs: { a: info, b: info }, outputs: {} } },
    };
    const error = (body: object) =>
      errorOf(
        ask(
          'POST',
          '/v1/models/mnist:predict',
          JSON.stringify({ signature_name: 'two', ...body }),
          tfServingRoutes(two),
        ),
      );
    expect(error({ instances: [1] })).toBe(
      'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
    );
    expect(error({ inputs: [1] })).toBe(
      'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
    );
    expect(error({ instances: [{ a: 1 }] })).toBe(
      'Failed to process element: 0 of \'instances\' list. JSON object: {\n    "a": 1\n} keys must be equal to: a,b',
    );
  });
});
