import type { ServiceDefinition } from '@grpc/grpc-js';
import type { MessageTypeDefinition, MethodDefinition } from '@grpc/proto-loader';
import { type CallOptions, type GrpcService, loadProtos, type Reply, rawService } from './grpc.js';
import { type Outcome, refusal } from './outcome.js';
import {
  DEFAULT_SIGNATURE,
  type InputTensor,
  type ModelSpec,
  type Servable,
  type Signature,
  type TensorInfo,
} from './tf-serving.js';
import type { Example, Feature } from './tf-serving-examples.js';

/** A shape is a promise of a few bytes: what it may make us allocate. */
const MAX_ELEMENTS = 1 << 26;

interface WireSpec {
  readonly name: string;
  readonly version_choice?: 'version' | 'version_label';
  readonly version?: { readonly value: string };
  readonly version_label?: string;
  readonly signature_name: string;
}

interface WireTensor {
  /** A number where the name of the type is not known. */
  readonly dtype: string | number;
  readonly tensor_shape: { readonly dim: readonly { readonly size: string }[]; readonly unknown_rank: boolean } | null;
  readonly tensor_content: Buffer;
  readonly float_val: readonly number[];
}

interface PredictRequest {
  readonly model_spec: WireSpec | null;
  readonly inputs: Readonly<Record<string, WireTensor>>;
  readonly output_filter: readonly string[];
}

interface WireFeature {
  readonly kind?: 'bytes_list' | 'float_list' | 'int64_list';
  readonly bytes_list?: { readonly value: readonly Buffer[] };
  readonly float_list?: { readonly value: readonly number[] };
  readonly int64_list?: { readonly value: readonly string[] };
}

interface WireExample {
  readonly features: { readonly feature: Readonly<Record<string, WireFeature>> } | null;
}

interface WireInput {
  readonly example_list?: { readonly examples: readonly WireExample[] } | null;
  readonly example_list_with_context?: {
    readonly examples: readonly WireExample[];
    readonly context: WireExample | null;
  } | null;
}

/** Of Classify and Regress. */
interface ExamplesRequest {
  readonly model_spec: WireSpec | null;
  readonly input: WireInput | null;
}

interface MultiInferenceRequest {
  readonly tasks: readonly { readonly model_spec: WireSpec | null; readonly method_name: string }[];
  readonly input: WireInput | null;
}

interface MetadataRequest {
  readonly model_spec: WireSpec | null;
  readonly metadata_field: readonly string[];
}

interface StatusRequest {
  readonly model_spec: WireSpec | null;
}

const PROTO_FILES = ['tensorflow_serving/prediction_service.proto', 'tensorflow_serving/model_service.proto'] as const;

/** The answer to a Predict of one blank image, as it goes over the wire. */
export function blankImagePrediction(servable: Servable): Buffer {
  const service = loadProtos(...PROTO_FILES)['tensorflow.serving.PredictionService'] as ServiceDefinition;
  const method = service.Predict as unknown as MethodDefinition<object, object>;
  const image = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }, { size: 784 }] }, float_val: [0] };
  const asked = method.requestSerialize({
    model_spec: { name: servable.name, signature_name: 'predict_images' },
    inputs: { images: image },
  });
  const { answer } = predict(servable, method.requestDeserialize(asked) as PredictRequest);
  if (answer.error) {
    throw new Error(answer.error.message);
  }
  return method.responseSerialize(answer.value);
}

/** PredictionService and ModelService. */
export function tfServingServices(servable: Servable, options: CallOptions): readonly GrpcService[] {
  const protos = loadProtos(...PROTO_FILES);
  const { serialize } = protos['tensorflow.serving.SignatureDefMap'] as MessageTypeDefinition<object, object>;
  const metadata = metadataMessage(servable, serialize);

  const prediction = rawService(protos['tensorflow.serving.PredictionService'] as ServiceDefinition, options);
  const model = rawService(protos['tensorflow.serving.ModelService'] as ServiceDefinition, options);
  const later = (method: string) => (): Reply => ({
    answer: refusal('UNIMPLEMENTED', `Method ${method} is not implemented by this server`),
    batch: 0,
  });

  return [
    {
      file: PROTO_FILES[0],
      definition: prediction.definition,
      handlers: {
        Predict: prediction.handler<PredictRequest>('Predict', (request) => predict(servable, request), 'inference'),
        Classify: prediction.handler<ExamplesRequest>(
          'Classify',
          (request) => classify(servable, request),
          'inference',
        ),
        Regress: prediction.handler<ExamplesRequest>('Regress', (request) => regress(servable, request), 'inference'),
        MultiInference: prediction.handler<MultiInferenceRequest>(
          'MultiInference',
          (request) => multiInference(servable, request),
          'inference',
        ),
        GetModelMetadata: prediction.handler<MetadataRequest>('GetModelMetadata', (request) => ({
          answer: describe(servable, request, metadata),
          batch: 0,
        })),
      },
    },
    {
      file: PROTO_FILES[1],
      definition: model.definition,
      handlers: {
        GetModelStatus: model.handler<StatusRequest>('GetModelStatus', (request) => ({
          answer: statusOf(servable, request),
          batch: 0,
        })),
        HandleReloadConfigRequest: model.handler('HandleReloadConfigRequest', later('HandleReloadConfigRequest')),
      },
    },
  ];
}

