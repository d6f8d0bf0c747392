import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/index.js';

type Methods = Readonly<Record<string, MethodDefinition<object, object>>>;

const load = (file: string, service: string) =>
  loadSync(file, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
    bytes: Buffer,
    includeDirs: [new URL('../../protos', import.meta.url).pathname],
  })[service] as Methods;

const health = load('grpc/health/v1/health.proto', 'grpc.health.v1.Health');

const KINDS = [
  ['oip', ['inference.GRPCInferenceService'], 'inference/inference.proto'],
  [
    'tf-serving',
    ['tensorflow.serving.PredictionService', 'tensorflow.serving.ModelService'],
    'tensorflow_serving/prediction_service.proto',
  ],
] as const;

describe.each(KINDS)('the gRPC port of %s', (kind, services, file) => {
  let server: RunningServer;
  let client: Client;
  beforeAll(async () => {
    server = await startServer(kind, { host: '127.0.0.1', port: 0, grpcPort: 0 });
    client = new Client((server.endpoints.grpc as string).replace('grpc://', ''), credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    await server.close();
  });

  const check = (service: string) =>
    new Promise<object>((resolve) => {
      const { path, requestSerialize, responseDeserialize } = health.Check as MethodDefinition<object, object>;
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { service },
        (error: ServiceError | null, answer) => resolve(error ? { code: error.code } : (answer as object)),
      );
    });

  it('says that it is healthy as a whole and service by service', async () => {
    for (const service of ['', ...services, 'grpc.health.v1.Health']) {
      expect(await check(service), service).toEqual({ status: 'SERVING' });
    }
    expect(await check('no.Such')).toEqual({ code: 5 });
  });

  it.each([
    ['', 'SERVING'],
    ['no.Such', 'SERVICE_UNKNOWN'],
  ])('tells who watches "%s" that it is %s, and goes on', async (service, status) => {
    const { path, requestSerialize, responseDeserialize } = health.Watch as MethodDefinition<object, object>;
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
    const ended = new Promise((resolve) => call.once('error', resolve));
    const messages: object[] = [];
    await new Promise<void>((resolve) =>
      call.on('data', (message: object) => {
        messages.push(message);
        resolve();
      }),
    );
    expect(messages).toEqual([{ status }]);
    call.cancel();
    expect(((await ended) as ServiceError).code).toBe(1);
  });

  describe.each(['v1', 'v1alpha'])('by reflection %s', (version) => {
    const reflection = load(
      `grpc/reflection/${version}/reflection.proto`,
      `grpc.reflection.${version}.ServerReflection`,
    );

    /** Asks several questions in one call, as clients do. */
    function ask(...questions: readonly object[]): Promise<readonly Record<string, never>[]> {
      const method = reflection.ServerReflectionInfo as MethodDefinition<object, object>;
      const call = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
      const answers: Record<string, never>[] = [];
      return new Promise((resolve, reject) => {
        call.on('data', (answer: Record<string, never>) => answers.push(answer));
        call.once('error', reject);
        call.once('end', () => resolve(answers));
        for (const question of questions) {
          call.write(question);
        }
        call.end();
      });
    }

    it('names its services', async () => {
      const [answer] = await ask({ host: 'here', list_services: '*' });
      expect(answer).toMatchObject({ valid_host: 'here', original_request: { list_services: '*' } });
      const named = answer?.list_services_response as unknown as { service: readonly { name: string }[] };
      expect(named.service.map(({ name }) => name).sort()).toEqual(
        [
          ...services,
          'grpc.health.v1.Health',
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
        ].sort(),
      );
    });

    it('gives the files of a symbol, whose types another implementation resolves', async () => {
      const symbols = [services[0], `${services[0]}.${kind === 'oip' ? 'ModelInfer' : 'Predict'}`];
      const answers = await ask(...symbols.map((symbol) => ({ file_containing_symbol: symbol })), {
        file_by_filename: file,
      });
      expect(answers.length).toBe(3);
      for (const answer of answers) {
        const { file_descriptor_proto: files } = answer.file_descriptor_response as unknown as {
          readonly file_descriptor_proto: readonly Buffer[];
        };
        const decoded = files.map((bytes) => descriptor.FileDescriptorProto.decode(bytes));
        expect(decoded[0]).toMatchObject({ name: file, syntax: 'proto3' });
        const { Root } = protobuf as unknown as { Root: { fromDescriptor(set: object): protobuf.Root } };
        expect(Root.fromDescriptor({ file: decoded }).lookupService(services[0]).methodsArray.length).toBeGreaterThan(
          4,
        );
      }
    });

    it('says what it does not have', async () => {
      const answers = await ask(
        { file_containing_symbol: 'no.Such' },
        { file_by_filename: 'no/such.proto' },
        { file_containing_extension: { containing_type: 'a.B', extension_number: 1 } },
        { all_extension_numbers_of_type: 'no.Such' },
        {},
      );
      expect(
        answers.map(({ error_response: error }) => (error as { error_code?: number } | undefined)?.error_code),
      ).toEqual([5, 5, 5, 5, 3]);
    });
  });
});
