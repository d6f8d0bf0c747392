import { grpcMethod } from './proto.js';
import { DECODED_OK, type Decoded, protocol, type WireRequest } from './protocol.js';
import { batchOf, batchProblem, elementsOf, flat, GRPC_ENCODING, INPUT_FLAG, littleEndian } from './tensors.js';
import { MODEL_FLAGS } from './tf-serving.js';

interface TensorProto {
  readonly dtype: string;
  readonly tensor_shape: { readonly dim: readonly { readonly size: string }[]; readonly unknown_rank?: boolean } | null;
  readonly tensor_content: Buffer;
  readonly [values: `${string}_val`]: readonly unknown[];
}

interface PredictResponse {
  readonly outputs: Readonly<Record<string, TensorProto>>;
}

/** Bytes per element in `tensor_content`, and the repeated field that may hold the values instead. */
const DATATYPES: Readonly<Record<string, { readonly bytes: number; readonly field: `${string}_val` }>> = {
  DT_FLOAT: { bytes: 4, field: 'float_val' },
  DT_DOUBLE: { bytes: 8, field: 'double_val' },
  DT_HALF: { bytes: 2, field: 'half_val' },
  DT_BFLOAT16: { bytes: 2, field: 'half_val' },
  DT_INT8: { bytes: 1, field: 'int_val' },
  DT_UINT8: { bytes: 1, field: 'int_val' },
  DT_INT16: { bytes: 2, field: 'int_val' },
  DT_UINT16: { bytes: 2, field: 'int_val' },
  DT_INT32: { bytes: 4, field: 'int_val' },
  DT_UINT32: { bytes: 4, field: 'uint32_val' },
  DT_INT64: { bytes: 8, field: 'int64_val' },
  DT_UINT64: { bytes: 8, field: 'uint64_val' },
  DT_BOOL: { bytes: 1, field: 'bool_val' },
  DT_STRING: { bytes: Number.NaN, field: 'string_val' },
};

/** TensorFlow Serving's PredictionService/Predict; the input goes as raw `tensor_content` or as typed `float_val`. */
export const tfServingGrpc = protocol({
  summary: 'TensorFlow Serving gRPC, PredictionService/Predict',
  via: 'grpc',
  flags: {
    ...MODEL_FLAGS,
    input: INPUT_FLAG,
    encoding: GRPC_ENCODING,
  },
  server: 'tf-serving',
  defaultPort: 8500,
  dataset: 'digits',
  input: 'tensor',
  takesPath: false,
  maxBatch: Number.MAX_SAFE_INTEGER,
  create: async (values) => {
    const predict = await grpcMethod<object, PredictResponse>(
      'tensorflow_serving/prediction_service.proto',
      'tensorflow.serving.PredictionService',
      'Predict',
    );
    const version = values['model-version'];
    const modelSpec = {
      name: values.model,
      ...(version === undefined ? {} : { version: { value: version } }),
      signature_name: values.signature,
    };
    return {
      name: 'tf-serving-grpc',
      via: 'grpc',
      endpoints: ['predict'],
      encode(items): WireRequest {
        const { itemShape, rows } = batchOf(items);
        const tensor = {
          dtype: 'DT_FLOAT',
          tensor_shape: { dim: [items.length, ...itemShape].map((size) => ({ size: String(size) })) },
          ...(values.encoding === 'raw' ? { tensor_content: littleEndian(rows) } : { float_val: flat(rows) }),
        };
        const body = predict.encode({ model_spec: modelSpec, inputs: { [values.input]: tensor } });
        return { method: 'POST', path: predict.path, headers: {}, body, batch: items.length };
      },
      decode(response, { batch }): Decoded {
        let answer: PredictResponse;
        try {
          answer = predict.decode(response.body);
        } catch (error) {
          return { outcome: 'decode_error', detail: `Not a PredictResponse: ${(error as Error).message}` };
        }
        const problem = outputsProblem(answer, batch);
        return problem === undefined ? DECODED_OK : { outcome: 'schema_mismatch', detail: problem };
      },
    };
  },
});

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

function tensorProblem(tensor: TensorProto, batch: number): string | undefined {
  const datatype = DATATYPES[tensor.dtype];
  if (!datatype) {
    return `unexpected datatype ${tensor.dtype}`;
  }
  const shape = (tensor.tensor_shape?.dim ?? []).map(({ size }) => Number(size));
  const wrongBatch = batchProblem(shape, batch);
  if (wrongBatch !== undefined) {
    return wrongBatch;
  }
  const elements = elementsOf(shape);
  const values = tensor[datatype.field]?.length ?? 0;
  // A single value in a typed field stands for the whole shape.
  const fits =
    tensor.tensor_content.length > 0
      ? tensor.tensor_content.length === elements * datatype.bytes
      : values === elements || values === 1;
  return fits
    ? undefined
    : `the shape [${shape.join(', ')}] wants ${elements} values, got ${values || tensor.tensor_content.length / datatype.bytes}`;
}
