import type { DigitModel } from './digit-model.js';
import { type Outcome, type Refusal, refusal } from './outcome.js';
import { type Example, imagesOf } from './tf-serving-examples.js';

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
  /** The classes of each example, the likeliest first. */
  classify(signatureName: string, examples: readonly Example[]): Outcome<readonly (readonly Class[])[]>;
  /** One value per example. */
  regress(signatureName: string, examples: readonly Example[]): Outcome<readonly number[]>;
}

/** A class with its probability. */
export interface Class {
  readonly label: string;
  readonly score: number;
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
  regress_digit: {
    methodName: 'tensorflow/serving/regress',
    inputs: { inputs: { dtype: 'DT_STRING', shape: undefined, node: 'tf_example:0' } },
    outputs: { outputs: { dtype: 'DT_FLOAT', shape: [-1, 1], node: 'digit:0' } },
  },
};

/** What the one version is known by. */
const LABELS: readonly string[] = ['current'];

/** The second seed's servable: `mnist`, version 1. Error texts are those of the real server where it is known to have one. */
export function mnistServable(model: DigitModel): Servable {
  const name = 'mnist';
  const version = 1n;

  function miss(spec: ModelSpec): Refusal | undefined {
    if (spec.name === '') {
      return { code: 'INVALID_ARGUMENT', message: 'ModelSpec has no name specified.' };
    }
    if (spec.label !== undefined && !(spec.name === name && LABELS.includes(spec.label))) {
      // Also of a model that does not exist.
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

  /** The scores of examples, where a signature is of a method. */
  function scoresOf(
    signatureName: string,
    method: 'classify' | 'regress',
    examples: readonly Example[],
  ): Outcome<Float32Array> {
    const signature = Object.hasOwn(SIGNATURES, signatureName) ? SIGNATURES[signatureName] : undefined;
    if (!signature) {
      return refusal('INVALID_ARGUMENT', `No signature was found with the name: ${signatureName}`);
    }
    const wanted = `tensorflow/serving/${method}`;
    if (signature.methodName !== wanted) {
      const word = method === 'classify' ? 'classification' : 'regression';
      return refusal(
        'INVALID_ARGUMENT',
        `Expected ${word} signature method_name to be ${wanted}. Was: ${signature.methodName}`,
      );
    }
    const images = imagesOf(examples, model);
    return images.error ? images : { value: model.predict(images.value, examples.length) };
  }

  function rowsOf(scores: Float32Array): readonly (readonly number[])[] {
    return Array.from({ length: scores.length / model.classes }, (_, row) =>
      Array.from(scores.subarray(row * model.classes, (row + 1) * model.classes)),
    );
  }

  function classify(signatureName: string, examples: readonly Example[]): Outcome<readonly (readonly Class[])[]> {
    const scores = scoresOf(signatureName, 'classify', examples);
    return scores.error
      ? scores
      : {
          value: rowsOf(scores.value).map((row) =>
            row.map((score, digit) => ({ label: String(digit), score })).sort((a, b) => b.score - a.score),
          ),
        };
  }

  /** The expected digit: the mean of all, weighed by their probabilities. */
  function regress(signatureName: string, examples: readonly Example[]): Outcome<readonly number[]> {
    const scores = scoresOf(signatureName, 'regress', examples);
    return scores.error
      ? scores
      : { value: rowsOf(scores.value).map((row) => Math.fround(row.reduce((sum, p, digit) => sum + p * digit, 0))) };
  }

  return { name, version, signatures: SIGNATURES, miss, missStatus, run, classify, regress };
}