const MISSING_SPEC = refusal('INVALID_ARGUMENT', 'Missing ModelSpec');

function readSpec({ name, version_choice: choice, version, version_label: label }: WireSpec): ModelSpec {
  return {
    name,
    ...(choice === 'version' && version && { version: BigInt(version.value) }),
    ...(choice === 'version_label' && label !== undefined && { label }),
  };
}

function predict(servable: Servable, request: PredictRequest): Reply {
  const batch = Number(Object.values(request.inputs)[0]?.tensor_shape?.dim[0]?.size ?? 0);
  return { answer: predictAnswer(servable, request), batch: Math.max(0, batch) };
}

function predictAnswer(servable: Servable, request: PredictRequest): Outcome<object> {
  const { model_spec: spec } = request;
  if (!spec) {
    return MISSING_SPEC;
  }
  const missing = servable.miss(readSpec(spec));
  if (missing) {
    return { error: missing };
  }
  const signatureName = spec.signature_name || DEFAULT_SIGNATURE;
  const signature = Object.hasOwn(servable.signatures, signatureName) ? servable.signatures[signatureName] : undefined;
  if (!signature) {
    return refusal('FAILED_PRECONDITION', `Serving signature key "${signatureName}" not found.`);
  }
  const inputs = readInputs(signature, request.inputs);
  if (inputs.error) {
    return inputs;
  }
  const wanted = wantedOutputs(signature, request.output_filter);
  if (wanted.error) {
    return wanted;
  }
  const result = servable.run(signatureName, inputs.value);
  if (result.error) {
    return result;
  }
  const outputs = Object.entries(result.value)
    .filter(([name]) => wanted.value.has(name))
    .map(([name, { shape, values }]) => [
      name,
      {
        dtype: 'DT_FLOAT',
        tensor_shape: { dim: shape.map((size: number) => ({ size })) },
        float_val: Array.from(values as Float32Array),
      },
    ]);
  return {
    value: {
      outputs: Object.fromEntries(outputs),
      model_spec: specOf(servable, signatureName),
    },
  };
}

/** The examples of an input; those of a context fill what an example lacks. */
function examplesOf(input: WireInput | null): readonly Example[] {
  const { example_list: list, example_list_with_context: withContext } = input ?? {};
  const context = featuresOf(withContext?.context);
  return (withContext ?? list)?.examples.map((example) => ({ ...context, ...featuresOf(example) })) ?? [];
}

function featuresOf(example: WireExample | null | undefined): Example {
  return Object.fromEntries(
    Object.entries(example?.features?.feature ?? {}).map(([name, feature]) => [name, featureOf(feature)]),
  );
}

function featureOf({ float_list: floats, int64_list: integers, bytes_list: texts }: WireFeature): Feature {
  if (floats) {
    return { kind: 'float', values: floats.value };
  }
  return integers
    ? { kind: 'int64', values: integers.value.map(Number) }
    : { kind: 'bytes', values: new Array(texts?.value.length ?? 0).fill(0) };
}

const EMPTY_INPUT = refusal('INVALID_ARGUMENT', 'Input is empty.');

/** Runs a method that takes examples, once its model and input are known to be there. */
function onExamples(
  servable: Servable,
  { model_spec: spec, input }: ExamplesRequest,
  run: (signatureName: string, examples: readonly Example[]) => Outcome<object>,
): Reply {
  const examples = examplesOf(input);
  const batch = examples.length;
  if (!spec) {
    return { answer: MISSING_SPEC, batch };
  }
  const missing = servable.miss(readSpec(spec));
  if (missing || batch === 0) {
    return { answer: missing ? { error: missing } : EMPTY_INPUT, batch };
  }
  return { answer: run(spec.signature_name || DEFAULT_SIGNATURE, examples), batch };
}

