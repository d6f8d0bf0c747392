import { join } from 'node:path';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cli, newDirectory, readRows, readRun } from '../support/cli.js';
import {
  type Asked,
  digestOf,
  digits,
  expectAccounted,
  expectAllWell,
  expectGoodScores,
  shortRun,
} from './accounts.js';
import { startOurs, stopOurs } from './ours.js';
import { startConnectNode } from './servers/connect-node.js';
import { loadStubs, type Stubs } from './stubs.js';

let stubs: Stubs;
beforeAll(async () => {
  stubs = await loadStubs();
});

describe('our client against connect-node', () => {
  const known = new Set(digits().map(digestOf));

  /** Runs our client; what the two of them wrote. */
  async function measure(words: readonly string[], options?: Parameters<typeof startConnectNode>[1]) {
    const foreign = await startConnectNode(stubs, options);
    const cwd = newDirectory();
    const end = await cli(['run', `grpc://127.0.0.1:${foreign.port}`, ...shortRun(), ...words], { cwd });
    const rows = await foreign.stop();
    const run = readRun(join(cwd, 'r'));
    return { end, rows, run, pairs: expectAccounted(run, rows, ({ batch }) => batch) };
  }

  const forms = [
    ['tf-serving-grpc', 'typed'],
    ['tf-serving-grpc', 'raw'],
    ['oip-grpc', 'typed'],
    ['oip-grpc', 'raw'],
  ] as const;

  describe.concurrent.each([
    { lane: 'wire', forms },
    { lane: 'library', forms: forms.slice(0, 1) },
  ])('over the $lane lane', ({ lane, forms: some }) => {
    it.each(some)('%s: %s images arrive bit for bit', async (protocol, encoding) => {
      const words = ['--protocol', protocol, '--encoding', encoding, '--batch-size', '4', '--transport', lane];
      const { end, rows, run } = await measure(words);
      expectAllWell(end, run);
      expect(new Set(rows.map((row) => `${row.encoding} ${row.batch}`))).toEqual(new Set([`${encoding} 4`]));
      const images = rows.flatMap((row) => row.images);
      expect(images.filter((image) => !known.has(image))).toEqual([]);
      expect(new Set(images).size).toBeGreaterThan(20);
      // The deadline of ten seconds went along.
      expect(Math.max(...rows.map(({ time_remaining_s }) => time_remaining_s))).toBeLessThanOrEqual(10);
    });

    it('refusals keep their code and their words', async () => {
      const { run, rows, pairs } = await measure(['--protocol', 'oip-grpc', '--transport', lane], { failEvery: 5 });
      for (const { sample, row } of pairs) {
        expect(sample.outcome).toBe(row.status === 0 ? 'ok' : 'grpc_RESOURCE_EXHAUSTED');
      }
      expect(run.summary.counts.failed).toBe(Math.floor(rows.length / 5));
      expect(JSON.stringify(run.summary.failures)).toContain('¡La cola está llena!');
    });
  });
});

/** A method of a client whose types are known when the tests run. */
type Call = (request: object, options?: { readonly headers: Readonly<Record<string, string>> }) => Promise<never>;
type Calls<Names extends string> = Readonly<Record<Names, Call>>;

interface WireTensor {
  readonly tensorContent: Uint8Array;
  readonly floatVal: readonly number[];
}

