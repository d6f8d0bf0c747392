import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { tfServingGrpc } from '../../../src/protocols/tf-serving-grpc.js';
import { tfServingRest } from '../../../src/protocols/tf-serving-rest.js';

const MNIST = {
  model: 'mnist',
  signature: 'predict_images',
  'model-version': undefined,
  input: 'images',
  call: 'predict',
  format: 'row',
};
const RAW = { ...MNIST, encoding: 'raw' } as const;
const rest = await tfServingRest.create(MNIST, '');
const grpc = await tfServingGrpc.create(RAW, '');

const tensor = (values: readonly number[], shape = [values.length]): Item => ({
  kind: 'tensor',
  shape,
  values: Float32Array.from(values),
});

describe('a REST request', () => {
  it('has the row form: a list of values per example', () => {
    const { method, path, body, batch } = rest.encode([tensor([0, 0.5]), tensor([1, 0.25])]);
    expect([method, path, batch]).toEqual(['POST', '/v1/models/mnist:predict', 2]);
    expect(String(body)).toBe('{"signature_name":"predict_images","instances":[[0,0.5],[1,0.25]]}');
  });

  it('writes float32 values as the numbers they are', () => {
    // 125/255 as float32, as a Python client that goes through float32 writes it.
    expect(String(rest.encode([tensor([Math.fround(125 / 255)])]).body)).toContain('[0.4901960790157318]');
  });

  it('nests tensors of more dimensions', () => {
    expect(String(rest.encode([tensor([1, 2, 3, 4], [2, 2])]).body)).toContain('"instances":[[[1,2],[3,4]]]');
  });

  it('asks for a version', async () => {
    const versioned = await tfServingRest.create({ ...MNIST, model: 'a b', 'model-version': '3' }, '');
    expect(versioned.encode([tensor([1])]).path).toBe('/v1/models/a%20b/versions/3:predict');
  });
});

describe('a REST answer', () => {
  it.each([
    ['{"predictions":[[0.1,0.9],[0.5,0.5]]}', 'ok'],
    ['{ "predictions": [ [NaN, -Infinity], [Infinity, 1] ] }', 'ok'],
    ['{"predictions":[{"a":[1,2],"b":"x"},{"a":[3,4],"b":"y"}]}', 'ok'],
    ['{"predictions":[1,2]}', 'ok'],
    ['{"predictions":[["NaN\\" is text",1],["x",NaN]]}', 'ok'],
    ['{"predictions":[[0.1,0.9]]}', 'schema_mismatch'],
    ['{"predictions":[[0.1,0.9],[0.5]]}', 'schema_mismatch'],
    ['{"predictions":[[0.1,0.9],["a","b"]]}', 'schema_mismatch'],
    ['{"outputs":[[1],[2]]}', 'schema_mismatch'],
    ['{"error":"no"}', 'schema_mismatch'],
    ['null', 'schema_mismatch'],
    ['{"predictions":[[0.1', 'invalid_json'],
    ['{"predictions":NaNN}', 'invalid_json'],
  ])('to two items %s is %s', (body, outcome) => {
    expect(rest.decode({ status: 200, headers: {}, body: Buffer.from(body) }, { batch: 2 }).outcome).toBe(outcome);
  });
});

describe('a gRPC request', () => {
  it('equals the vector with tensor_content', () => {
    const { path, body } = grpc.encode([tensor([0, 0.5, 1])]);
    expect(path).toBe('/tensorflow.serving.PredictionService/Predict');
    expect(body?.toString('hex')).toBe(
      '0a170a056d6e6973741a0e707265646963745f696d6167657312240a06696d61676573121a080112081202080112020803220c000000000000003f0000803f',
    );
  });

  it('equals the vector with typed values', async () => {
    const typed = await tfServingGrpc.create({ ...RAW, encoding: 'typed' }, '');
    expect(typed.encode([tensor([0, 0.5, 1])]).body?.toString('hex')).toBe(
      '0a170a056d6e6973741a0e707265646963745f696d6167657312240a06696d61676573121a0801120812020801120208032a0c000000000000003f0000803f',
    );
  });

  it('names a version as the vector does', async () => {
    const versioned = await tfServingGrpc.create({ ...RAW, model: 'm', 'model-version': '3' }, '');
    const hex = versioned.encode([tensor([1])]).body?.toString('hex');
    // name "m", version {3}, signature_name.
    expect(hex?.startsWith('0a170a016d1202080'.concat('31a0e707265646963745f696d61676573'))).toBe(true);
  });

  it('has [batch, items] as its shape and every item once', () => {
    const hex = grpc.encode([tensor([1, 2]), tensor([3, 4])]).body?.toString('hex') as string;
    expect(hex).toContain('1208120208021202'.concat('0802'));
    expect(hex.endsWith('0000803f000000400000404000008040')).toBe(true);
  });

  it('has 3,191 bytes for an image of 784 pixels', () => {
    expect(grpc.encode([tensor(new Array(784).fill(0))]).body?.length).toBe(3191);
    expect(grpc.encode(Array.from({ length: 4 }, () => tensor(new Array(784).fill(0)))).body?.length).toBe(12_599);
  });

  it('refuses items of several shapes, and texts beside tensors', () => {
    expect(() => grpc.encode([tensor([1, 2]), tensor([1])])).toThrow(RangeError);
    expect(() => grpc.encode([{ kind: 'text', text: 'x' }, tensor([1])])).toThrow(RangeError);
  });
});

describe('a gRPC answer', () => {
  const decode = (hex: string, batch = 1) =>
    grpc.decode({ status: 0, headers: {}, body: Buffer.from(hex, 'hex') }, { batch });
  // Vector: PredictResponse, scores [1,2] in float_val.
  const vector =
    '0a200a0673636f72657312160801120812020801120208022a080000803e0000403f121b0a056d6e697374120208011a0e707265646963745f696d61676573';

  it('equals the vector with typed values', () => {
    expect(decode(vector).outcome).toBe('ok');
  });

  it('may hold its values as tensor_content', () => {
    expect(decode(vector.replace('2a080000803e', '22080000803e')).outcome).toBe('ok');
  });

  it('may hold one value for the whole shape', () => {
    // scores [1,2] with a single float_val.
    expect(decode('0a1c0a0673636f72657312120801120812020801120208022a040000803e').outcome).toBe('ok');
  });

  it.each([
    ['another batch than was asked for', vector, 2, 'schema_mismatch'],
    ['no outputs', '', 1, 'schema_mismatch'],
    [
      'three values for two',
      vector
        .replace('0a200a06', '0a240a06')
        .replace('12160801', '121a0801')
        .replace('2a080000803e', '2a0c000000000000803e'),
      1,
      'schema_mismatch',
    ],
    ['cut bytes', vector.slice(0, 40), 1, 'decode_error'],
    ['no message', 'ff', 1, 'decode_error'],
  ] as const)('with %s is %s', (_case, hex, batch, outcome) => {
    expect(decode(hex, batch).outcome).toBe(outcome);
  });
});
