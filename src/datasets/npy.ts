import { BenchError } from '../errors.js';
import { halfValue } from '../half.js';
import type { DatasetFile, DatasetKind, Datatype, TensorValues } from './dataset.js';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** Magic and version: one byte each for major and minor. */
const PREFIX_BYTES = 8;

/** What a kind of element in a file becomes; `read` gets the bytes of whole elements. */
interface Element {
  readonly datatype: Datatype;
  readonly bytes: number;
  read(bytes: ArrayBuffer): TensorValues;
}

/** NumPy's type letters with their sizes. */
const ELEMENTS: Readonly<Record<string, Element>> = {
  b1: {
    datatype: 'BOOL',
    bytes: 1,
    read: (bytes) => Uint8Array.from(new Uint8Array(bytes), (value) => Number(value !== 0)),
  },
  u1: { datatype: 'UINT8', bytes: 1, read: (bytes) => new Uint8Array(bytes) },
  u2: { datatype: 'UINT16', bytes: 2, read: (bytes) => new Uint16Array(bytes) },
  u4: { datatype: 'UINT32', bytes: 4, read: (bytes) => new Uint32Array(bytes) },
  u8: { datatype: 'UINT64', bytes: 8, read: (bytes) => new BigUint64Array(bytes) },
  i1: { datatype: 'INT8', bytes: 1, read: (bytes) => new Int8Array(bytes) },
  i2: { datatype: 'INT16', bytes: 2, read: (bytes) => new Int16Array(bytes) },
  i4: { datatype: 'INT32', bytes: 4, read: (bytes) => new Int32Array(bytes) },
  i8: { datatype: 'INT64', bytes: 8, read: (bytes) => new BigInt64Array(bytes) },
  f2: { datatype: 'FP16', bytes: 2, read: (bytes) => Float32Array.from(new Uint16Array(bytes), halfValue) },
  f4: { datatype: 'FP32', bytes: 4, read: (bytes) => new Float32Array(bytes) },
  f8: { datatype: 'FP64', bytes: 8, read: (bytes) => new Float64Array(bytes) },
};

/**
 * Tensors of a NumPy file (`numpy.save`), the first axis being the items. Little-endian and in C order only; fixed-length
 * bytes (`S`) and texts (`U`) become BYTES.
 */
export const npyTensors: DatasetKind = {
  summary: 'NumPy .npy tensors, the first axis being the items',
  recognises: ({ path, bytes }) => /\.npy(\.gz)?$/i.test(path) || bytes.subarray(0, MAGIC.length).equals(MAGIC),
  read(file) {
    const { descr, shape, dataStart } = readHeader(file);
    const element = elementOf(descr, file);
    const [size, ...itemShape] = shape;
    if (size === undefined) {
      throw wrong(file, 'The array is a single value: wanted an axis of items');
    }
    const itemElements = itemShape.reduce((product, length) => product * length, 1);
    if (size === 0 || itemElements === 0) {
      throw wrong(file, `The array of the shape [${shape.join(', ')}] has no values`);
    }
    const itemBytes = itemElements * element.bytes;
    const got = file.bytes.length - dataStart;
    if (got !== size * itemBytes) {
      throw wrong(
        file,
        `Got ${got} bytes of values, wanted ${size * itemBytes} for the shape [${shape.join(', ')}] of ${descr}`,
      );
    }
    const { buffer, byteOffset } = file.bytes;
    return {
      name: file.path,
      size,
      at(index) {
        const start = byteOffset + dataStart + index * itemBytes;
        // A copy, since typed arrays must be aligned.
        const values = element.read(buffer.slice(start, start + itemBytes) as ArrayBuffer);
        return { kind: 'tensor', datatype: element.datatype, shape: itemShape, values };
      },
    };
  },
};

interface Header {
  readonly descr: string;
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly dataStart: number;
}

/**
 * Version 1 has the length of the header in two bytes, 2 and 3 in four; the header is a Python dictionary.
 * Source: NEP 1, "A simple file format for NumPy arrays".
 */
function readHeader(file: DatasetFile): Header {
  const { bytes } = file;
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC) || bytes.length < PREFIX_BYTES + 4) {
    throw wrong(file, 'Not a NumPy file: wanted its magic string');
  }
  const major = bytes[MAGIC.length] as number;
  if (major < 1 || major > 3) {
    throw wrong(file, `Got version ${major} of the format, wanted 1, 2 or 3`);
  }
  const textStart = PREFIX_BYTES + (major === 1 ? 2 : 4);
  const dataStart = textStart + (major === 1 ? bytes.readUInt16LE(PREFIX_BYTES) : bytes.readUInt32LE(PREFIX_BYTES));
  const text = bytes.toString(major === 3 ? 'utf8' : 'latin1', textStart, dataStart);
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const dimensions = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || dimensions === undefined || dataStart > bytes.length) {
    throw wrong(file, 'Cannot read the header: wanted descr (one type, no fields), fortran_order and shape');
  }
  if (order === 'True') {
    throw wrong(
      file,
      'The array is in Fortran order, wanted C order: numpy.save(file, numpy.ascontiguousarray(array))',
    );
  }
  const shape = dimensions.split(',').flatMap((length) => (length.trim() === '' ? [] : [Number(length)]));
  return { descr, shape, dataStart };
}

function elementOf(descr: string, file: DatasetFile): Element {
  const [, order, letter, size] = /^([<>|=])([a-zA-Z])(\d+)$/.exec(descr) ?? [];
  if (order === '>') {
    throw wrong(file, `The array is big-endian (${descr}), wanted little-endian`);
  }
  const text = letter === 'S' || letter === 'U' ? textElement(letter, Number(size)) : undefined;
  const element = text ?? ELEMENTS[`${letter}${size}`];
  if (!element || element.bytes === 0) {
    throw wrong(file, `Cannot use the type ${descr}: wanted bool, whole numbers, floats, bytes or texts`);
  }
  return element;
}

/** Elements of a fixed length, filled up with zeros; a text has four bytes per code point. */
function textElement(letter: 'S' | 'U', length: number): Element {
  const bytes = letter === 'S' ? length : 4 * length;
  return {
    datatype: 'BYTES',
    bytes,
    read: (of) =>
      Array.from({ length: of.byteLength / bytes }, (_, index) => {
        const element = Buffer.from(of, index * bytes, bytes);
        return letter === 'S' ? withoutZeros(element) : Buffer.from(textOf(element));
      }),
  };
}

function withoutZeros(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) {
    end--;
  }
  return bytes.subarray(0, end);
}

function textOf(bytes: Buffer): string {
  const points = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readUInt32LE(4 * index));
  return points
    .filter((point) => point <= 0x10ffff)
    .map((point) => String.fromCodePoint(point))
    .join('')
    .replace(/\0+$/, '')
    .toWellFormed();
}

function wrong({ path }: DatasetFile, message: string): BenchError {
  return new BenchError('usage', message, { path });
}
