import type { Datatype, InputSpec, TensorValues } from '../datasets/dataset.js';
import { choice } from '../flags.js';
import { bitsOf, DATATYPES, rawElements } from './datatypes.js';
import { callOf, callProbe, type GrpcMethod, grpcMethod, messageReader } from './proto.js';
import { DECODED_OK, type Decoded, type Probe, protocol, type Questions, readingOf } from './protocol.js';
import {
  answersByItem,
  batchOf,
  batchProblem,
  elementsOf,
  GRPC_ENCODING,
  type InputBatch,
  nested,
  rawRows,
} from './tensors.js';
import {
  datatypeOfDtype,
  fitsDigits,
  inputNameOf,
  inputsOfCall,
  signaturesOf,
  TF_CALLS,
  TF_DATATYPES,
  TF_FLAGS,
  tfProblems,
} from './tf-serving.js';

interface TensorProto {
  readonly dtype: string;
  readonly tensor_shape: { readonly dim: readonly { readonly size: string }[]; readonly unknown_rank?: boolean } | null;
  readonly tensor_content: Buffer;
  readonly [values: `${string}_val`]: readonly unknown[];
}

interface Classifications {
  readonly classifications: readonly {
    readonly classes: readonly { readonly label: string; readonly score: number }[];
  }[];
}

interface Regressions {
  readonly regressions: readonly { readonly value: number }[];
}

/** A method with what a batch is to it and what its answer says. */
interface Call<Response> {
  readonly method: GrpcMethod<object, Response>;
  readonly message: (inputs: readonly InputBatch[], batch: number) => object;
  /** Why an answer is none to so many items. */
  readonly problem: (answer: Response, batch: number) => string | undefined;
  /** The answer to each item, of an answer without a problem. */
  readonly answers: (answer: Response, batch: number) => readonly unknown[];
}

const PREDICTION_PROTO = 'tensorflow_serving/prediction_service.proto';

function predictionMethod<Response>(name: string): Promise<GrpcMethod<object, Response>> {
  return grpcMethod<object, Response>(PREDICTION_PROTO, 'tensorflow.serving.PredictionService', name);
}

/** TensorFlow Serving's PredictionService; tensors go as raw `tensor_content` or in the typed field of their datatype. */
export const tfServingGrpc = protocol({
  summary: 'TensorFlow Serving gRPC, PredictionService/Predict, Classify, Regress, MultiInference',
  via: 'grpc',
  flags: {
    ...TF_FLAGS,
    call: choice([...TF_CALLS, 'multi-inference'], { help: 'what to ask for', default: 'predict' }),
    encoding: GRPC_ENCODING,
  },
  server: 'tf-serving',
  defaultPort: 8500,
  dataset: 'digits',
  input: 'tensor',
  takesPath: false,
  maxBatch: Number.MAX_SAFE_INTEGER,
  problems: tfProblems,
  fitsDataset: fitsDigits,
  questions: async (values) => {
    const model = modelOf(values);
    return {
      readiness: await readinessOf(model),
      metadata: await metadataOf(model, (signatures) => inputsOfCall(signatures, values)),
    };
  },
  create: async (values) => {
    const model = modelOf(values);
    const specs = signaturesOf(values).map((name) => ({ ...model, signature_name: name }));
    const call = await CALLS[values.call](specs, values.encoding);
    const inputName = inputNameOf(values);
    const answerOf = (body: Buffer) => call.method.decode(body);
    return {
      name: 'tf-serving-grpc',
      via: 'grpc',
      endpoints: [values.call],
      encode: (items) => callOf(call.method, call.message(batchOf(items, inputName), items.length), items.length),
      decode({ body }, { batch }): Decoded {
        let answer: unknown;
        try {
          answer = answerOf(body);
        } catch (error) {
          return {
            outcome: 'decode_error',
            detail: `Not an answer to ${call.method.path}: ${(error as Error).message}`,
          };
        }
        const problem = call.problem(answer, batch);
        return problem === undefined ? DECODED_OK : { outcome: 'schema_mismatch', detail: problem };
      },
      answers: ({ body }, { batch }) => call.answers(answerOf(body), batch),
    };
  },
});

/** A ModelSpec without a signature. */
function modelOf(values: {
  readonly model: string;
  readonly 'model-version'?: string | undefined;
  readonly 'version-label'?: string | undefined;
}) {
  const { model: name, 'model-version': version, 'version-label': label } = values;
  return {
    name,
    ...(version !== undefined && { version: { value: version } }),
    ...(label !== undefined && { version_label: label }),
  };
}

interface ModelSpec {
  readonly name: string;
  readonly signature_name: string;
}

type MakeCall = (specs: readonly ModelSpec[], encoding: 'raw' | 'typed') => Promise<Call<unknown>>;

