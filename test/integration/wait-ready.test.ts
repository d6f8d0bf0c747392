import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { PROTOCOLS } from '../../src/protocols/index.js';
import type { ProtocolKind } from '../../src/protocols/protocol.js';
import { type RunningServer, type ServerKind, startServer } from '../../src/server/index.js';
import { waitReady } from '../../src/spec/ask.js';
import type { Endpoint } from '../../src/spec/endpoint.js';
import { questionsOf } from '../../src/spec/learning.js';
import { readRunSpec } from '../../src/spec/run-spec.js';
import { US_PER_S } from '../../src/units.js';

/** What each protocol asks to see whether its server is ready. */
const QUESTIONS: readonly (readonly [protocol: string, path: string])[] = [
  ['sentiment', '/?query=ready'],
  ['predict', '/health'],
  ['tf-serving-rest', '/v1/models/mnist'],
  ['tf-serving-grpc', '/tensorflow.serving.ModelService/GetModelStatus'],
  ['oip-rest', '/v2/models/mnist/ready'],
  ['oip-grpc', '/inference.GRPCInferenceService/ModelReady'],
  ['torchserve', '/ping'],
  ['openai-chat', '/v1/models'],
  ['openai-completions', '/v1/models'],
  ['openai-embeddings', '/v1/models'],
  ['http', '/'],
  ['grpc', '/grpc.health.v1.Health/Check'],
];

const servers: RunningServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

describe.each(QUESTIONS)('%s', (name, path) => {
  it(`asks ${path}, and the embedded server is ready`, async () => {
    const kind = PROTOCOLS[name] as ProtocolKind;
    const server = await startServer(kind.server as ServerKind, { host: '127.0.0.1', port: 0, grpcPort: 0 });
    servers.push(server);
    const url = String(server.endpoints[kind.via]);
    const spec = readRunSpec({ operands: [url], given: new Map([['protocol', [name]]]), problems: [], cwd: '/' });
    const { readiness } = await questionsOf(spec);
    expect(readiness?.request.path).toBe(path);
    const target = await waitReady({
      spec,
      readiness,
      endpoint: spec.endpoint as Endpoint,
      clock: systemClock(),
      limitUs: 10 * US_PER_S,
      stop: new AbortController().signal,
    });
    expect(target?.address).toBe('127.0.0.1');
  });
});

describe('waiting', () => {
  it('ends when it is stopped', async () => {
    const spec = readRunSpec({ operands: ['127.0.0.1:9'], given: new Map(), problems: [], cwd: '/' });
    const stop = new AbortController();
    const endpoint = spec.endpoint as Endpoint;
    const waiting = waitReady({
      spec,
      readiness: undefined,
      endpoint,
      clock: systemClock(),
      limitUs: 60 * US_PER_S,
      stop: stop.signal,
    });
    stop.abort();
    expect(await waiting).toBeUndefined();
  });
});
