import type { Datatype, TensorValues } from '../datasets/dataset.js';
import { rawElements } from './datatypes.js';
import {
  countersOf,
  inputsOfMetadata,
  OIP_FLAGS,
  oipFitsDigits,
  oipInputName,
  outputsProblem,
  plainElement,
  rawProblem,
} from './oip.js';
import { callOf, callProbe, type GrpcMethod, grpcMethod } from './proto.js';
import { DECODED_OK, type Decoded, protocol, readingOf } from './protocol.js';
import { answersByItem, batchOf, GRPC_ENCODING, type InputBatch, nested, rawRows } from './tensors.js';

type Contents = Readonly<Record<`${string}_contents`, readonly unknown[]>>;

interface OutputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly contents: Contents | null;
}

interface InferResponse {
  readonly outputs: readonly OutputTensor[];
  readonly raw_output_contents: readonly Buffer[];
}

/** The typed fields; FP16 and BF16 have none. */
const FIELDS: Readonly<Partial<Record<Datatype, `${string}_contents`>>> = {
  BOOL: 'bool_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

function inferenceMethod<Response>(name: string): Promise<GrpcMethod<object, Response>> {
  return grpcMethod<object, Response>('inference/inference.proto', 'inference.GRPCInferenceService', name);
}

/** Open Inference Protocol v2 over gRPC; the input goes as raw bytes or as typed contents, answers may come as either. */
export const oipGrpc = protocol({
  summary: 'Open Inference Protocol v2 gRPC, GRPCInferenceService/ModelInfer (Triton, KServe, MLServer, OpenVINO)',
  via: 'grpc',
  flags: { ...OIP_FLAGS, encoding: GRPC_ENCODING },
  server: 'oip',
  defaultPort: 8001,
  dataset: 'digits',
  input: 'tensor',
  takesPath: false,
  maxBatch: Number.MAX_SAFE_INTEGER,
  fitsDataset: oipFitsDigits,
  questions: async (values) => {
    const [ready, metadata, statistics] = await Promise.all([
      inferenceMethod<{ readonly ready: boolean }>('ModelReady'),
      inferenceMethod<{ readonly inputs: unknown }>('ModelMetadata'),
      inferenceMethod<{ readonly model_stats: unknown }>('ModelStatistics'),
    ]);
    const version = values['model-version'];
    const named = { name: values.model, ...(version !== undefined && { version }) };
    return {
      readiness: callProbe(ready, named, ({ ready: isReady }) =>
        isReady ? { value: true } : { problem: `Model "${values.model}" is not ready` },
      ),
      metadata: callProbe(metadata, named, ({ inputs }) => readingOf(() => inputsOfMetadata(inputs))),
      statistics: callProbe(statistics, named, ({ model_stats: stats }) => {
        const counters = countersOf(stats);
        return counters ? { value: counters } : { problem: 'The answer has no statistics' };
      }),
    };
  },
  create: async (values) => {
    const infer = await inferenceMethod<InferResponse>('ModelInfer');
    const version = values['model-version'];
    const model = { model_name: values.model, ...(version !== undefined && { model_version: version }) };
    const inputName = oipInputName(values);
    return {
      name: 'oip-grpc',
      via: 'grpc',
      endpoints: ['infer'],
      encode(items) {
        const inputs = batchOf(items, inputName);
        const message =
          values.encoding === 'raw'
            ? { ...model, inputs: inputs.map(headOf), raw_input_contents: inputs.map(rawRows) }
            : { ...model, inputs: inputs.map((input) => ({ ...headOf(input), contents: contentsOf(input) })) };
        return callOf(infer, message, items.length);
      },
      decode(response, { batch }): Decoded {
        let answer: InferResponse;
        try {
          answer = infer.decode(response.body);
        } catch (error) {
          return { outcome: 'decode_error', detail: `Not a ModelInferResponse: ${(error as Error).message}` };
        }
        const problem = answerProblem(answer, batch);
        return problem === undefined ? DECODED_OK : { outcome: 'schema_mismatch', detail: problem };
      },
      answers({ body }, { batch }) {
        const { outputs, raw_output_contents: raws } = infer.decode(body);
        const named = outputs.map(
          (output, index) => [output.name, nested(elementsIn(output, raws[index]), output.shape.map(Number))] as const,
        );
        return answersByItem(named, batch);
      },
    };
  },
});

function headOf({ name, datatype, shape }: InputBatch): object {
  return { name, datatype, shape };
}

function contentsOf({ datatype, rows }: InputBatch): object {
  const field = FIELDS[datatype];
  if (!field) {
    throw new RangeError(`${datatype} has no typed contents: use --encoding raw`);
  }
  return { [field]: rows.flatMap((values) => typedValues(datatype, values)) };
}

/** Values as typed contents take them: 64-bit integers as text. */
function typedValues(datatype: Datatype, values: TensorValues): readonly unknown[] {
  switch (datatype) {
    case 'BOOL':
      return Array.from(values as Uint8Array, (value) => value !== 0);
    case 'INT64':
    case 'UINT64':
      return Array.from(values as BigInt64Array, String);
    default:
      return Array.from(values as ArrayLike<number | Buffer>);
  }
}

/** The elements of an output that has no problem, in plain values. */
function elementsIn({ datatype, contents }: OutputTensor, raw: Buffer | undefined): readonly unknown[] {
  if (raw) {
    return (rawElements(datatype as Datatype, raw) ?? []).map(plainElement);
  }
  const field = FIELDS[datatype as Datatype];
  const values = (field && contents?.[field]) ?? [];
  // 64-bit integers come as text, texts as bytes.
  return values.map((value) => (typeof value === 'string' ? Number(value) : plainElement(value)));
}

/** Raw and typed exclude each other over a whole message. */
function answerProblem({ outputs, raw_output_contents: raws }: InferResponse, batch: number): string | undefined {
  if (raws.length > 0 && raws.length !== outputs.length) {
    return `Got ${raws.length} raw contents for ${outputs.length} outputs`;
  }
  const tensors = outputs.map((output, index) => ({
    ...output,
    shape: output.shape.map(Number),
    raw: raws[index],
  }));
  return outputsProblem(tensors, batch, ({ contents, raw }: (typeof tensors)[number], datatype, elements) => {
    if (raw) {
      return rawProblem(raw, datatype, elements);
    }
    const field = FIELDS[datatype];
    if (!field) {
      return `${datatype} has no typed contents, wanted raw ones`;
    }
    const got = contents?.[field]?.length ?? 0;
    return got === elements ? undefined : `wanted ${elements} values in ${field}, got ${got}`;
  });
}
