import type { Datatype, InputSpec } from '../datasets/dataset.js';
import { type FlagValues, text } from '../flags.js';
import { DATATYPES, isDatatype, rawElements } from './datatypes.js';
import { shown } from './json.js';
import type { Duration, ServerCounters } from './protocol.js';
import { batchProblem, elementsOf, INPUT_FLAG } from './tensors.js';
import { MODEL_FLAGS } from './tf-serving.js';

/** What to ask an Open Inference Protocol server for, over REST and gRPC alike; the defaults fit the embedded server. */
export const OIP_FLAGS = {
  model: MODEL_FLAGS.model,
  'model-version': text({ arg: 'V', help: MODEL_FLAGS['model-version'].help }),
  input: INPUT_FLAG,
} as const;

type OipValues = Pick<FlagValues<typeof OIP_FLAGS>, 'model' | 'input'>;

const EMBEDDED = { model: 'mnist', input: 'images' } as const;

/** The input that tensors without a name go to. */
export function oipInputName({ model, input }: OipValues): string {
  return input ?? (model === EMBEDDED.model ? EMBEDDED.input : 'input-0');
}

/** Whether the digits fit what is asked for. */
export function oipFitsDigits(values: OipValues): boolean {
  return values.model === EMBEDDED.model && oipInputName(values) === EMBEDDED.input;
}

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
  const { datatype, shape } = output;
  if (!isDatatype(datatype)) {
    return `unexpected datatype ${typeof datatype === 'string' ? datatype : shown(datatype)}`;
  }
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    return `wanted a shape, got ${shown(shape)}`;
  }
  return batchProblem(shape, batch) ?? valuesProblem(output, datatype, elementsOf(shape));
}

/** Why raw bytes are not so many elements of a datatype; undefined when they are. */
export function rawProblem(raw: Buffer, datatype: Datatype, elements: number): string | undefined {
  const { bytes } = DATATYPES[datatype];
  if (bytes !== 'length-prefixed') {
    const wanted = elements * bytes;
    return raw.length === wanted ? undefined : `wanted ${wanted} bytes for ${elements} values, got ${raw.length}`;
  }
  const got = rawElements(datatype, raw)?.length;
  return got === elements ? undefined : `wanted ${elements} values, got ${got ?? 'bytes that end within one'}`;
}

/** An element of an answer as the JSON of the same answer holds it. */
export function plainElement(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('utf8') : typeof value === 'bigint' ? Number(value) : value;
}

/** The inputs of a model's metadata, of which nothing is believed. Throws RangeError, a sentence, for what cannot be filled. */
export function inputsOfMetadata(inputs: unknown): readonly InputSpec[] {
  if (!Array.isArray(inputs) || inputs.length === 0) {
    throw new RangeError('The metadata name no inputs');
  }
  return (inputs as readonly (Output | null)[]).map((input) => {
    const { name, datatype } = input ?? {};
    if (typeof name !== 'string' || !isDatatype(datatype)) {
      throw new RangeError(`Wanted an input with name and datatype, got ${shown(input)}`);
    }
    // Shapes come as numbers in JSON, and as text over gRPC.
    const shape = Array.isArray(input?.shape) ? input.shape.map(Number) : [];
    return { name, datatype, shape };
  });
}

/** A duration as Triton tells it; a number in JSON, a text over gRPC. */
interface WireDuration {
  readonly count?: unknown;
  readonly ns?: unknown;
}

type Stats = Readonly<
  Record<
    'success' | 'fail' | 'queue' | 'compute_input' | 'compute_infer' | 'compute_output' | 'cache_hit' | 'cache_miss',
    WireDuration | null | undefined
  >
>;

/** The counters of Triton's statistics, all versions of a model together; undefined for something else. */
export function countersOf(stats: unknown): ServerCounters | undefined {
  if (!Array.isArray(stats) || stats.length === 0) {
    return undefined;
  }
  const models = stats as readonly (Readonly<Record<string, unknown>> | null)[];
  const sum = (of: (model: Readonly<Record<string, unknown>>) => unknown) =>
    models.reduce((total, model) => total + (Number(of(model ?? {})) || 0), 0);
  const duration = (name: keyof Stats): Duration => ({
    count: sum(({ inference_stats: of }) => (of as Stats | undefined)?.[name]?.count),
    ns: sum(({ inference_stats: of }) => (of as Stats | undefined)?.[name]?.ns),
  });
  return {
    inferences: sum(({ inference_count: count }) => count),
    executions: sum(({ execution_count: count }) => count),
    success: duration('success'),
    fail: duration('fail'),
    queue: duration('queue'),
    computeInput: duration('compute_input'),
    computeInfer: duration('compute_infer'),
    computeOutput: duration('compute_output'),
    cacheHit: duration('cache_hit'),
    cacheMiss: duration('cache_miss'),
  };
}
