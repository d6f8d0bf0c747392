import type { Item } from '../datasets/dataset.js';
import { choice, text } from '../flags.js';

/** Which input of the model the items go to. */
export const INPUT_FLAG = text({ arg: 'NAME', help: "name of the model's input", default: 'images' });

/** How tensors travel over gRPC: as one block of bytes, or as values of a typed field. */
export const GRPC_ENCODING = choice(['raw', 'typed'], { help: 'tensors over gRPC', default: 'raw' });

/** Tensors of a batch, all of one shape. */
export interface Batch {
  /** Without the batch dimension. */
  readonly itemShape: readonly number[];
  readonly rows: readonly Float32Array[];
}

/** A batch of examples of one shape; throws RangeError for other items. */
export function batchOf(items: readonly Item[]): Batch {
  const [first] = items;
  if (first?.kind !== 'tensor') {
    throw new RangeError('it takes tensors');
  }
  const rows = items.map((item) => {
    if (item.kind !== 'tensor' || item.shape.join() !== first.shape.join()) {
      throw new RangeError(`The items of a batch must have one shape, wanted [${first.shape.join(', ')}]`);
    }
    return item.values;
  });
  return { itemShape: first.shape, rows };
}

/** The rows behind each other as raw little-endian float32. */
export function littleEndian(rows: readonly Float32Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(rows.reduce((sum, row) => sum + row.length, 0) * 4);
  let offset = 0;
  for (const row of rows) {
    for (const value of row) {
      offset = bytes.writeFloatLE(value, offset);
    }
  }
  return bytes;
}

/** The rows behind each other as numbers: what a typed field of protobuf or a JSON list takes. */
export function flat(rows: readonly Float32Array[]): number[] {
  return rows.flatMap((row) => Array.from(row));
}

/** How many values a shape has; 1 for a scalar. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Why a shape is not one of a batch; undefined when it is. */
export function batchProblem(shape: readonly number[], batch: number): string | undefined {
  return shape[0] === batch ? undefined : `wanted the shape [${batch}, …], got [${shape.join(', ')}]`;
}

/** Row-major values as nested lists of a shape. */
export function nested(values: Float32Array, shape: readonly number[]): unknown {
  const [, ...inner] = shape;
  if (inner.length === 0) {
    return Array.from(values);
  }
  const size = elementsOf(inner);
  return Array.from({ length: shape[0] as number }, (_, row) =>
    nested(values.subarray(row * size, (row + 1) * size), inner),
  );
}