function classify(servable: Servable, request: ExamplesRequest): Reply {
  return onExamples(servable, request, (signatureName, examples) => {
    const result = classificationResult(servable, signatureName, examples);
    return result.error ? result : { value: { result: result.value, model_spec: specOf(servable, signatureName) } };
  });
}

function regress(servable: Servable, request: ExamplesRequest): Reply {
  return onExamples(servable, request, (signatureName, examples) => {
    const result = regressionResult(servable, signatureName, examples);
    return result.error ? result : { value: { result: result.value, model_spec: specOf(servable, signatureName) } };
  });
}

function classificationResult(
  servable: Servable,
  signatureName: string,
  examples: readonly Example[],
): Outcome<object> {
  const classes = servable.classify(signatureName, examples);
  return classes.error ? classes : { value: { classifications: classes.value.map((all) => ({ classes: all })) } };
}

function regressionResult(servable: Servable, signatureName: string, examples: readonly Example[]): Outcome<object> {
  const values = servable.regress(signatureName, examples);
  return values.error ? values : { value: { regressions: values.value.map((value) => ({ value })) } };
}

function multiInference(servable: Servable, { tasks, input }: MultiInferenceRequest): Reply {
  const [first] = tasks;
  return onExamples(servable, { model_spec: first?.model_spec ?? null, input }, (_signatureName, examples) => {
    const results: object[] = [];
    const signatureNames = new Set<string>();
    for (const { model_spec: spec, method_name: method } of tasks) {
      const signatureName = spec?.signature_name || DEFAULT_SIGNATURE;
      if (spec?.name !== servable.name) {
        return refusal(
          'INVALID_ARGUMENT',
          'All ModelSpecs in a MultiInferenceRequest must access the same model name.',
        );
      }
      if (signatureNames.has(signatureName)) {
        return refusal('INVALID_ARGUMENT', `Duplicate evaluation of signature: ${signatureName}`);
      }
      signatureNames.add(signatureName);
      const isClassify = method === 'tensorflow/serving/classify';
      if (!isClassify && method !== 'tensorflow/serving/regress') {
        return refusal('UNIMPLEMENTED', `Unsupported signature method_name: ${method}`);
      }
      const result = (isClassify ? classificationResult : regressionResult)(servable, signatureName, examples);
      if (result.error) {
        return result;
      }
      results.push({
        model_spec: specOf(servable, signatureName),
        [isClassify ? 'classification_result' : 'regression_result']: result.value,
      });
    }
    return { value: { results } };
  });
}

/** Which model answered. */
function specOf({ name, version }: Servable, signatureName: string): object {
  return { name, version: { value: String(version) }, signature_name: signatureName };
}

/** Checks the inputs by name and reads them. */
function readInputs(
  { inputs: infos }: Signature,
  given: PredictRequest['inputs'],
): Outcome<ReadonlyMap<string, InputTensor>> {
  const sent = Object.keys(given).sort();
  const required = Object.keys(infos).sort();
  const extra = sent.filter((name) => !Object.hasOwn(infos, name));
  if (sent.length !== required.length) {
    const absent = required.filter((name) => !Object.hasOwn(given, name));
    return refusal(
      'INVALID_ARGUMENT',
      `input size does not match signature: ${sent.length}!=${required.length} len({${sent}}) != len({${required}}). ` +
        `Sent extra: {${extra}}. Missing but required: {${absent}}.`,
    );
  }
  if (extra[0] !== undefined) {
    return refusal(
      'INVALID_ARGUMENT',
      `input tensor alias not found in signature: ${extra[0]}. Inputs expected to be in the set {${required}}.`,
    );
  }
  const tensors = new Map<string, InputTensor>();
  for (const [index, name] of required.entries()) {
    const tensor = readTensor(given[name] as WireTensor, { name, index, info: infos[name] as TensorInfo });
    if (tensor.error) {
      return tensor;
    }
    tensors.set(name, tensor.value);
  }
  return { value: tensors };
}

interface Input {
  readonly name: string;
  readonly index: number;
  readonly info: TensorInfo;
}

