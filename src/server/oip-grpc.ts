import type { ServiceDefinition } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { VERSION } from '../version.js';
import { type CallOptions, type GrpcService, loadProtos, type Reply, rawService } from './grpc.js';
import {
  blankImageOutputs,
  EXTENSIONS,
  floatBytes,
  type InferInput,
  type OipModel,
  type OutputTensor,
  readFloats,
} from './oip.js';
import { modelStatistics } from './oip-statistics.js';
import { type Outcome, refusal } from './outcome.js';
import type { ServiceTotals } from './totals.js';

interface ModelRequest {
  readonly name: string;
  readonly version: string;
}

type Contents = Readonly<Record<`${string}_contents`, readonly unknown[]>>;

interface WireInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly contents: Contents | null;
}

interface WireRequest {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly inputs: readonly WireInput[];
  readonly outputs: readonly { readonly name: string }[];
  readonly raw_input_contents: readonly Buffer[];
}

/** The datatypes of the typed fields, as the real server names them in its errors. */
const FIELD_TYPES: Readonly<Record<string, string>> = {
  bool_contents: 'BOOL',
  int_contents: 'INT32',
  int64_contents: 'INT64',
  uint_contents: 'UINT32',
  uint64_contents: 'UINT64',
  fp32_contents: 'FP32',
  fp64_contents: 'FP64',
  bytes_contents: 'BYTES',
};

function loadService(): ServiceDefinition {
  return loadProtos('inference/inference.proto')['inference.GRPCInferenceService'] as ServiceDefinition;
}

/** The answer to a ModelInfer of one blank image, as it goes over the wire. */
export function blankImageMessage(model: OipModel): Buffer {
  const { responseSerialize } = loadService().ModelInfer as unknown as MethodDefinition<object, object>;
  return responseSerialize(messageOf(model, '', blankImageOutputs(model)));
}

/** GRPCInferenceService for one model, with Triton's statistics. */
export function oipServices(model: OipModel, totals: ServiceTotals, options: CallOptions): readonly GrpcService[] {
  const service = rawService(loadService(), options);
  const { name, version, platform, inputs, outputs } = model;
  const say = (value: object) => (): Reply => ({ answer: { value }, batch: 0 });
  const ofModel = (value: () => object) => (asked: ModelRequest) => {
    const missing = model.miss(asked.name, asked.version);
    return { answer: missing ? { error: missing } : { value: value() }, batch: 0 };
  };

  return [
    {
      definition: service.definition,
      handlers: {
        ServerLive: service.handler('ServerLive', say({ live: true })),
        ServerReady: service.handler('ServerReady', say({ ready: true })),
        ModelReady: service.handler<ModelRequest>('ModelReady', (asked) => ({
          answer: { value: { ready: !model.miss(asked.name, asked.version) } },
          batch: 0,
        })),
        ServerMetadata: service.handler(
          'ServerMetadata',
          say({ name: 'infer-bench', version: VERSION, extensions: EXTENSIONS }),
        ),
        ModelMetadata: service.handler<ModelRequest>(
          'ModelMetadata',
          ofModel(() => ({ name, versions: [version], platform, inputs, outputs })),
        ),
        ModelStatistics: service.handler<ModelRequest>('ModelStatistics', (asked) =>
          // No name: those of all models.
          ofModel(() => ({ model_stats: [modelStatistics(model, totals)] }))({ ...asked, name: asked.name || name }),
        ),
        ModelInfer: service.handler<WireRequest>('ModelInfer', (request) => infer(model, request), 'inference'),
      },
    },
  ];
}

function infer(model: OipModel, request: WireRequest): Reply {
  const batch = Math.max(0, Number(request.inputs[0]?.shape[0] ?? 0));
  return { answer: inferAnswer(model, request), batch };
}

function inferAnswer(model: OipModel, request: WireRequest): Outcome<object> {
  const { id, outputs: wanted } = request;
  const missing = model.miss(request.model_name, request.model_version);
  if (missing) {
    return { error: missing };
  }
  const inputs = readInputs(model, request);
  if (inputs.error) {
    return inputs;
  }
  const outputs = model.infer({ id, inputs: inputs.value, outputs: wanted.map(({ name }) => name) });
  return outputs.error ? outputs : { value: messageOf(model, id, outputs.value) };
}

function messageOf(model: OipModel, id: string, outputs: readonly OutputTensor[]): object {
  return {
    model_name: model.name,
    model_version: model.version,
    id,
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    // As Triton does, also when the request was typed.
    raw_output_contents: outputs.map(({ values }) => floatBytes(values)),
  };
}

/** The inputs by their names; what the real server's front end refuses is refused here. */
function readInputs(model: OipModel, request: WireRequest): Outcome<readonly InferInput[]> {
  const { inputs, raw_input_contents: raws } = request;
  if (raws.length > 0 && raws.length !== inputs.length) {
    return refusal(
      'INVALID_ARGUMENT',
      `expected ${inputs.length} raw input contents but got ${raws.length} for model '${model.name}'`,
    );
  }
  for (const { name, contents, datatype } of inputs) {
    const [field] = Object.keys(FIELD_TYPES).filter((key) => (contents?.[key as keyof Contents]?.length ?? 0) > 0);
    const explicit = `unexpected explicit tensor data for input tensor '${name}' for model '${model.name}'`;
    if (field !== undefined && raws.length > 0) {
      return refusal('INVALID_ARGUMENT', `${explicit}, binary data was already supplied.`);
    }
    if (field !== undefined && datatype === 'FP32' && field !== 'fp32_contents') {
      return refusal('INVALID_ARGUMENT', `${explicit} of type '${FIELD_TYPES[field]}', expected datatype 'FP32'`);
    }
  }
  return {
    value: inputs.map(({ name, datatype, shape, contents }, index) => {
      const raw = raws[index];
      return {
        name,
        datatype,
        shape: shape.map(Number),
        read: () =>
          raw ? readFloats(raw, name) : { value: Float32Array.from((contents?.fp32_contents ?? []) as number[]) },
      };
    }),
  };
}