const CALLS: Readonly<Record<'predict' | 'classify' | 'regress' | 'multi-inference', MakeCall>> = {
  predict: async ([spec], encoding) =>
    callFrom<PredictResponse>({
      method: await predictionMethod('Predict'),
      message: (inputs) => ({
        model_spec: spec,
        inputs: Object.fromEntries(inputs.map((input) => [input.name, tensorProto(input, encoding)])),
      }),
      problem: outputsProblem,
      answers: ({ outputs }, batch) =>
        answersByItem(
          Object.entries(outputs).map(([name, tensor]) => [name, nested(elementsIn(tensor), shapeOf(tensor))] as const),
          batch,
        ),
    }),
  classify: async ([spec]) =>
    callFrom<{ readonly result: Classifications | null }>({
      method: await predictionMethod('Classify'),
      message: (inputs, batch) => ({ model_spec: spec, input: examples(inputs, batch) }),
      problem: ({ result }, batch) => classificationsProblem(result, batch),
      answers: ({ result }) => classesByItem(result),
    }),
  regress: async ([spec]) =>
    callFrom<{ readonly result: Regressions | null }>({
      method: await predictionMethod('Regress'),
      message: (inputs, batch) => ({ model_spec: spec, input: examples(inputs, batch) }),
      problem: ({ result }, batch) => regressionsProblem(result, batch),
      answers: ({ result }) => valuesByItem(result),
    }),
  'multi-inference': async ([classify, regress]) =>
    callFrom<MultiInferenceResponse>({
      method: await predictionMethod('MultiInference'),
      message: (inputs, batch) => ({
        tasks: [
          { model_spec: classify, method_name: 'tensorflow/serving/classify' },
          { model_spec: regress, method_name: 'tensorflow/serving/regress' },
        ],
        input: examples(inputs, batch),
      }),
      problem({ results }, batch) {
        const [classes, values] = results;
        return results.length === 2
          ? (classificationsProblem(classes?.classification_result, batch) ??
              regressionsProblem(values?.regression_result, batch))
          : `Wanted the results of 2 tasks, got ${results.length}`;
      },
      answers({ results: [classes, values] }, batch) {
        return answersByItem(
          [
            ['classify', classesByItem(classes?.classification_result)],
            ['regress', valuesByItem(values?.regression_result)],
          ],
          batch,
        );
      },
    }),
};

interface PredictResponse {
  readonly outputs: Readonly<Record<string, TensorProto>>;
}

interface MultiInferenceResponse {
  readonly results: readonly {
    readonly classification_result?: Classifications | null;
    readonly regression_result?: Regressions | null;
  }[];
}

/** A call whose answers are typed inside its definition only. */
function callFrom<Response>(call: Call<Response>): Call<unknown> {
  return call as unknown as Call<unknown>;
}

function tensorProto(input: InputBatch, encoding: 'raw' | 'typed'): object {
  const { datatype, shape, rows } = input;
  const { dtype, field } = TF_DATATYPES[datatype];
  const head = { dtype, tensor_shape: { dim: shape.map((size) => ({ size: String(size) })) } };
  // Texts have no raw form.
  return encoding === 'raw' && datatype !== 'BYTES'
    ? { ...head, tensor_content: rawRows(input) }
    : { ...head, [field]: rows.flatMap((values) => typedValues(datatype, values)) };
}

/** Values as the fields of TensorProto take them: halves as their bits, 64-bit integers as text. */
function typedValues(datatype: Datatype, values: TensorValues): readonly unknown[] {
  switch (datatype) {
    case 'FP16':
    case 'BF16':
      return Array.from(bitsOf(datatype, values as Float32Array));
    case 'BOOL':
      return Array.from(values as Uint8Array, (value) => value !== 0);
    case 'INT64':
    case 'UINT64':
      return Array.from(values as BigInt64Array, String);
    default:
      return Array.from(values as ArrayLike<number | Buffer>);
  }
}

/** A batch as tensorflow.Example messages: a feature per input, a flat list whatever the shape. */
function examples(inputs: readonly InputBatch[], batch: number): object {
  const all = Array.from({ length: batch }, (_, row) => ({
    features: {
      feature: Object.fromEntries(
        inputs.map(({ name, datatype, rows }) => [name, feature(datatype, rows[row] as TensorValues)]),
      ),
    },
  }));
  return { example_list: { examples: all } };
}

function feature(datatype: Datatype, values: TensorValues): object {
  if (datatype === 'BYTES') {
    return { bytes_list: { value: values } };
  }
  const isFloat = datatype.startsWith('FP') || datatype === 'BF16';
  return isFloat
    ? { float_list: { value: Array.from(values as Float32Array) } }
    : { int64_list: { value: Array.from(values as ArrayLike<number | bigint>, String) } };
}

function outputsProblem({ outputs }: PredictResponse, batch: number): string | undefined {
  const named = Object.entries(outputs);
  if (named.length === 0) {
    return 'Got no outputs';
  }
  for (const [name, tensor] of named) {
    const problem = tensorProblem(tensor, batch);
    if (problem !== undefined) {
      return `Output "${name}": ${problem}`;
    }
  }
  return undefined;
}