describe('our server and connect-node', () => {
  afterEach(stopOurs);
  const images = digits();
  const typed = images.flatMap((image) => [...image]);
  const raw = new Uint8Array(Float32Array.from(typed).buffer);
  const shape = [BigInt(images.length), 784n];

  /** Serves a kind, lets `ask` ask it, looks at what it was told and at the truth log. */
  async function expectGoodAnswers(
    kind: string,
    wanted: { readonly datatype: string | number; readonly unknown: string },
    ask: (transport: ReturnType<typeof createGrpcTransport>) => Promise<Asked>,
  ): Promise<void> {
    const truthLog = join(newDirectory(), 'truth.csv');
    const { grpc = '' } = await startOurs(kind, truthLog);
    const baseUrl = grpc.replace('grpc://', 'http://');
    const sessionManager = new Http2SessionManager(baseUrl);
    const asked = await ask(createGrpcTransport({ baseUrl, sessionManager }));
    sessionManager.abort();
    expect(asked).toMatchObject({
      state: 'AVAILABLE',
      input: { datatype: wanted.datatype, shape: [-1, 784] },
      unknown: { code: '5', details: wanted.unknown },
    });
    expect(asked.typed).toEqual(asked.raw);
    expectGoodScores(asked.raw);
    await stopOurs();
    expect(readRows(truthLog).map(({ id, batch, status }) => [id, batch, status])).toEqual([
      ['raw', String(images.length), '0'],
      ['typed', String(images.length), '0'],
      ['unknown', String(images.length), '5'],
    ]);
  }

  /** The code and the words of a call that must not succeed. */
  async function refusal(call: Promise<unknown>) {
    const error = ConnectError.from(await call.then(() => undefined).catch((reason: unknown) => reason));
    return { code: String(error.code), details: error.rawMessage };
  }

  const withId = (id: string) => ({ headers: { 'x-request-id': id } });
  const floats = (bytes: Uint8Array) => [...new Float32Array(Uint8Array.from(bytes).buffer)];

  it('TensorFlow Serving: Predict, GetModelMetadata, GetModelStatus', async () => {
    const unknown = 'Servable not found for request: Latest(other)';
    await expectGoodAnswers('tf-serving', { datatype: 1, unknown }, async (transport) => {
      const prediction = createClient(stubs.PredictionService, transport) as unknown as Calls<
        'predict' | 'getModelMetadata'
      >;
      const models = createClient(stubs.ModelService, transport) as unknown as Calls<'getModelStatus'>;
      const predict = async (values: object, id: string, name = 'mnist'): Promise<readonly number[]> => {
        const tensor = { dtype: 1, tensorShape: { dim: shape.map((size) => ({ size })) }, ...values };
        const modelSpec = { name, signatureName: 'predict_images' };
        const answer: { outputs: { scores: WireTensor } } = await prediction.predict(
          { modelSpec, inputs: { images: tensor } },
          withId(id),
        );
        const { tensorContent, floatVal } = answer.outputs.scores;
        return tensorContent.length > 0 ? floats(tensorContent) : floatVal;
      };
      const modelSpec = { name: 'mnist' };
      const status: { modelVersionStatus: { version: bigint; state: number }[] } = await models.getModelStatus({
        modelSpec,
      });
      const described: { metadata: { signature_def: never } } = await prediction.getModelMetadata({
        modelSpec,
        metadataField: ['signature_def'],
      });
      const signatures = anyUnpack(described.metadata.signature_def, stubs.SignatureDefMapSchema) as unknown as {
        signatureDef: Record<
          string,
          { inputs: { images: { dtype: number; tensorShape: { dim: { size: bigint }[] } } } }
        >;
      };
      const input = signatures.signatureDef.predict_images?.inputs.images;
      return {
        state: status.modelVersionStatus[0]?.state === 30 ? 'AVAILABLE' : JSON.stringify(status),
        input: {
          datatype: input?.dtype as number,
          shape: input?.tensorShape.dim.map(({ size }) => Number(size)) ?? [],
        },
        raw: await predict({ tensorContent: raw }, 'raw'),
        typed: await predict({ floatVal: typed }, 'typed'),
        unknown: await refusal(predict({ tensorContent: raw }, 'unknown', 'other')),
      };
    });
  });

  it('Open Inference Protocol: every method', async () => {
    const unknown = "Request for unknown model: 'other' is not found";
    await expectGoodAnswers('oip', { datatype: 'FP32', unknown }, async (transport) => {
      const service = createClient(stubs.GRPCInferenceService, transport) as unknown as Calls<
        'serverLive' | 'serverReady' | 'modelReady' | 'modelMetadata' | 'modelInfer'
      >;
      const infer = async (contents: object, id: string, more: object = {}): Promise<readonly number[]> => {
        const input = { name: 'images', datatype: 'FP32', shape, ...contents };
        const answer: { outputs: { contents?: { fp32Contents: number[] } }[]; rawOutputContents: Uint8Array[] } =
          await service.modelInfer({ modelName: 'mnist', inputs: [input], ...more }, withId(id));
        const [bytes] = answer.rawOutputContents;
        return bytes ? floats(bytes) : (answer.outputs[0]?.contents?.fp32Contents ?? []);
      };
      expect(await service.serverLive({})).toMatchObject({ live: true });
      expect(await service.serverReady({})).toMatchObject({ ready: true });
      const { ready }: { ready: boolean } = await service.modelReady({ name: 'mnist' });
      const { inputs }: { inputs: { datatype: string; shape: bigint[] }[] } = await service.modelMetadata({
        name: 'mnist',
      });
      return {
        state: ready ? 'AVAILABLE' : 'NOT READY',
        input: { datatype: inputs[0]?.datatype ?? '', shape: inputs[0]?.shape.map(Number) ?? [] },
        raw: await infer({}, 'raw', { rawInputContents: [raw] }),
        typed: await infer({ contents: { fp32Contents: typed } }, 'typed'),
        unknown: await refusal(infer({}, 'unknown', { modelName: 'other', rawInputContents: [raw] })),
      };
    });
  });
});
