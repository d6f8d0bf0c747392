import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One tensor of a safetensors file. */
export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major, `shape` product values, float32. */
  readonly values: Float32Array;
}

/** A parsed safetensors file. */
export interface Safetensors {
  /** The `__metadata__` object of the header; empty when the file has none. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const LENGTH_BYTES = 8;
const FLOAT_BYTES = 4;

/** Reads a safetensors file with F32 tensors; throws an Error that names the file when it is missing or malformed. */
export function readSafetensors(path: string | URL): Safetensors {
  const name = path instanceof URL && path.protocol === 'file:' ? fileURLToPath(path) : String(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new Error(`Cannot read weights "${name}": ${messageOf(cause)}`, { cause });
  }
  return parseSafetensors(bytes, name);
}

/** Parses the bytes of a safetensors file with F32 tensors; `name` goes into the error messages. */
export function parseSafetensors(bytes: Uint8Array, name: string): Safetensors {
  const fail = (problem: string): Error => new Error(`Cannot read weights "${name}": ${problem}`);

  if (bytes.length < LENGTH_BYTES) {
    throw fail(`file must start with an ${LENGTH_BYTES}-byte header length, got ${bytes.length} bytes in all`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > BigInt(bytes.length - LENGTH_BYTES)) {
    throw fail(`header length says ${headerLength} bytes, only ${bytes.length - LENGTH_BYTES} follow`);
  }
  const dataStartBytes = LENGTH_BYTES + Number(headerLength);
  const dataBytes = bytes.length - dataStartBytes;

  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(LENGTH_BYTES, dataStartBytes)));
  } catch (cause) {
    throw new Error(`Cannot read weights "${name}": header is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (!isObject(header)) throw fail('header must be a JSON object');

  const metadata = new Map<string, string>();
  const tensors = new Map<string, Tensor>();
  const ranges: (readonly [number, number])[] = [];
  for (const [key, entry] of Object.entries(header)) {
    if (!isObject(entry)) throw fail(`header entry "${key}" must be a JSON object`);
    if (key === '__metadata__') {
      for (const [word, value] of Object.entries(entry)) {
        if (typeof value !== 'string') throw fail(`metadata "${word}" must be a string, got ${JSON.stringify(value)}`);
        metadata.set(word, value);
      }
      continue;
    }

    const { dtype, shape, data_offsets: offsets } = entry;
    if (dtype !== 'F32') throw fail(`tensor "${key}" must have dtype F32, got ${JSON.stringify(dtype)}`);
    if (!isSizeList(shape)) throw fail(`tensor "${key}" has no valid shape, got ${JSON.stringify(shape)}`);
    if (!isSizeList(offsets) || offsets.length !== 2) {
      throw fail(`tensor "${key}" must have two data_offsets, got ${JSON.stringify(offsets)}`);
    }
    const [beginBytes, endBytes] = offsets as readonly [number, number];
    if (beginBytes > endBytes || endBytes > dataBytes) {
      throw fail(`tensor "${key}" lies at bytes ${beginBytes} to ${endBytes}, the file has ${dataBytes} bytes of data`);
    }
    const count = shape.reduce((product, size) => product * size, 1);
    if (count * FLOAT_BYTES !== endBytes - beginBytes) {
      throw fail(
        `tensor "${key}" of shape [${shape.join(', ')}] needs ${count * FLOAT_BYTES} bytes, ` +
          `got ${endBytes - beginBytes}`,
      );
    }
    const values = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      values[index] = view.getFloat32(dataStartBytes + beginBytes + index * FLOAT_BYTES, true);
    }
    ranges.push([beginBytes, endBytes]);
    tensors.set(key, { shape, values });
  }

  // The format forbids overlaps and gaps; either one means that the header and the data do not belong together.
  let coveredBytes = 0;
  for (const [beginBytes, endBytes] of ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (beginBytes !== coveredBytes) {
      throw fail(`tensor data has ${beginBytes > coveredBytes ? 'a gap' : 'an overlap'} at byte ${beginBytes}`);
    }
    coveredBytes = endBytes;
  }
  if (coveredBytes !== dataBytes) throw fail(`tensors cover ${coveredBytes} bytes, the file has ${dataBytes}`);

  return { metadata, tensors };
}

/** The tensor of that name if it has that shape (`null` matches any size); throws an Error that says what is there. */
export function tensorOf(file: Safetensors, name: string, shape: readonly (number | null)[]): Tensor {
  const wanted = `[${shape.map((size) => size ?? 'any').join(', ')}]`;
  const tensor = file.tensors.get(name);
  if (tensor === undefined) {
    throw new Error(`Cannot find tensor "${name}" of shape ${wanted}: file has ${[...file.tensors.keys()].join(', ')}`);
  }
  const fits =
    tensor.shape.length === shape.length && shape.every((size, axis) => size === null || size === tensor.shape[axis]);
  if (!fits) throw new Error(`Cannot use tensor "${name}": want shape ${wanted}, got [${tensor.shape.join(', ')}]`);
  return tensor;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizeList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
