import { describe, expect, it } from 'vitest';
import type { Datatype, InputSpec, Item, Tensor } from '../../../src/datasets/dataset.js';
import { syntheticTensors } from '../../../src/datasets/synthetic.js';
import { rawBytes } from '../../../src/protocols/datatypes.js';
import { datasetContract } from '../../contract/dataset.js';

const DATATYPES: readonly (readonly [Datatype, bytesEach: number])[] = [
  ['BOOL', 1],
  ['UINT8', 1],
  ['UINT16', 2],
  ['UINT32', 4],
  ['UINT64', 8],
  ['INT8', 1],
  ['INT16', 2],
  ['INT32', 4],
  ['INT64', 8],
  ['FP16', 2],
  ['BF16', 2],
  ['FP32', 4],
  ['FP64', 8],
  // Four bytes of length and sixteen letters.
  ['BYTES', 20],
];

const make = (inputs: readonly InputSpec[], seed = 1) => syntheticTensors({ inputs, size: 20, seed });
const inputOf = (item: Item, name: string) => (item as { inputs: Record<string, Tensor> }).inputs[name] as Tensor;

describe('items made for the inputs of a model', () => {
  it.each(DATATYPES)('are of %s, %d bytes an element', (datatype, bytesEach) => {
    const dataset = make([{ name: 'x', datatype, shape: [-1, 3, -1, 5] }]);
    const { shape, values, ...rest } = inputOf(dataset.at(3), 'x');
    expect(rest.datatype).toBe(datatype);
    // The batch is not part of an item; a dimension of any size is 1.
    expect(shape).toEqual([3, 1, 5]);
    expect(rawBytes(datatype, values).length).toBe(15 * bytesEach);
    expect(new Set(Array.from(values as ArrayLike<unknown>, String)).size).toBeGreaterThan(1);
  });

  it('have all inputs', () => {
    const dataset = make([
      { name: 'ids', datatype: 'INT64', shape: [-1, 8] },
      { name: 'mask', datatype: 'BOOL', shape: [-1, 8] },
    ]);
    expect(Object.keys((dataset.at(0) as { inputs: object }).inputs)).toEqual(['ids', 'mask']);
  });

  it('differ by index and by seed, and are the same otherwise', () => {
    const spec: readonly InputSpec[] = [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }];
    const texts = Array.from({ length: 20 }, (_, index) => JSON.stringify(make(spec).at(index)));
    expect(new Set(texts).size).toBe(20);
    expect(JSON.stringify(make(spec).at(7))).toBe(texts[7]);
    expect(JSON.stringify(make(spec, 2).at(7))).not.toBe(texts[7]);
  });

  it('have floats in [0, 1) and whole numbers that every type and vocabulary holds', () => {
    const floats = inputOf(make([{ name: 'x', datatype: 'FP32', shape: [1, 1000] }]).at(0), 'x').values as Float32Array;
    expect(Math.min(...floats)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...floats)).toBeLessThanOrEqual(1);
    const whole = inputOf(make([{ name: 'x', datatype: 'INT64', shape: [1, 1000] }]).at(0), 'x')
      .values as BigInt64Array;
    expect(Array.from(whole).every((value) => value >= 0n && value < 100n)).toBe(true);
  });

  describe('keep to what a dataset is', () => {
    datasetContract(() => make([{ name: 'x', datatype: 'FP64', shape: [-1, 2] }]));
  });
});
