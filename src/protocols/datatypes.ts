import type { Datatype, TensorValues } from '../datasets/dataset.js';
import { brainBits, brainValue, halfBits, halfValue } from '../half.js';

interface DatatypeFacts {
  /** Bytes per element; elements of BYTES have their length as uint32 before them. */
  readonly bytes: number | 'length-prefixed';
  readonly json: 'number' | 'boolean' | 'string';
  /** Reads an element of a fixed size, little-endian. */
  readonly read?: (bytes: Buffer, at: number) => number | bigint | boolean;
}

/** The element types and their layout where tensors travel as raw bytes: little-endian, without padding. */
export const DATATYPES: Readonly<Record<Datatype, DatatypeFacts>> = {
  BOOL: { bytes: 1, json: 'boolean', read: (bytes, at) => bytes[at] !== 0 },
  UINT8: { bytes: 1, json: 'number', read: (bytes, at) => bytes.readUInt8(at) },
  UINT16: { bytes: 2, json: 'number', read: (bytes, at) => bytes.readUInt16LE(at) },
  UINT32: { bytes: 4, json: 'number', read: (bytes, at) => bytes.readUInt32LE(at) },
  UINT64: { bytes: 8, json: 'number', read: (bytes, at) => bytes.readBigUInt64LE(at) },
  INT8: { bytes: 1, json: 'number', read: (bytes, at) => bytes.readInt8(at) },
  INT16: { bytes: 2, json: 'number', read: (bytes, at) => bytes.readInt16LE(at) },
  INT32: { bytes: 4, json: 'number', read: (bytes, at) => bytes.readInt32LE(at) },
  INT64: { bytes: 8, json: 'number', read: (bytes, at) => bytes.readBigInt64LE(at) },
  FP16: { bytes: 2, json: 'number', read: (bytes, at) => halfValue(bytes.readUInt16LE(at)) },
  BF16: { bytes: 2, json: 'number', read: (bytes, at) => brainValue(bytes.readUInt16LE(at)) },
  FP32: { bytes: 4, json: 'number', read: (bytes, at) => bytes.readFloatLE(at) },
  FP64: { bytes: 8, json: 'number', read: (bytes, at) => bytes.readDoubleLE(at) },
  BYTES: { bytes: 'length-prefixed', json: 'string' },
};

/** Whether a word names an element type. */
export function isDatatype(word: unknown): word is Datatype {
  return typeof word === 'string' && Object.hasOwn(DATATYPES, word);
}

/** Values as raw bytes in the layout of their type. */
export function rawBytes(datatype: Datatype, values: TensorValues): Buffer {
  if (!ArrayBuffer.isView(values)) {
    return Buffer.concat(values.flatMap((value) => [lengthPrefix(value.length), value]));
  }
  const bits = datatype === 'FP16' || datatype === 'BF16' ? bitsOf(datatype, values as Float32Array) : values;
  // Typed arrays have the machine's byte order, and all machines that we run on are little-endian.
  return Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength);
}

/** The 16 bits of each element of FP16 or BF16. */
export function bitsOf(datatype: 'FP16' | 'BF16', values: Float32Array): Uint16Array {
  return Uint16Array.from(values, datatype === 'FP16' ? halfBits : brainBits);
}

/** The elements in raw bytes; undefined when the bytes end within one. Elements of BYTES are Buffers. */
export function rawElements(
  datatype: Datatype,
  bytes: Buffer,
): readonly (number | bigint | boolean | Buffer)[] | undefined {
  const { bytes: size, read } = DATATYPES[datatype];
  if (size === 'length-prefixed' || !read) {
    return prefixedElements(bytes);
  }
  return bytes.length % size === 0
    ? Array.from({ length: bytes.length / size }, (_, index) => read(bytes, index * size))
    : undefined;
}

/** The elements of a BYTES tensor; undefined when the last one is cut. */
function prefixedElements(bytes: Buffer): readonly Buffer[] | undefined {
  const elements: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) {
      return undefined;
    }
    elements.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return at === bytes.length ? elements : undefined;
}

function lengthPrefix(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(length);
  return bytes;
}
