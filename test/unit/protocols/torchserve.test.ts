import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { torchserve } from '../../../src/protocols/torchserve.js';

const create = (version?: string) => torchserve.create({ model: 'a b', 'model-version': version }, '');
const protocol = await create();
const tensor = (values: readonly number[], shape = [values.length]): Item => ({
  kind: 'tensor',
  shape,
  values: Float32Array.from(values),
});

describe('a request', () => {
  it('is a list of the tensors of the batch', () => {
    const { method, path, headers, body } = protocol.encode([
      tensor([1, 2, 3, 4], [2, 2]),
      tensor([5, 6, 7, 8], [2, 2]),
    ]);
    expect([method, path]).toEqual(['POST', '/predictions/a%20b']);
    expect(headers['content-type']).toBe('application/json');
    expect(String(body)).toBe('[[[1,2],[3,4]],[[5,6],[7,8]]]');
  });

  it('asks for a version', async () => {
    expect((await create('1.0')).encode([tensor([1])]).path).toBe('/predictions/a%20b/1.0');
  });
});

describe('an answer', () => {
  it.each([
    ['[[0.1,0.9],[0.5,0.5]]', 'ok'],
    ['[3,7]', 'ok'],
    ['[{"label":"a","p":1},{"label":"b","p":0}]', 'ok'],
    ['[[0.1,0.9]]', 'schema_mismatch'],
    ['[[0.1,0.9],[0.5]]', 'schema_mismatch'],
    ['{"code":503,"type":"InternalServerException","message":"Prediction failed"}', 'schema_mismatch'],
    ['[[0.1', 'invalid_json'],
  ])('to two items %s is %s', (body, outcome) => {
    const decoded = protocol.decode({ status: 200, headers: {}, body: Buffer.from(body) }, { batch: 2 });
    expect(decoded.outcome).toBe(outcome);
  });

  it('is explained when it is an error', () => {
    const body = Buffer.from('{"code":503,"message":"Prediction failed"}');
    expect(protocol.decode({ status: 200, headers: {}, body }, { batch: 1 }).detail).toContain('Prediction failed');
  });
});
