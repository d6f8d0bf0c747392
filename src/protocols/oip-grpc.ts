import { OIP_FLAGS, outputsProblem, rawProblem } from './oip.js';
import { grpcMethod } from './proto.js';
import { DECODED_OK, type Decoded, protocol, type WireRequest } from './protocol.js';
import { batchOf, flat, GRPC_ENCODING, littleEndian } from './tensors.js';

interface OutputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly contents: Readonly<Record<`${string}_contents`, readonly unknown[]>> | null;
}

interface InferResponse {
  readonly outputs: readonly OutputTensor[];
  readonly raw_output_contents: readonly Buffer[];
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
  create: async (values) => {
    const infer = await grpcMethod<object, InferResponse>(
      'inference/inference.proto',
      'inference.GRPCInferenceService',
      'ModelInfer',
    );
    const version = values['model-version'];
    const model = { model_name: values.model, ...(version === undefined ? {} : { model_version: version }) };
    return {
      name: 'oip-grpc',
      via: 'grpc',
      endpoints: ['infer'],
      encode(items): WireRequest {
        const { itemShape, rows } = batchOf(items);
        const input = { name: values.input, datatype: 'FP32', shape: [items.length, ...itemShape] };
        const body = infer.encode(
          values.encoding === 'raw'
            ? { ...model, inputs: [input], raw_input_contents: [littleEndian(rows)] }
            : { ...model, inputs: [{ ...input, contents: { fp32_contents: flat(rows) } }] },
        );
        return { method: 'POST', path: infer.path, headers: {}, body, batch: items.length };
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
    };
  },
});

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
  return outputsProblem(
    tensors,
    batch,
    ({ contents, raw, ...output }: (typeof tensors)[number], datatype, elements) => {
      if (raw) {
        return rawProblem(raw, datatype, elements);
      }
      if (!datatype.field) {
        return `${output.datatype} has no typed contents, wanted raw ones`;
      }
      const got = contents?.[datatype.field]?.length ?? 0;
      return got === elements ? undefined : `wanted ${elements} values in ${datatype.field}, got ${got}`;
    },
  );
}
