import type { DigitModel } from './digit-model.js';
import { type Outcome, type Refusal, refusal } from './outcome.js';

/** An input or output of the model. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 = any size. */
  readonly shape: readonly number[];
}

/** An input as it came in. Its values are read when its name, datatype and shape are known to be right. */
export interface InferInput extends TensorMetadata {
  /** `[elements]` float32, row-major. */
  read(elements: number): Outcome<Float32Array>;
}

/** What an infer call asks for, whatever carried it. */
export interface InferRequest {
  /** Empty when the client gave none. */
  readonly id: string;
  readonly inputs: readonly InferInput[];
  /** Names of the outputs wanted; all when empty. */
  readonly outputs: readonly string[];
}

/** A result of the model. */
export interface OutputTensor extends TensorMetadata {
  /** Row-major float32. */
  readonly values: Float32Array;
}

/** The served model behind both protocols. */
export interface OipModel {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** Undefined when name and version (empty = the latest) are this model's; otherwise the error of every call. */
  miss(name: string, version: string): Refusal | undefined;
  infer(request: InferRequest): Outcome<readonly OutputTensor[]>;
}

/** What the server says of itself. */
export const EXTENSIONS = ['binary_tensor_data', 'statistics'] as const;

/** The digit model as `mnist`, version 1: `images` FP32 [-1, 784] to `scores` FP32 [-1, 10]. Errors are Triton's. */
export function mnistOipModel(model: DigitModel): OipModel {
  const name = 'mnist';
  const version = '1';
  const input: TensorMetadata = { name: 'images', datatype: 'FP32', shape: [-1, model.inputSize] };
  const output: TensorMetadata = { name: 'scores', datatype: 'FP32', shape: [-1, model.classes] };

  function miss(askedName: string, askedVersion: string): Refusal | undefined {
    if (!/^\d*$/.test(askedVersion)) {
      return {
        code: 'INVALID_ARGUMENT',
        message:
          `failed to get model version from specified version string '${askedVersion}' (details: stoll), version ` +
          'should be an integral value > 0',
      };
    }
    if (askedName === name && (askedVersion === '' || BigInt(askedVersion) === BigInt(version))) {
      return undefined;
    }
    const asked = `'${askedName}'${askedVersion === '' ? '' : ` version ${BigInt(askedVersion)}`}`;
    return { code: 'NOT_FOUND', message: `Request for unknown model: ${asked} is not found` };
  }

  function infer({ id, inputs, outputs }: InferRequest): Outcome<readonly OutputTensor[]> {
    // The real server puts the request in front of what its core says.
    const wrong = (message: string) => refusal('INVALID_ARGUMENT', `[request id: ${id || '<id_unknown>'}] ${message}`);
    const [images, ...more] = inputs;
    if (!images || more.length > 0) {
      const got = inputs.map((given) => `'${given.name}'`).join(',');
      const missing = inputs.some((given) => given.name === input.name) ? '' : `'${input.name}'`;
      return wrong(
        `expected 1 inputs but got ${inputs.length} inputs for model '${name}'. Got input(s) [${got}], but missing ` +
          `required input(s) [${missing}]. Please provide all required input(s).`,
      );
    }
    if (images.name !== input.name) {
      return wrong(`unexpected inference input '${images.name}' for model '${name}'`);
    }
    const unknown = outputs.find((wanted) => wanted !== output.name);
    if (unknown !== undefined) {
      return wrong(`unexpected inference output '${unknown}' for model '${name}'`);
    }
    if (images.datatype !== input.datatype) {
      return wrong(
        `inference input '${input.name}' data-type is '${images.datatype}', but model '${name}' expects '${input.datatype}'`,
      );
    }
    const [batch = -1, width] = images.shape;
    if (images.shape.length !== 2 || !(batch >= 0) || width !== model.inputSize) {
      return wrong(
        `unexpected shape for input '${input.name}' for model '${name}'. Expected [${input.shape}], got [${images.shape}]`,
      );
    }
    const values = images.read(batch * model.inputSize);
    if (values.error) {
      return values;
    }
    const expectedBytes = batch * model.inputSize * 4;
    if (values.value.byteLength !== expectedBytes) {
      return wrong(
        `input byte size mismatch for input '${input.name}' for model '${name}'. Expected ${expectedBytes}, got ` +
          `${values.value.byteLength}`,
      );
    }
    return { value: [{ ...output, shape: [batch, model.classes], values: model.predict(values.value, batch) }] };
  }

  return { name, version, platform: 'infer_bench_digits', inputs: [input], outputs: [output], miss, infer };
}

/** The outputs for one blank image. */
export function blankImageOutputs(model: OipModel): readonly OutputTensor[] {
  const inputs = model.inputs.map((input) => ({
    ...input,
    shape: input.shape.map((size) => (size < 0 ? 1 : size)),
    read: (elements: number) => ({ value: new Float32Array(elements) }),
  }));
  const outputs = model.infer({ id: '', inputs, outputs: [] });
  if (outputs.error) {
    throw new Error(outputs.error.message);
  }
  return outputs.value;
}

/** float32 values from little-endian bytes, which lie anywhere in a message; a rest of less than 4 bytes is refused. */
export function readFloats(bytes: Buffer, name: string): Outcome<Float32Array> {
  if (bytes.length % 4 !== 0) {
    return refusal('INVALID_ARGUMENT', `unexpected size ${bytes.length} for input '${name}', wanted whole FP32 values`);
  }
  const values = new Float32Array(bytes.length / 4);
  // A copy, since floats must be aligned. Both are little-endian.
  new Uint8Array(values.buffer).set(bytes);
  return { value: values };
}

/** Row-major float32 values as little-endian bytes. */
export function floatBytes({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