function readTensor(tensor: WireTensor, { name, index, info: { dtype } }: Input): Outcome<InputTensor> {
  const { tensor_shape: wireShape, tensor_content: content, float_val: floats } = tensor;
  const shape = (wireShape?.dim ?? []).map(({ size }) => Number(size));
  const parsingError = refusal('INVALID_ARGUMENT', `tensor parsing error: ${name}`);
  if (wireShape?.unknown_rank || shape.some((size) => size < 0)) {
    return parsingError;
  }
  if (tensor.dtype !== dtype) {
    return refusal(
      'INVALID_ARGUMENT',
      `Expects arg[${index}] to be ${typeName(dtype)} but ${typeName(tensor.dtype)} is provided`,
    );
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements > MAX_ELEMENTS) {
    return refusal('RESOURCE_EXHAUSTED', `OOM when allocating tensor with shape[${shape}] and type ${typeName(dtype)}`);
  }
  if (dtype === 'DT_STRING') {
    return { value: { dtype, shape, values: new Float32Array() } };
  }
  const values = new Float32Array(elements);
  if (content.length > 0) {
    const bytes = new Uint8Array(values.buffer);
    if (content.length !== bytes.length) {
      return parsingError;
    }
    // A copy, since the content lies anywhere in the message and floats must be aligned. Both are little-endian.
    bytes.set(content);
  } else {
    // Too few values: the last one fills the rest, none at all means zeros.
    values.set(floats.slice(0, elements));
    values.fill(floats.at(-1) ?? 0, Math.min(floats.length, elements));
  }
  return { value: { dtype, shape, values } };
}

/** `DT_FLOAT` in an error text is `float`. */
function typeName(dtype: string | number): string {
  return String(dtype).replace(/^DT_/, '').toLowerCase();
}

function wantedOutputs({ outputs }: Signature, filter: readonly string[]): Outcome<ReadonlySet<string>> {
  const names = Object.keys(outputs).sort();
  const wanted = new Set<string>();
  for (const alias of filter) {
    if (!Object.hasOwn(outputs, alias)) {
      return refusal(
        'INVALID_ARGUMENT',
        `output tensor alias not found in signature: ${alias} Outputs expected to be in the set {${names}}.`,
      );
    }
    if (wanted.has(alias)) {
      return refusal('INVALID_ARGUMENT', `duplicate output tensor alias: ${alias}`);
    }
    wanted.add(alias);
  }
  return { value: filter.length === 0 ? new Set(names) : wanted };
}

const SIGNATURE_DEF = 'signature_def';

function describe(servable: Servable, request: MetadataRequest, metadata: object): Outcome<object> {
  const { model_spec: spec, metadata_field: fields } = request;
  if (!spec) {
    return MISSING_SPEC;
  }
  if (fields.length === 0) {
    return refusal('INVALID_ARGUMENT', 'GetModelMetadataRequest must specify at least one metadata_field');
  }
  const unknown = fields.find((field) => field !== SIGNATURE_DEF);
  if (unknown !== undefined) {
    return refusal('INVALID_ARGUMENT', `Metadata field ${unknown} is not supported`);
  }
  const missing = servable.miss(readSpec(spec));
  return missing ? { error: missing } : { value: metadata };
}

/** The metadata of a model never change: made once. */
function metadataMessage({ name, version, signatures }: Servable, serialize: (map: object) => Buffer): object {
  const tensorInfos = (infos: Signature['inputs']) =>
    Object.fromEntries(
      Object.entries(infos).map(([key, { dtype, shape, node }]) => [
        key,
        {
          name: node,
          dtype,
          tensor_shape: shape ? { dim: shape.map((size) => ({ size })) } : { unknown_rank: true },
        },
      ]),
    );
  const definitions = Object.fromEntries(
    Object.entries(signatures).map(([key, { inputs, outputs, methodName }]) => [
      key,
      { inputs: tensorInfos(inputs), outputs: tensorInfos(outputs), method_name: methodName },
    ]),
  );
  return {
    model_spec: { name, version: { value: String(version) } },
    metadata: {
      [SIGNATURE_DEF]: {
        type_url: 'type.googleapis.com/tensorflow.serving.SignatureDefMap',
        value: serialize({ signature_def: definitions }),
      },
    },
  };
}

function statusOf(servable: Servable, { model_spec: spec }: StatusRequest): Outcome<object> {
  if (!spec) {
    return MISSING_SPEC;
  }
  const missing = servable.missStatus(readSpec(spec));
  if (missing) {
    return { error: missing };
  }
  return {
    value: { model_version_status: [{ version: String(servable.version), state: 'AVAILABLE', status: {} }] },
  };
}
