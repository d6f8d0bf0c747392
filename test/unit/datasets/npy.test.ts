import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/datasets/index.js';
import { npyTensors } from '../../../src/datasets/npy.js';
import { datasetContract } from '../../contract/dataset.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/npy', import.meta.url));
const open = (name: string) => openDataset(`${FIXTURES}/${name}`, '/');

/** A file by hand: the magic string, a version, a header and the values. */
function file(header: string, values = '', version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(header.length, 0, length.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.of(version, 0),
    length,
    Buffer.from(header, 'latin1'),
    Buffer.from(values, 'hex'),
  ]);
}

const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
const read = (bytes: Buffer) => npyTensors.read({ path: 'x.npy', bytes }, { columns: [], wanted: 'tensor' });

describe('files that NumPy wrote', () => {
  // Made by test/fixtures/npy/make.py; the values are those that it was told to write.
  it.each([
    [
      'f4.npy',
      'FP32',
      [2],
      [
        [0.5, 1],
        [-2, 3.25],
      ],
    ],
    ['f8-v2.npy', 'FP64', [], [[0.1], [1e300]]],
    ['f2.npy', 'FP16', [3], [[1, -2, 65504]]],
    ['i8.npy', 'INT64', [], [[-1n], [2n ** 60n]]],
    ['u8.npy', 'UINT64', [1], [[2n ** 64n - 1n]]],
    ['i4.npy', 'INT32', [2, 2], [[1, 2, 3, -4]]],
    ['i2.npy', 'INT16', [], [[-300]]],
    ['i1.npy', 'INT8', [], [[-128]]],
    ['u4.npy', 'UINT32', [], [[4_000_000_000]]],
    ['u2.npy', 'UINT16', [], [[65_535]]],
    ['u1.npy', 'UINT8', [], [[255]]],
    ['bool.npy', 'BOOL', [3], [[1, 0, 1]]],
  ])('%s', (name, datatype, shape, items) => {
    const dataset = open(name);
    expect(dataset.size).toBe(items.length);
    for (const [index, values] of items.entries()) {
      const item = dataset.at(index);
      expect(item).toMatchObject({ kind: 'tensor', datatype, shape });
      expect(Array.from((item as { values: ArrayLike<unknown> }).values)).toEqual(values);
    }
  });

  it.each([
    ['bytes.npy', ['hi', 'longer']],
    ['text.npy', ['hé', '😀x']],
  ])('%s are BYTES', (name, texts) => {
    const dataset = open(name);
    const items = texts.map((_, index) => dataset.at(index));
    expect(items).toEqual(
      texts.map((text) => ({ kind: 'tensor', datatype: 'BYTES', shape: [], values: [Buffer.from(text)] })),
    );
  });

  it.each([
    ['fortran.npy', 'Fortran order'],
    ['big-endian.npy', 'big-endian'],
    ['scalar.npy', 'single value'],
    ['empty.npy', 'no values'],
    ['objects.npy', 'Cannot use the type'],
    ['complex.npy', 'Cannot use the type <c8'],
    ['fields.npy', 'Cannot read the header'],
  ])('%s is refused', (name, reason) => {
    expect(() => open(name)).toThrow(reason);
  });

  describe('keep to what a dataset is', () => {
    datasetContract(() => open('f4.npy'));
  });
});

describe('a file by hand', () => {
  it('may have version 3', () => {
    expect(read(file(header('<f4', '(1,)'), '0000803f', 3)).at(0)).toMatchObject({ values: Float32Array.of(1) });
  });

  it.each([
    ['version 9', file(header('<f4', '(1,)'), '0000803f', 9), 'version 9'],
    ['a value too few', file(header('<f4', '(2,)'), '0000803f'), 'Got 4 bytes of values, wanted 8'],
    ['a value too many', file(header('<f4', '(1,)'), '0000803f0000803f'), 'Got 8 bytes of values, wanted 4'],
    ['a length of texts of zero', file(header('|S0', '(1,)')), 'Cannot use the type |S0'],
    ['no header', file('', '0000'), 'Cannot read the header'],
    ['a header that goes on behind the end', file(header('<f4', '(1,)')).subarray(0, 30), 'Cannot read the header'],
    ['only its magic string', Buffer.from('\x93NUMPY\x01', 'latin1'), 'Not a NumPy file'],
    ['another magic string', readFileSync(fileURLToPath(import.meta.url)), 'Not a NumPy file'],
  ])('with %s is refused by its name', (_case, bytes, reason) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ kind: 'usage', path: 'x.npy' }));
    expect(() => read(bytes)).toThrow(reason);
  });
});
