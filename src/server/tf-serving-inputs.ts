import { type Outcome, type Refusal, refusal } from './outcome.js';
import type { DType, InputTensor, Signature, TensorInfo } from './tf-serving.js';
import { formatError, invalid, isObject, type JsonObject, quoted } from './tf-serving-json.js';

/** The tensors of a request by input name. */
export type Inputs = ReadonlyMap<string, InputTensor>;

/** `instances`: one value, list or object of named inputs per item; all of the same shape. */
export function readRows({ inputs }: Signature, document: JsonObject): Outcome<Inputs> {
  const { instances } = document;
  if (!Array.isArray(instances)) {
    return formatError(document, "Expecting 'instances' to be an list/array");
  }
  if (instances.length === 0) {
    return refusal('INVALID_ARGUMENT', "No values in 'instances' array");
  }
  const names = Object.keys(inputs).sort();
  const named = isNamed(instances[0]);
  if (!named && names.length > 1) {
    return refusal(
      'INVALID_ARGUMENT',
      'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
    );
  }
  const columns = new Map<string, Column>();
  for (const [index, item] of instances.entries()) {
    if (isNamed(item) !== named) {
      return refusal(
        'INVALID_ARGUMENT',
        named
          ? `Expecting object but got list at item ${index} of input list`
          : `Expecting value/list but got object at item ${index} of input list`,
      );
    }
    const members: [string, unknown][] = named ? Object.entries(item as JsonObject) : [[names[0] as string, item]];
    for (const [name, value] of members) {
      const problem = addItem({
        name,
        value,
        info: Object.hasOwn(inputs, name) ? inputs[name] : undefined,
        columns,
        items: instances.length,
      });
      if (problem) {
        const key = named ? ` key: ${name}` : '';
        return refusal(
          'INVALID_ARGUMENT',
          `Failed to process element: ${index}${key} of 'instances' list. Error: ${problem.code}: ${problem.message}`,
        );
      }
    }
    if (named && members.length !== names.length) {
      return refusal(
        'INVALID_ARGUMENT',
        `Failed to process element: ${index} of 'instances' list. JSON object: ${quoted(item)} keys must be equal to: ${names.join(',')}`,
      );
    }
  }
  return {
    value: new Map(
      [...columns].map(([name, { dtype, shape, values }]) => [
        name,
        { dtype, shape: [instances.length, ...shape], values: values.taken() },
      ]),
    ),
  };
}

/** An object of named inputs, as opposed to one base64 value. */
function isNamed(item: unknown): boolean {
  return isObject(item) && !isBase64(item);
}

function isBase64(value: unknown): boolean {
  return isObject(value) && typeof value.b64 === 'string' && Object.keys(value).length === 1;
}

/** One input while its rows come in. */
interface Column {
  readonly dtype: DType;
  /** Of one row. */
  readonly shape: readonly number[];
  /** Values of one row. */
  readonly size: number;
  readonly values: FloatSink;
}

interface NewItem {
  readonly name: string;
  readonly value: unknown;
  readonly info: TensorInfo | undefined;
  readonly columns: Map<string, Column>;
  readonly items: number;
}

function addItem({ name, value, info, columns, items }: NewItem): Refusal | undefined {
  if (!info) {
    return invalid(`JSON object: does not have named input: ${name}`);
  }
  const shape = shapeOf(value);
  const size = shape.reduce((product, length) => product * length, 1);
  const known = columns.get(name);
  const column = known ?? { dtype: info.dtype, shape, size, values: floatSink(items * size) };
  const problem = fill(value, { dtype: info.dtype, shape, values: column.values }, 0);
  if (problem) {
    return problem;
  }
  if (!known) {
    columns.set(name, column);
  } else if (size !== known.size) {
    return invalid(`Expecting tensor size: ${known.size} but got: ${size}`);
  } else if (shape.join() !== known.shape.join()) {
    return invalid(`Expecting shape [${known.shape}] but got: [${shape}]`);
  }
  return undefined;
}

