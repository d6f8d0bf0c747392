import type { DigitModel } from './digit-model.js';
import { type Outcome, type Refusal, refusal } from './outcome.js';

/** What a request asks for. Version and label exclude each other; the latest version when there is neither. */
export interface ModelSpec {
  readonly name: string;
  readonly version?: bigint;
  readonly label?: string;
}

/** The element types that the signatures use. */
export type DType = 'DT_FLOAT' | 'DT_STRING';

/** An input or output of a signature. */
export interface TensorInfo {
  readonly dtype: DType;
  /** -1 = any size; undefined = unknown rank. */
  readonly shape: readonly number[] | undefined;
  /** The node of the graph; only shown. */
  readonly node: string;
}

/** One way to call the model. */
export interface Signature {
  readonly methodName: `tensorflow/serving/${'predict' | 'classify' | 'regress'}`;
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly outputs: Readonly<Record<string, TensorInfo>>;
}

/** A tensor as it came in. Values of DT_STRING are only counted until a signature needs them. */
export interface InputTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major; empty for DT_STRING. */
  readonly values: Float32Array;
}

/** The served model behind both protocols. */
export interface Servable {
  readonly name: string;
  readonly version: bigint;
  readonly signatures: Readonly<Record<string, Signature>>;
  /** Undefined when the spec names this model; otherwise the error of inference and metadata calls. */
  miss(spec: ModelSpec): Refusal | undefined;
  /** Undefined when there is a version to tell the state of; otherwise the error of status calls, which is worded differently. */
  missStatus(spec: ModelSpec): Refusal | undefined;
  /** Runs a signature whose inputs were checked by name. */
  run(signatureName: string, inputs: ReadonlyMap<string, InputTensor>): Outcome<Outputs>;
}

/** The results by output name. */
export interface Outputs {
  readonly scores: OutputTensor;
}

/** A result of the model. */
export interface OutputTensor {
  /** `[batch, 10]` */
  readonly shape: readonly [number, number];
  /** Row-major float32. */
  readonly values: Float32Array;
}

/** The signature of a request that names none. */
export const DEFAULT_SIGNATURE = 'serving_default';

const SIGNATURES: Readonly<Record<string, Signature>> = {
  predict_images: {
    methodName: 'tensorflow/serving/predict',
    inputs: { images: { dtype: 'DT_FLOAT', shape: [-1, 784], node: 'images:0' } },
    outputs: { scores: { dtype: 'DT_FLOAT', shape: [-1, 10], node: 'scores:0' } },
  },
  [DEFAULT_SIGNATURE]: {
    methodName: 'tensorflow/serving/classify',
    inputs: { inputs: { dtype: 'DT_STRING', shape: undefined, node: 'tf_example:0' } },
    outputs: {
      classes: { dtype: 'DT_STRING', shape: [-1, 10], node: 'classes:0' },
      scores: { dtype: 'DT_FLOAT', shape: [-1, 10], node: 'scores:0' },
    },
  },
};

/** The second seed's servable: `mnist`, version 1. Error texts are those of the real server where it is known to have one. */
export function mnistServable(model: DigitModel): Servable {
  const name = 'mnist';
  const version = 1n;

  function miss(spec: ModelSpec): Refusal | undefined {
    if (spec.name === '') {
      return { code: 'INVALID_ARGUMENT', message: 'ModelSpec has no name specified.' };
    }
    if (spec.label !== undefined) {
      // No labels are configured, so that any is unknown, also for a model that does not exist.
      return { code: 'INVALID_ARGUMENT', message: `Unrecognized servable version label: ${spec.label}` };
    }
    if (spec.name === name && (spec.version ?? version) === version) {
      return undefined;
    }
    const request = spec.version === undefined ? `Latest(${spec.name})` : `Specific(${spec.name}, ${spec.version})`;
    return { code: 'NOT_FOUND', message: `Servable not found for request: ${request}` };
  }

  // The real server does not look at the label here either.
  function missStatus(spec: ModelSpec): Refusal | undefined {
    if (spec.name === name && (spec.version ?? version) === version) {
      return undefined;
    }
    const what = spec.version === undefined ? 'any versions' : `version ${spec.version}`;
    return { code: 'NOT_FOUND', message: `Could not find ${what} of model ${spec.name}` };
  }

  function run(signatureName: string, inputs: ReadonlyMap<string, InputTensor>): Outcome<Outputs> {
    const images = inputs.get('images');
    if (signatureName !== 'predict_images' || !images) {
      return refusal('UNIMPLEMENTED', `Signature "${signatureName}" is not implemented by this server`);
    }
    const { shape, values } = images;
    const given = `[${shape.join(',')}]`;
    if (shape.length !== 2) {
      return refusal('INVALID_ARGUMENT', `In[0] is not a matrix. Instead it has shape ${given}`);
    }
    const [batch, width] = shape as readonly [number, number];
    if (width !== model.inputSize) {
      const wanted = `[${model.inputSize},${model.classes}]`;
      return refusal('INVALID_ARGUMENT', `Matrix size-incompatible: In[0]: ${given}, In[1]: ${wanted}`);
    }
    return { value: { scores: { shape: [batch, model.classes], values: model.predict(values, batch) } } };
  }

  return { name, version, signatures: SIGNATURES, miss, missStatus, run };
}
