import { type Random, random } from '../random.js';
import type { Dataset, Datatype, InputSpec, Item, Tensor, TensorValues } from './dataset.js';

export interface SyntheticOptions {
  /** The inputs of the model; the batch dimension, which is first, is left out of the items. */
  readonly inputs: readonly InputSpec[];
  /** How many different items. */
  readonly size: number;
  readonly seed: number;
}

/**
 * Items of random values for inputs of any datatype: floats uniform in [0, 1), whole numbers uniform in 0 … 99 (which
 * every integer type holds, and which are pixels and token ids as well), words of 16 letters. A dimension that may have
 * any size is 1. The same seed gives the same items.
 */
export function syntheticTensors({ inputs, size, seed }: SyntheticOptions): Dataset {
  return {
    name: 'synthetic',
    size,
    at(index): Item {
      // A generator per item, so that an item is the same in whatever order they are asked for.
      const source = random((seed + Math.imul(index + 1, GOLDEN_RATIO)) >>> 0, 'inputs');
      return {
        kind: 'tensors',
        inputs: Object.fromEntries(inputs.map((input) => [input.name, tensorOf(input, source)])),
      };
    },
  };
}

/** 2³² / φ: spreads consecutive indexes over the seeds. */
const GOLDEN_RATIO = 0x9e3779b9;
const BELOW = 100;
const WORD_LETTERS = 16;

function tensorOf({ datatype, shape }: InputSpec, source: Random): Tensor {
  const itemShape = shape.slice(1).map((length) => (length < 0 ? 1 : length));
  const length = itemShape.reduce((product, one) => product * one, 1);
  return { datatype, shape: itemShape, values: VALUES[datatype](length, source) };
}

type Make = (length: number, source: Random) => TensorValues;

function whole(type: { from(of: { length: number }, map: () => number): TensorValues }, below = BELOW): Make {
  return (length, source) => type.from({ length }, () => source.below(below));
}

const floats: Make = (length, source) => Float32Array.from({ length }, () => source.unit());

const VALUES: Readonly<Record<Datatype, Make>> = {
  BOOL: whole(Uint8Array, 2),
  UINT8: whole(Uint8Array),
  UINT16: whole(Uint16Array),
  UINT32: whole(Uint32Array),
  UINT64: (length, source) => BigUint64Array.from({ length }, () => BigInt(source.below(BELOW))),
  INT8: whole(Int8Array),
  INT16: whole(Int16Array),
  INT32: whole(Int32Array),
  INT64: (length, source) => BigInt64Array.from({ length }, () => BigInt(source.below(BELOW))),
  FP16: floats,
  BF16: floats,
  FP32: floats,
  FP64: (length, source) => Float64Array.from({ length }, () => source.unit()),
  BYTES: (length, source) =>
    Array.from({ length }, () => Buffer.from(Array.from({ length: WORD_LETTERS }, () => 97 + source.below(26)))),
};
