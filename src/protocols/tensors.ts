import type { Datatype, Item, Tensor, TensorValues } from '../datasets/dataset.js';
import { choice, text } from '../flags.js';
import { rawBytes } from './datatypes.js';

/** Which input of the model the items go to. */
export const INPUT_FLAG = text({
  arg: 'NAME',
  help: "name of the model's input (default images with the model mnist, else what the server's metadata say)",
});

/** How tensors travel over gRPC: as one block of bytes, or as values of a typed field. */
export const GRPC_ENCODING = choice(['raw', 'typed'], { help: 'tensors over gRPC', default: 'raw' });

/** The items of a batch that go to one input of the model. */
export interface InputBatch {
  readonly name: string;
  readonly datatype: Datatype;
  /** With the batch dimension first. */
  readonly shape: readonly number[];
  /** Values of each item. */
  readonly rows: readonly TensorValues[];
}

/**
 * A batch by inputs of the model; texts and tensors without a name go to `inputName`, a text or a file as one element of BYTES.
 * Throws RangeError for items that are not of one shape and kind.
 */
export function batchOf(items: readonly Item[], inputName: string): readonly InputBatch[] {
  const rows = items.map((item) => tensorsOf(item, inputName));
  const [first] = rows;
  if (!first) {
    throw new RangeError('it takes one item or more per request');
  }
  const names = Object.keys(first);
  return names.map((name) => {
    const { datatype = 'FP32', shape } = first[name] as Tensor;
    const values = rows.map((row) => {
      const tensor = row[name];
      if (Object.keys(row).length !== names.length || tensor?.shape.join() !== shape.join()) {
        throw new RangeError(`The items of a batch must have one shape, wanted [${shape.join(', ')}]`);
      }
      if ((tensor.datatype ?? 'FP32') !== datatype) {
        throw new RangeError(`The items of a batch must have one datatype, wanted ${datatype}`);
      }
      return tensor.values;
    });
    return { name, datatype, shape: [items.length, ...shape], rows: values };
  });
}

function tensorsOf(item: Item, inputName: string): Readonly<Record<string, Tensor>> {
  switch (item.kind) {
    case 'tensors':
      return item.inputs;
    case 'tensor':
      return { [inputName]: item };
    case 'text':
      // A lone surrogate has no UTF-8 form.
      return { [inputName]: { datatype: 'BYTES', shape: [], values: [Buffer.from(item.text.toWellFormed())] } };
    case 'bytes':
      return { [inputName]: { datatype: 'BYTES', shape: [], values: [Buffer.from(item.bytes)] } };
    default:
      throw new RangeError('it takes tensors, texts or files');
  }
}

/** A batch as raw bytes: the items behind each other in the layout of their type. */
export function rawRows({ datatype, rows }: InputBatch): Buffer {
  return Buffer.concat(rows.map((values) => rawBytes(datatype, values)));
}

/** How many values a shape has; 1 for a scalar. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Why a shape is not one of a batch; undefined when it is. */
export function batchProblem(shape: readonly number[], batch: number): string | undefined {
  return shape[0] === batch ? undefined : `wanted the shape [${batch}, …], got [${shape.join(', ')}]`;
}

/** The JSON text of one element of a tensor. */
export type JsonElement = (value: number | bigint | Buffer) => string;

/** Row-major values as nested JSON lists of a shape; a scalar is its one value. */
export function nestedJson(values: TensorValues, shape: readonly number[], element: JsonElement): string {
  const [length, ...inner] = shape;
  if (length === undefined) {
    return flatJson(values, element);
  }
  if (inner.length === 0) {
    return `[${flatJson(values, element)}]`;
  }
  const size = elementsOf(inner);
  const rows = Array.from({ length }, (_, row) =>
    nestedJson(part(values, row * size, (row + 1) * size), inner, element),
  );
  return `[${rows.join(',')}]`;
}

/** Values behind each other with commas between. */
export function flatJson(values: TensorValues, element: JsonElement): string {
  return Array.from(values as ArrayLike<number | bigint | Buffer>, element).join(',');
}

function part(values: TensorValues, from: number, to: number): TensorValues {
  return ArrayBuffer.isView(values) ? values.subarray(from, to) : values.slice(from, to);
}

/** Row-major elements as nested lists of a shape, the first dimension first: the items of a batch. */
export function nested(elements: readonly unknown[], shape: readonly number[]): readonly unknown[] {
  const [length = 0, ...inner] = shape;
  if (inner.length === 0) {
    return elements;
  }
  const size = elementsOf(inner);
  return Array.from({ length }, (_, row) => nested(elements.slice(row * size, (row + 1) * size), inner));
}

/** Answers per item of outputs whose first dimension is the batch: the values alone where there is one output. */
export function answersByItem(
  outputs: readonly (readonly [name: string, rows: readonly unknown[]])[],
  batch: number,
): readonly unknown[] {
  const [only] = outputs;
  return Array.from({ length: batch }, (_, index) =>
    outputs.length === 1 && only
      ? only[1][index]
      : Object.fromEntries(outputs.map(([name, rows]) => [name, rows[index]])),
  );
}
