import { describe, expect, it } from 'vitest';
import type { Dataset, InputSpec, Item } from '../../../src/datasets/dataset.js';
import { fittedTo, isSynthetic, madeFor } from '../../../src/spec/inputs.js';
import { readRunSpec } from '../../../src/spec/run-spec.js';

const spec = (...words: readonly (readonly [string, string])[]) =>
  readRunSpec({
    operands: [],
    given: new Map(words.map(([name, word]) => [name, [word]])),
    problems: [],
    cwd: '/nowhere',
  });

const datasetOf = (item: Item): Dataset => ({ name: 'd', size: 1, at: () => item });
const fitted = (inputs: readonly InputSpec[], item: Item, batch = 1) => fittedTo(inputs, datasetOf(item), batch).at(0);

const IMAGE: InputSpec = { name: 'image', datatype: 'FP32', shape: [-1, 2] };
const item: Item = { kind: 'tensor', shape: [2], values: Float32Array.of(1, 2) };

describe('inputs are made where no dataset fits', () => {
  it.each([
    ['the seeds’ model', [['protocol', 'oip-grpc']], false],
    [
      'another model',
      [
        ['protocol', 'oip-grpc'],
        ['model', 'resnet'],
      ],
      true,
    ],
    [
      'another model with a dataset',
      [
        ['protocol', 'oip-rest'],
        ['model', 'resnet'],
        ['dataset', 'x.npy'],
      ],
      false,
    ],
    [
      'the wish of the user',
      [
        ['protocol', 'tf-serving-rest'],
        ['dataset', 'synthetic'],
      ],
      true,
    ],
    [
      'another signature',
      [
        ['protocol', 'tf-serving-grpc'],
        ['signature', 'other'],
      ],
      true,
    ],
    ['a protocol of texts', [['protocol', 'sentiment']], false],
  ] as const)('%s', (_case, words, synthetic) => {
    expect(isSynthetic(spec(...words))).toBe(synthetic);
  });

  it('has as many items as the batch wants at least', () => {
    const made = madeFor([IMAGE], spec(['protocol', 'oip-rest'], ['model', 'm'], ['batch-size', '1000']));
    expect(made.size).toBe(1000);
  });

  it('refuses a model whose first dimension is no batch', () => {
    const fixed = [{ ...IMAGE, shape: [1, 2] }];
    const of = (batch: string) => madeFor(fixed, spec(['protocol', 'oip-rest'], ['model', 'm'], ['batch-size', batch]));
    expect(of('1').size).toBeGreaterThan(0);
    expect(() => of('4')).toThrow('input "image" of the model takes [1, 2], whose first dimension is no batch of 4');
    expect(() => madeFor([{ ...IMAGE, shape: [] }], spec(['protocol', 'oip-rest']))).toThrow(RangeError);
  });
});

describe('a dataset for the input that the server tells', () => {
  it('goes to it by its name', () => {
    expect(fitted([IMAGE], item)).toEqual({ kind: 'tensors', inputs: { image: item } });
  });

  it('keeps its right answers', () => {
    expect(fitted([IMAGE], { ...item, expected: { label: '7' } })).toMatchObject({ expected: { label: '7' } });
  });

  it('may be texts, of one element in whatever shape', () => {
    const input: InputSpec = { name: 'text', datatype: 'BYTES', shape: [-1, 1] };
    expect(fitted([input], { kind: 'text', text: 'é' })).toEqual({
      kind: 'tensors',
      inputs: { text: { datatype: 'BYTES', shape: [1], values: [Buffer.from('é')] } },
    });
  });

  it.each([
    ['another datatype', [{ ...IMAGE, datatype: 'INT64' }], 'takes INT64, the items are FP32'],
    ['another shape', [{ ...IMAGE, shape: [-1, 28, 28] }], 'items of the shape [28, 28], they have [2]'],
    ['another size', [{ ...IMAGE, shape: [-1, 3] }], 'items of the shape [3], they have [2]'],
    ['another batch', [{ ...IMAGE, shape: [8, 2] }], 'no batch of 1'],
    ['two inputs', [IMAGE, { ...IMAGE, name: 'mask' }], 'takes "image", "mask"'],
  ] as const)('is refused for %s', (_case, inputs, problem) => {
    expect(() => fitted(inputs, item)).toThrow(problem);
  });
});
