import { describe, expect, it } from 'vitest';
import type { DigitModel } from '../../../src/server/digit-model.js';
import { CODES } from '../../../src/server/outcome.js';
import { type InputTensor, mnistServable } from '../../../src/server/tf-serving.js';

/** The scores of an image are its first ten pixels. */
const copyModel: DigitModel = {
  inputSize: 784,
  classes: 10,
  predict: (images, batch) =>
    Float32Array.from({ length: batch * 10 }, (_, at) => images[Math.floor(at / 10) * 784 + (at % 10)] as number),
};
const servable = mnistServable(copyModel);

function images(shape: readonly number[], values = new Float32Array(shape.reduce((a, b) => a * b, 1))) {
  return new Map<string, InputTensor>([['images', { dtype: 'DT_FLOAT', shape, values }]]);
}

describe('the mnist servable', () => {
  it('has the codes of gRPC', () => {
    expect(Object.values(CODES)).toEqual(Array.from({ length: 17 }, (_, code) => code));
  });

  it.each([
    ['its latest version', { name: 'mnist' }, undefined, undefined],
    ['its version 1', { name: 'mnist', version: 1n }, undefined, undefined],
    [
      'another version',
      { name: 'mnist', version: 5n },
      'NOT_FOUND: Servable not found for request: Specific(mnist, 5)',
      'NOT_FOUND: Could not find version 5 of model mnist',
    ],
    [
      'another model',
      { name: 'mnits' },
      'NOT_FOUND: Servable not found for request: Latest(mnits)',
      'NOT_FOUND: Could not find any versions of model mnits',
    ],
    [
      'a version of another model',
      { name: 'resnet', version: 1n },
      'NOT_FOUND: Servable not found for request: Specific(resnet, 1)',
      'NOT_FOUND: Could not find version 1 of model resnet',
    ],
    [
      'a label',
      { name: 'mnist', label: 'stable' },
      'INVALID_ARGUMENT: Unrecognized servable version label: stable',
      undefined,
    ],
    [
      'no name',
      { name: '' },
      'INVALID_ARGUMENT: ModelSpec has no name specified.',
      'NOT_FOUND: Could not find any versions of model ',
    ],
  ])('finds or misses %s', (_title, spec, inference, status) => {
    const text = (error: { code: string; message: string } | undefined) => error && `${error.code}: ${error.message}`;
    expect([text(servable.miss(spec)), text(servable.missStatus(spec))]).toEqual([inference, status]);
  });

  it('runs a batch of images', () => {
    const values = Float32Array.from({ length: 3 * 784 }, (_, at) => at);
    const scores = [0, 784, 1568].flatMap((first) => Array.from({ length: 10 }, (_, digit) => first + digit));
    expect(servable.run('predict_images', images([3, 784], values))).toEqual({
      value: { scores: { shape: [3, 10], values: Float32Array.from(scores) } },
    });
  });

  it('runs an empty batch', () => {
    expect(servable.run('predict_images', images([0, 784]))).toEqual({
      value: { scores: { shape: [0, 10], values: new Float32Array() } },
    });
  });

  it.each([
    [[784], 'In[0] is not a matrix. Instead it has shape [784]'],
    [[], 'In[0] is not a matrix. Instead it has shape []'],
    [[2, 28, 28], 'In[0] is not a matrix. Instead it has shape [2,28,28]'],
    [[1, 3], 'Matrix size-incompatible: In[0]: [1,3], In[1]: [784,10]'],
  ])('refuses images of shape %j', (shape, message) => {
    expect(servable.run('predict_images', images(shape))).toEqual({ error: { code: 'INVALID_ARGUMENT', message } });
  });

  it('takes no tensors for the signatures of examples', () => {
    const inputs = new Map<string, InputTensor>([
      ['inputs', { dtype: 'DT_STRING', shape: [1], values: new Float32Array() }],
    ]);
    expect(servable.run('serving_default', inputs).error?.code).toBe('UNIMPLEMENTED');
  });
});
