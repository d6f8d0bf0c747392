import { describe, expect, it } from 'vitest';
import type { Datatype, TensorValues } from '../../../src/datasets/dataset.js';
import { isDatatype, rawBytes, rawElements } from '../../../src/protocols/datatypes.js';

/** Values and their bytes by hand: little-endian, two's complement, IEEE 754. */
const RAW: readonly (readonly [Datatype, TensorValues, string, readonly unknown[]])[] = [
  ['BOOL', Uint8Array.of(1, 0), '0100', [true, false]],
  ['UINT8', Uint8Array.of(255), 'ff', [255]],
  ['UINT16', Uint16Array.of(258), '0201', [258]],
  ['UINT32', Uint32Array.of(0xdeadbeef), 'efbeadde', [0xdeadbeef]],
  ['UINT64', BigUint64Array.of(2n ** 64n - 2n), 'feffffffffffffff', [2n ** 64n - 2n]],
  ['INT8', Int8Array.of(-1), 'ff', [-1]],
  ['INT16', Int16Array.of(-2), 'feff', [-2]],
  ['INT32', Int32Array.of(-3), 'fdffffff', [-3]],
  ['INT64', BigInt64Array.of(-(2n ** 53n) - 1n), 'ffffffffffffdfff', [-(2n ** 53n) - 1n]],
  ['FP16', Float32Array.of(1, -2), '003c00c0', [1, -2]],
  ['BF16', Float32Array.of(1, -2), '803f00c0', [1, -2]],
  ['FP32', Float32Array.of(0.5, 1), '0000003f0000803f', [0.5, 1]],
  ['FP64', Float64Array.of(1), '000000000000f03f', [1]],
  // The published vector.
  [
    'BYTES',
    [Buffer.from('I love you!'), Buffer.from('é')],
    '0b00000049206c6f766520796f752102000000c3a9',
    [Buffer.from('I love you!'), Buffer.from('é')],
  ],
];

describe('a raw tensor', () => {
  it.each(RAW)('of %s has its bytes, both ways', (datatype, values, hex, elements) => {
    expect(rawBytes(datatype, values).toString('hex')).toBe(hex);
    expect(rawElements(datatype, Buffer.from(hex, 'hex'))).toEqual(elements);
  });

  it('may lie anywhere in a larger array', () => {
    expect(rawBytes('FP32', Float32Array.of(9, 1).subarray(1)).toString('hex')).toBe('0000803f');
  });

  it.each(['0b000000', '05000000414243', '0100'])('ends within an element: %s', (hex) => {
    expect(rawElements('BYTES', Buffer.from(hex, 'hex'))).toBeUndefined();
  });

  it('knows its names', () => {
    expect(['FP32', 'BF16'].every(isDatatype)).toBe(true);
    expect(['DT_FLOAT', '', 'toString', undefined, 3].some(isDatatype)).toBe(false);
  });
});