/** `inputs`: the whole batch of the one input, or an object of all inputs. */
export function readColumns({ inputs }: Signature, given: unknown): Outcome<Inputs> {
  const names = Object.keys(inputs).sort();
  const plain = !isNamed(given);
  if (plain && names.length > 1) {
    return refusal(
      'INVALID_ARGUMENT',
      'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
    );
  }
  const tensors = new Map<string, InputTensor>();
  for (const name of names) {
    if (!plain && !Object.hasOwn(given as JsonObject, name)) {
      return refusal('INVALID_ARGUMENT', `Missing named input: ${name} in 'inputs' object.`);
    }
    const value = plain ? given : (given as JsonObject)[name];
    const { dtype } = inputs[name] as TensorInfo;
    const shape = shapeOf(value);
    const values = floatSink(shape.reduce((product, length) => product * length, 1));
    const problem = fill(value, { dtype, shape, values }, 0);
    if (problem) {
      return { error: problem };
    }
    tensors.set(name, { dtype, shape, values: values.taken() });
  }
  return { value: tensors };
}

/** The dimensions along the first elements; whether all others agree is seen when filling. */
function shapeOf(value: unknown): readonly number[] {
  const shape: number[] = [];
  let level = value;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}

/** float32 values whose number is promised by the client: the promise is not believed before they come. */
interface FloatSink {
  push(value: number): void;
  taken(): Float32Array;
}

const FIRST_VALUES = 1 << 16;

function floatSink(expected: number): FloatSink {
  let values = new Float32Array(Math.min(expected, FIRST_VALUES));
  let length = 0;
  return {
    push(value) {
      if (length === values.length) {
        const larger = new Float32Array(Math.min(Math.max(expected, length + 1), Math.max(1, length * 2)));
        larger.set(values);
        values = larger;
      }
      values[length++] = value;
    },
    taken: () => values.subarray(0, length),
  };
}

/** TensorFlow's own limit. */
const MAX_RANK = 254;

interface FillTarget {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: FloatSink;
}

function fill(value: unknown, target: FillTarget, level: number): Refusal | undefined {
  const { dtype, shape, values } = target;
  const rank = shape.length;
  if (!Array.isArray(value)) {
    if (level !== rank) {
      return invalid(
        `JSON Value: ${quoted(value)} found at incorrect level: ${level + 1} in the JSON DOM. Expected at level: ${rank}`,
      );
    }
    return dtype === 'DT_FLOAT' ? addFloat(value, values) : checkString(value);
  }
  if (rank > MAX_RANK) {
    return invalid(`Shape must have at most ${MAX_RANK} dimensions, got ${rank}`);
  }
  if (level >= rank) {
    return invalid(`Encountered list at unexpected level: ${level} expected < ${rank}`);
  }
  if (value.length !== shape[level]) {
    return invalid(
      `Encountered list at unexpected size: ${value.length} at level: ${level} expected size: ${shape[level]}`,
    );
  }
  for (const element of value) {
    const problem = fill(element, target, level + 1);
    if (problem) {
      return problem;
    }
  }
  return undefined;
}

function addFloat(value: unknown, values: FloatSink): Refusal | undefined {
  if (typeof value !== 'number') {
    return typeError(value, 'float');
  }
  const rounded = Math.fround(value);
  // Whole numbers must survive exactly, fractions may round, and nothing finite may overflow to infinity.
  if (rounded !== value && Number.isFinite(value) && (Number.isInteger(value) || !Number.isFinite(rounded))) {
    return invalid(`Cannot convert JSON value: ${quoted(value)} to float without loss of precision.`);
  }
  values.push(rounded);
  return undefined;
}

function checkString(value: unknown): Refusal | undefined {
  if (!isObject(value)) {
    return typeof value === 'string' ? undefined : typeError(value, 'string');
  }
  if (!isBase64(value)) {
    return invalid(`JSON Value: ${quoted(value)} not formatted correctly for base64 data`);
  }
  const text = (value as { readonly b64: string }).b64;
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? undefined : invalid('Unable to base64 decode');
}

function typeError(value: unknown, wanted: 'float' | 'string'): Refusal {
  return invalid(`JSON Value: ${quoted(value)} Type: ${jsonType(value)} is not of expected type: ${wanted}`);
}

function jsonType(value: unknown): string {
  if (value === null) {
    return 'Null';
  }
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  if (Array.isArray(value)) {
    return 'Array';
  }
  return { string: 'String', number: 'Number' }[typeof value as string] ?? 'Object';
}
