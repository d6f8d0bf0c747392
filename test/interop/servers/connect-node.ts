import { once } from 'node:events';
import { createServer, type Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { digestOf, PIXELS } from '../accounts.js';
import type { ForeignServer, SeenRow } from '../foreign.js';
import type { Stubs } from '../stubs.js';

interface PredictRequest {
  readonly modelSpec?: object;
  readonly inputs: Readonly<Record<string, TensorProto>>;
}

interface TensorProto {
  readonly tensorShape?: { readonly dim: readonly { readonly size: bigint }[] };
  readonly tensorContent: Uint8Array;
  readonly floatVal: readonly number[];
}

interface ModelInferRequest {
  readonly modelName: string;
  readonly id: string;
  readonly inputs: readonly {
    readonly shape: readonly bigint[];
    readonly contents?: { readonly fp32Contents: readonly number[] };
  }[];
  readonly rawInputContents: readonly Uint8Array[];
}

const DT_FLOAT = 1;
const AVAILABLE = 30;
const CLASSES = 10;

/** TensorFlow Serving's services and the Open Inference Protocol's on connect-node, with stubs of protoc-gen-es. */
export async function startConnectNode(
  { PredictionService, ModelService, GRPCInferenceService }: Stubs,
  { failEvery = Number.POSITIVE_INFINITY } = {},
): Promise<ForeignServer> {
  const rows: SeenRow[] = [];
  const sessions = new Set<Http2Session>();

  /** What is the same for all calls: the row, the refusal or scores that are all alike. */
  function answer<Reply>(
    { requestHeader, timeoutMs }: HandlerContext,
    { shape, raw, typed }: { shape: readonly bigint[]; raw: Uint8Array | undefined; typed: readonly number[] },
    reply: (outputShape: readonly bigint[], scores: Float32Array) => Reply,
  ): Reply {
    const recv_ns = Number(process.hrtime.bigint());
    const batch = Number(shape[0]);
    // A copy, since floats must be aligned.
    const values = raw ? new Float32Array(Uint8Array.from(raw).buffer) : Float32Array.from(typed);
    const problem =
      shape.length === 2 && values.length === batch * PIXELS
        ? (rows.length + 1) % failEvery === 0 && new ConnectError('¡La cola está llena!', Code.ResourceExhausted)
        : new ConnectError(`shape ${shape} with ${values.length} values`, Code.InvalidArgument);
    rows.push({
      ids: requestHeader.get('x-request-id')?.split(', ') ?? [],
      recv_ns,
      send_ns: Number(process.hrtime.bigint()),
      status: problem ? problem.code : 0,
      path: '',
      texts: [],
      cache: '',
      time_remaining_s: Number(timeoutMs()) / 1000,
      encoding: raw ? 'raw' : 'typed',
      batch,
      images: Array.from({ length: batch }, (_, row) => digestOf(values.subarray(row * PIXELS, (row + 1) * PIXELS))),
    });
    if (problem) {
      throw problem;
    }
    return reply([BigInt(batch), BigInt(CLASSES)], new Float32Array(batch * CLASSES).fill(1 / CLASSES));
  }

  function predict({ modelSpec, inputs }: PredictRequest, context: HandlerContext) {
    const { tensorShape, tensorContent, floatVal } = inputs.images as TensorProto;
    const shape = tensorShape?.dim.map(({ size }) => size) ?? [];
    const raw = tensorContent.length > 0 ? tensorContent : undefined;
    return answer(context, { shape, raw, typed: floatVal }, (sizes, scores) => ({
      modelSpec,
      outputs: {
        scores: { dtype: DT_FLOAT, tensorShape: { dim: sizes.map((size) => ({ size })) }, floatVal: [...scores] },
      },
    }));
  }

  function modelInfer({ modelName, id, inputs, rawInputContents }: ModelInferRequest, context: HandlerContext) {
    const { shape = [], contents } = inputs[0] ?? {};
    const [raw] = rawInputContents;
    return answer(context, { shape, raw, typed: contents?.fp32Contents ?? [] }, (sizes, scores) => ({
      modelName,
      id,
      // As MLServer does: raw for raw, typed for typed.
      outputs: [
        { name: 'scores', datatype: 'FP32', shape: sizes, ...(!raw && { contents: { fp32Contents: [...scores] } }) },
      ],
      rawOutputContents: raw ? [new Uint8Array(scores.buffer)] : [],
    }));
  }

  const server = createServer(
    connectNodeAdapter({
      routes(router) {
        // The types of stubs that are made when the tests run are the interfaces above.
        router.service(PredictionService, { predict } as never);
        router.service(ModelService, {
          getModelStatus: () => ({ modelVersionStatus: [{ version: 1n, state: AVAILABLE }] }),
        } as never);
        router.service(GRPCInferenceService, {
          modelInfer,
          serverLive: () => ({ live: true }),
          serverReady: () => ({ ready: true }),
          modelReady: () => ({ ready: true }),
        } as never);
      },
    }),
  );
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const session of sessions) {
        session.destroy();
      }
      server.close();
      await once(server, 'close');
      return rows;
    },
  };
}