function shapeOf({ tensor_shape: shape }: TensorProto): readonly number[] {
  return (shape?.dim ?? []).map(({ size }) => Number(size));
}

function tensorProblem(tensor: TensorProto, batch: number): string | undefined {
  const datatype = datatypeOfDtype(tensor.dtype);
  if (!datatype) {
    return `unexpected datatype ${tensor.dtype}`;
  }
  const shape = shapeOf(tensor);
  const wrongBatch = batchProblem(shape, batch);
  if (wrongBatch !== undefined) {
    return wrongBatch;
  }
  const elements = elementsOf(shape);
  const values = tensor[TF_DATATYPES[datatype].field]?.length ?? 0;
  const { bytes } = DATATYPES[datatype];
  // Texts have no raw form.
  const elementBytes = bytes === 'length-prefixed' ? Number.NaN : bytes;
  // A single value in a typed field stands for the whole shape.
  const fits =
    tensor.tensor_content.length > 0
      ? tensor.tensor_content.length === elements * elementBytes
      : values === elements || values === 1;
  return fits
    ? undefined
    : `the shape [${shape.join(', ')}] wants ${elements} values, got ${values || tensor.tensor_content.length / elementBytes}`;
}

/** The elements of a tensor that has no problem, in plain values. */
function elementsIn(tensor: TensorProto): readonly unknown[] {
  const datatype = datatypeOfDtype(tensor.dtype) as Datatype;
  if (tensor.tensor_content.length > 0) {
    return (rawElements(datatype, tensor.tensor_content) ?? []).map(plain);
  }
  const values = (tensor[TF_DATATYPES[datatype].field] ?? []).map((value) => typedPlain(datatype, value));
  return values.length === 1 ? new Array(elementsOf(shapeOf(tensor))).fill(values[0]) : values;
}

function typedPlain(datatype: Datatype, value: unknown): unknown {
  if (datatype === 'FP16' || datatype === 'BF16') {
    const bits = Buffer.alloc(2);
    bits.writeUInt16LE((value as number) & 0xffff);
    return rawElements(datatype, bits)?.[0];
  }
  return plain(value);
}

/** Integers of 64 bits, which come as text or bigint, as numbers; bytes as text: what the JSON of the same answer holds. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) {
    return value.toString('utf8');
  }
  return typeof value === 'bigint' || typeof value === 'string' ? Number(value) : value;
}

function classificationsProblem(result: Classifications | null | undefined, batch: number): string | undefined {
  const got = result?.classifications.length ?? 0;
  return got === batch ? undefined : `Wanted ${batch} classifications, got ${got}`;
}

function regressionsProblem(result: Regressions | null | undefined, batch: number): string | undefined {
  const got = result?.regressions.length ?? 0;
  return got === batch ? undefined : `Wanted ${batch} regressions, got ${got}`;
}

/** As REST has them: lists of [label, score]. */
function classesByItem(result: Classifications | null | undefined): readonly unknown[] {
  return (result?.classifications ?? []).map(({ classes }) => classes.map(({ label, score }) => [label, score]));
}

function valuesByItem(result: Regressions | null | undefined): readonly number[] {
  return (result?.regressions ?? []).map(({ value }) => value);
}

interface StatusResponse {
  readonly model_version_status: readonly { readonly version: string; readonly state: string }[];
}

/** Ready when some version is AVAILABLE. */
async function readinessOf(model: object): Promise<Probe<true>> {
  const status = await grpcMethod<object, StatusResponse>(
    'tensorflow_serving/model_service.proto',
    'tensorflow.serving.ModelService',
    'GetModelStatus',
  );
  return callProbe(status, { model_spec: model }, ({ model_version_status: versions }) => {
    if (versions.some(({ state }) => state === 'AVAILABLE')) {
      return { value: true };
    }
    const states = versions.map(({ version, state }) => `version ${version} ${state}`).join(', ');
    return { problem: `Wanted a version that is AVAILABLE, got ${states || 'no version'}` };
  });
}

interface MetadataResponse {
  readonly metadata: Readonly<Record<string, { readonly value: Buffer }>>;
}

async function metadataOf(
  model: object,
  inputsIn: (signatures: unknown) => readonly InputSpec[],
): Promise<Questions['metadata'] & object> {
  const method = await predictionMethod<MetadataResponse>('GetModelMetadata');
  const read = await messageReader<{ readonly signature_def: unknown }>(
    PREDICTION_PROTO,
    'tensorflow.serving.SignatureDefMap',
  );
  const request = { model_spec: model, metadata_field: ['signature_def'] };
  return callProbe(method, request, ({ metadata }) => {
    const packed = metadata.signature_def;
    if (!packed) {
      return { problem: 'The answer has no signature_def' };
    }
    const { signature_def: signatures } = read(packed.value);
    return readingOf(() => inputsIn(signatures));
  });
}
