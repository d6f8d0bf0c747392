import { text } from '../flags.js';
import { shown } from './json.js';
import { batchProblem, elementsOf, INPUT_FLAG } from './tensors.js';
import { MODEL_FLAGS } from './tf-serving.js';

/** What to ask an Open Inference Protocol server for, over REST and gRPC alike; the defaults fit the embedded server. */
export const OIP_FLAGS = {
  model: MODEL_FLAGS.model,
  'model-version': text({ arg: 'V', help: MODEL_FLAGS['model-version'].help }),
  input: INPUT_FLAG,
} as const;

/** A datatype: bytes per element where it has a fixed number, its JSON form, and its typed field in gRPC where it has one. */
interface Datatype {
  readonly bytes: number | 'length-prefixed';
  readonly json: 'number' | 'boolean' | 'string';
  readonly field?: `${string}_contents`;
}

/** The datatypes by name. BF16 is Triton's addition; FP16 and BF16 have no typed field. */
const DATATYPES: Readonly<Record<string, Datatype>> = {
  BOOL: { bytes: 1, json: 'boolean', field: 'bool_contents' },
  UINT8: { bytes: 1, json: 'number', field: 'uint_contents' },
  UINT16: { bytes: 2, json: 'number', field: 'uint_contents' },
  UINT32: { bytes: 4, json: 'number', field: 'uint_contents' },
  UINT64: { bytes: 8, json: 'number', field: 'uint64_contents' },
  INT8: { bytes: 1, json: 'number', field: 'int_contents' },
  INT16: { bytes: 2, json: 'number', field: 'int_contents' },
  INT32: { bytes: 4, json: 'number', field: 'int_contents' },
  INT64: { bytes: 8, json: 'number', field: 'int64_contents' },
  FP16: { bytes: 2, json: 'number' },
  BF16: { bytes: 2, json: 'number' },
  FP32: { bytes: 4, json: 'number', field: 'fp32_contents' },
  FP64: { bytes: 8, json: 'number', field: 'fp64_contents' },
  BYTES: { bytes: 'length-prefixed', json: 'string', field: 'bytes_contents' },
};

/** An output of an answer, as far as all encodings have it. Nothing of it is believed. */
export interface Output {
  readonly name?: unknown;
  readonly datatype?: unknown;
  readonly shape?: unknown;
}

/** Checks the values of an output against its datatype and the number of elements of its shape. */
type ValuesProblem<Own extends Output> = (output: Own, datatype: Datatype, elements: number) => string | undefined;

/** Why outputs are none of an answer to `batch` items; undefined when they are. `valuesProblem` sees them in their order. */
export function outputsProblem<Own extends Output>(
  outputs: unknown,
  batch: number,
  valuesProblem: ValuesProblem<Own>,
): string | undefined {
  if (!Array.isArray(outputs) || outputs.length === 0) {
    return 'Got no outputs';
  }
  const names = new Set<string>();
  for (const output of outputs as readonly (Own | null)[]) {
    const name = output?.name;
    if (typeof name !== 'string' || name === '') {
      return `Got an output without a name: ${shown(output)}`;
    }
    if (names.has(name)) {
      return `Got two outputs "${name}"`;
    }
    names.add(name);
    const problem = outputProblem(output as Own, batch, valuesProblem);
    if (problem !== undefined) {
      return `Output "${name}": ${problem}`;
    }
  }
  return undefined;
}

function outputProblem<Own extends Output>(
  output: Own,
  batch: number,
  valuesProblem: ValuesProblem<Own>,
): string | undefined {
  const datatype = datatypeOf(output.datatype);
  if (!datatype) {
    return `unexpected datatype ${typeof output.datatype === 'string' ? output.datatype : shown(output.datatype)}`;
  }
  const { shape } = output;
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    return `wanted a shape, got ${shown(shape)}`;
  }
  return batchProblem(shape, batch) ?? valuesProblem(output, datatype, elementsOf(shape));
}

function datatypeOf(name: unknown): Datatype | undefined {
  return typeof name === 'string' && Object.hasOwn(DATATYPES, name) ? DATATYPES[name] : undefined;
}

/** Why raw bytes are not so many elements of a datatype; undefined when they are. */
export function rawProblem(raw: Buffer, { bytes }: Datatype, elements: number): string | undefined {
  if (bytes !== 'length-prefixed') {
    const wanted = elements * bytes;
    return raw.length === wanted ? undefined : `wanted ${wanted} bytes for ${elements} values, got ${raw.length}`;
  }
  const got = prefixedElements(raw);
  return got === elements ? undefined : `wanted ${elements} values, got ${got ?? 'bytes that end within one'}`;
}

/** Counts the elements of a BYTES tensor, each behind its length as uint32 little-endian; undefined when the last one is cut. */
function prefixedElements(raw: Buffer): number | undefined {
  let count = 0;
  let at = 0;
  while (at + 4 <= raw.length) {
    at += 4 + raw.readUInt32LE(at);
    count += 1;
  }
  return at === raw.length ? count : undefined;
}
