import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningServer, type ServerKind, type ServerOptions, startServer } from '../../src/server/index.js';
import { type Behaviour, PLAIN_BEHAVIOUR } from '../../src/server/service.js';

let directory: string;
const servers: RunningServer[] = [];
const clients: Client[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'server-service-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.close();
  }
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(directory, { recursive: true });
});

async function start(kind: ServerKind, behaviour: Partial<Behaviour>, options: Partial<ServerOptions> = {}) {
  const truthLog = join(directory, 'truth.csv');
  const server = await startServer(kind, {
    host: '127.0.0.1',
    port: 0,
    grpcPort: 0,
    truthLog,
    behaviour: { ...PLAIN_BEHAVIOUR, ...behaviour },
    ...options,
  });
  servers.push(server);
  const { http, grpc } = server.endpoints;
  const client = grpc && new Client(grpc.replace('grpc://', ''), credentials.createInsecure());
  if (client) {
    clients.push(client);
  }
  return {
    ask: (path: string, init: RequestInit = {}) => fetch(http + path, init),
    port: Number(new URL(http).port),
    client: client as Client,
    async metric(name: string) {
      const text = await (await fetch(`${http}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`infer_bench_${name} `));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    },
    /** Status and batch of each row, once the server has written all. */
    async truth() {
      await Promise.all(servers.splice(0).map((one) => one.close()));
      const [, ...lines] = readFileSync(truthLog, 'utf8').trimEnd().split('\n');
      return lines.map((line) => line.split(',').slice(3).join(' '));
    },
  };
}

const SERVICE_1_S = { kind: 'linear', baseUs: 1_000_000, perItemUs: 0 } as const;
const CACHE = { ttlUs: 60_000_000, maxEntries: 100 };

const images = (count: number) => Array.from({ length: count }, () => new Array(784).fill(0.5));
const oipInput = (count: number) => ({ name: 'images', shape: [count, 784], datatype: 'FP32' });

/** A good inference request of so many items for each kind that takes them over REST. */
const REQUESTS: readonly (readonly [ServerKind, string, (items: number) => string | undefined])[] = [
  ['sentiment', '/?query=good', () => undefined],
  ['predict', '/predict', (items) => JSON.stringify({ text: new Array(items).fill('good') })],
  [
    'tf-serving',
    '/v1/models/mnist:predict',
    (items) => JSON.stringify({ signature_name: 'predict_images', instances: images(items) }),
  ],
  [
    'oip',
    '/v2/models/mnist/infer',
    (items) => JSON.stringify({ inputs: [{ ...oipInput(items), data: images(items).flat() }] }),
  ],
  ['torchserve', '/predictions/mnist', (items) => JSON.stringify(images(items))],
];

const post = (body: string | undefined): RequestInit => (body === undefined ? {} : { method: 'POST', body });

const PROTOS = { includeDirs: [new URL('../../protos', import.meta.url).pathname], keepCase: true, longs: Number };
const oip = loadSync('inference/inference.proto', { ...PROTOS, defaults: true })[
  'inference.GRPCInferenceService'
] as Record<string, MethodDefinition<object, object>>;
const tensorflow = loadSync('tensorflow_serving/prediction_service.proto', PROTOS)[
  'tensorflow.serving.PredictionService'
] as Record<string, MethodDefinition<object, object>>;

const CALLS: readonly (readonly [ServerKind, MethodDefinition<object, object>, (items: number) => object])[] = [
  [
    'oip',
    oip.ModelInfer as MethodDefinition<object, object>,
    (items) => ({ model_name: 'mnist', inputs: [oipInput(items)], raw_input_contents: [Buffer.alloc(items * 3136)] }),
  ],
  [
    'tf-serving',
    tensorflow.Predict as MethodDefinition<object, object>,
    (items) => ({
      model_spec: { name: 'mnist', signature_name: 'predict_images' },
      inputs: {
        images: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: items }, { size: 784 }] }, float_val: [0.5] },
      },
    }),
  ],
];

interface CallEnd {
  readonly code: number;
  readonly details: string;
  readonly cache: string | undefined;
  readonly answer: object | undefined;
}

function call(client: Client, method: MethodDefinition<object, object>, request: object): Promise<CallEnd> {
  return new Promise((resolve) => {
    let cache: string | undefined;
    const { path, requestSerialize, responseDeserialize } = method;
    client
      .makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error: ServiceError | null, answer) =>
        resolve({ code: error?.code ?? 0, details: error?.details ?? '', cache, answer }),
      )
      .on('metadata', (metadata: Metadata) => {
        cache = metadata.get('x-mlapi-cache')[0]?.toString();
      });
  });
}

describe('the cache', () => {
  it.each(REQUESTS)('tells of misses and hits over REST: %s', async (kind, path, body) => {
    const { ask, metric, truth } = await start(kind, { cache: CACHE });
    const other = path.includes('?') ? `${path}x` : path;
    const asked = [
      [path, body(1)],
      [path, body(1)],
      [other, body(2)],
      [other, body(2)],
    ] as const;
    const answers = [];
    for (const [target, content] of asked) {
      const response = await ask(target, post(content));
      answers.push({ status: response.status, headers: response.headers, text: await response.text() });
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(answers.map(({ headers }) => headers.get('x-mlapi-cache'))).toEqual(['Miss', 'Hit', 'Miss', 'Hit']);
    expect(answers[1]?.text).toBe(answers[0]?.text);
    expect(answers[3]?.text).toBe(answers[2]?.text);
    expect(answers[2]?.text).not.toBe(answers[0]?.text);
    const [miss, hit, another] = answers.map(({ headers }) => headers);
    expect(miss?.get('cache-control')).toBe('max-age=60');
    expect(hit?.get('cache-control')).toMatch(/^max-age=(60|5\d)$/);
    expect(Date.parse(hit?.get('expires') as string)).toBeGreaterThan(Date.now());
    expect(hit?.get('etag')).toMatch(/^W\/\d+$/);
    expect(hit?.get('etag')).toBe(miss?.get('etag'));
    expect(another?.get('etag')).not.toBe(miss?.get('etag'));
    expect(await metric(`cache_hits_total{server="${kind}"}`)).toBe(2);
    expect(await metric(`cache_misses_total{server="${kind}"}`)).toBe(2);
    // The truth log has the items of a hit, too.
    const items = path.includes('?') ? [1, 1, 1, 1] : [1, 1, 2, 2];
    expect(await truth()).toEqual(items.map((count) => `${count} 200`));
  });

  it.each(CALLS)('tells of them in the metadata over gRPC: %s', async (kind, method, request) => {
    const { client, truth } = await start(kind, { cache: CACHE });
    const ends = [];
    for (const items of [1, 1, 2]) {
      ends.push(await call(client, method, request(items)));
    }
    expect(ends.map(({ code, cache }) => [code, cache])).toEqual([
      [0, 'Miss'],
      [0, 'Hit'],
      [0, 'Miss'],
    ]);
    expect(ends[1]?.answer).toEqual(ends[0]?.answer);
    expect(await truth()).toEqual(['1 0', '1 0', '2 0']);
  });

  it('says nothing where there is none, and of wrong requests', async () => {
    const plain = await start('predict', {});
    const good = post('{"text":["x"]}');
    expect((await plain.ask('/predict', good)).headers.get('x-mlapi-cache')).toBeNull();
    await plain.truth();
    rmSync(join(directory, 'truth.csv'));
    const cached = await start('predict', { cache: CACHE });
    const wrong = await cached.ask('/predict', post('{"text":1}'));
    expect([wrong.status, wrong.headers.get('x-mlapi-cache')]).toEqual([422, null]);
    expect((await cached.ask('/health')).headers.get('x-mlapi-cache')).toBeNull();
  });
});

describe('an answer that streams', () => {
  const chat = (stream: boolean) =>
    post(JSON.stringify({ model: 'babble', stream, messages: [{ role: 'user', content: 'x' }] }));

  it('is the same from the cache, all at once', async () => {
    const { ask, truth } = await start('openai', { cache: CACHE });
    for (const stream of [true, false]) {
      const [first, second] = [
        await ask('/v1/chat/completions', chat(stream)),
        await ask('/v1/chat/completions', chat(stream)),
      ];
      expect([first, second].map((response) => response.headers.get('x-mlapi-cache'))).toEqual(['Miss', 'Hit']);
      expect(await second.text()).toBe(await first.text());
    }
    expect(await truth()).toEqual(['1 200', '1 200', '1 200', '1 200']);
  });
});

describe('slots and queue', () => {
  it.each([
    ['predict', 503, 503],
    ['predict', 429, 429],
  ] as const)('of %s with overload %d refuse over REST what finds them full', async (kind, overload, status) => {
    const limits = { serviceTime: SERVICE_1_S, concurrency: 1, queueLimit: 1 };
    const { ask, metric, truth } = await start(kind, limits, { overload });
    const body = post('{"text":["x"]}');
    const first = ask('/predict', body);
    await expect.poll(() => metric('requests_in_service{server="predict"}')).toBe(1);
    const second = ask('/predict', body);
    await expect.poll(() => metric('queue_depth{server="predict"}')).toBe(1);
    const third = await ask('/predict', body);
    expect([third.status, await third.json()]).toEqual([status, { detail: 'The queue is full' }]);
    expect((await Promise.all([first, second])).map((response) => response.status)).toEqual([200, 200]);
    expect(await metric('refused_total{server="predict"}')).toBe(1);
    expect(await metric(`requests_total{via="http",endpoint="/predict",code="${status}"}`)).toBe(1);
    expect(await truth()).toEqual([`0 ${status}`, '1 200', '1 200']);
  });

  it.each([
    ['UNAVAILABLE', 503, 14],
    ['RESOURCE_EXHAUSTED', 429, 8],
  ] as const)('refuse over gRPC with %s', async (_name, overload, code) => {
    const limits = { serviceTime: SERVICE_1_S, concurrency: 1, queueLimit: 0 };
    const { client, metric } = await start('oip', limits, { overload });
    const [, method, request] = CALLS[0] as (typeof CALLS)[number];
    const first = call(client, method, request(1));
    await expect.poll(() => metric('requests_in_service{server="oip"}')).toBe(1);
    expect(await call(client, method, request(1))).toMatchObject({ code, details: 'The queue is full' });
    expect((await first).code).toBe(0);
  });

  it('are shared by REST and gRPC, which are served in one batch', async () => {
    const serviceTime = { kind: 'linear', baseUs: 100_000, perItemUs: 0 } as const;
    const batching = { serviceTime, concurrency: 1, maxBatch: 4, batchTimeoutUs: 30_000_000 };
    const { ask, client, metric } = await start('oip', batching);
    const [, method, request] = CALLS[0] as (typeof CALLS)[number];
    const [, path, body] = REQUESTS.find(([kind]) => kind === 'oip') as (typeof REQUESTS)[number];
    const [rest, grpc] = await Promise.all([ask(path, post(body(1))), call(client, method, request(3))]);
    expect([rest.status, grpc.code]).toEqual([200, 0]);
    expect(await metric('batch_items_sum{server="oip"}')).toBe(4);
    expect(await metric('batch_items_count{server="oip"}')).toBe(1);
  });
});

describe('a service time', () => {
  it('is never cut short: what the server logs is at least as long', async () => {
    const serviceTime = { kind: 'linear', baseUs: 30_000, perItemUs: 10_000 } as const;
    const { ask } = await start('predict', { serviceTime });
    await Promise.all(
      [1, 2, 3].map((items) => ask('/predict', post(JSON.stringify({ text: new Array(items).fill('') })))),
    );
    await Promise.all(servers.splice(0).map((one) => one.close()));
    const [, ...lines] = readFileSync(join(directory, 'truth.csv'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const [, receivedNs, sentNs, batch] = line.split(',').map(Number) as [number, number, number, number];
      expect((sentNs - receivedNs) / 1e6).toBeGreaterThanOrEqual(30 + 10 * batch - 0.01);
    }
  });
});

describe('faults on request', () => {
  it('are errors', async () => {
    const { ask, metric, truth } = await start('predict', { errorRatio: 1 });
    const response = await ask('/predict', post('{"text":["x"]}'));
    expect([response.status, await response.json()]).toEqual([500, { detail: 'An error on request' }]);
    expect((await ask('/health')).status).toBe(200);
    expect(await metric('faults_total{server="predict",kind="error"}')).toBe(1);
    expect(await truth()).toEqual(['0 500']);
  });

  it('are errors over gRPC', async () => {
    const { client } = await start('tf-serving', { errorRatio: 1 });
    const [, method, request] = CALLS[1] as (typeof CALLS)[number];
    expect(await call(client, method, request(1))).toMatchObject({ code: 13, details: 'An error on request' });
  });

  it('are resets, which the client sees as such', async () => {
    const { port, ask, truth } = await start('sentiment', { resetRatio: 1 });
    const socket = connect(port, '127.0.0.1');
    const end = new Promise<string>((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      socket.once('end', () => resolve('end'));
    });
    socket.resume();
    socket.write('GET /?query=x HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await end).toBe('ECONNRESET');
    // Only inference is hit.
    expect((await ask('/metrics')).status).toBe(200);
    expect(await truth()).toEqual(['0 -1']);
  });

  it('are resets over gRPC', async () => {
    const { client, truth } = await start('oip', { resetRatio: 1 });
    const [, method, request] = CALLS[0] as (typeof CALLS)[number];
    expect((await call(client, method, request(1))).code).toBe(14);
    const rows = await truth();
    // The library may try again on its own.
    expect(rows.length).toBeGreaterThan(0);
    expect(new Set(rows)).toEqual(new Set(['0 -1']));
  });

  it('are slow bodies, which come whole in the end', async () => {
    const { ask, truth } = await start('sentiment', {}, { bodyBytesPerS: 500 });
    const response = await ask('/?query=good');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const chunks: Uint8Array[] = [];
    for (let next = await reader.read(); next.value; next = await reader.read()) {
      chunks.push(next.value);
    }
    const body = Buffer.concat(chunks);
    expect(body.length).toBe(Number(response.headers.get('content-length')));
    expect(JSON.parse(body.toString())).toHaveProperty('positive');
    expect(chunks.length).toBeGreaterThan(1);
    expect(await truth()).toEqual(['1 200']);
  });
});

describe('slow answers over gRPC', () => {
  it('leave whole, as much later as their bytes take', async () => {
    const { client } = await start('oip', {}, { bodyBytesPerS: 1_000 });
    const [, method, request] = CALLS[0] as (typeof CALLS)[number];
    const { code, answer } = await call(client, method, request(1));
    expect(code).toBe(0);
    await Promise.all(servers.splice(0).map((one) => one.close()));
    const [, line = ''] = readFileSync(join(directory, 'truth.csv'), 'utf8').split('\n');
    const [, receivedNs, sentNs] = line.split(',').map(Number) as [number, number, number];
    const bytes = method.responseSerialize(answer as object).length;
    expect(bytes).toBeGreaterThan(40);
    expect((sentNs - receivedNs) / 1e6).toBeGreaterThanOrEqual(bytes - 0.01);
  });

  it('are not waited for when nobody wants them any more', async () => {
    const { client, truth } = await start('oip', {}, { bodyBytesPerS: 1 });
    const [, { path, requestSerialize, responseDeserialize }, request] = CALLS[0] as (typeof CALLS)[number];
    // Time enough for a busy machine to hear of the request at all.
    const deadline = Date.now() + 2_000;
    const code = await new Promise<number | undefined>((resolve) =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request(1), { deadline }, (error) =>
        resolve(error?.code),
      ),
    );
    expect(code).toBe(4);
    // Well before the minute and more that it would take.
    expect(await truth()).toEqual(['1 1']);
  });
});

describe("the protocols' own statistics", () => {
  it('are the same over REST and gRPC, and grow by what was done', async () => {
    const serviceTime = { kind: 'linear', baseUs: 20_000, perItemUs: 0 } as const;
    const { ask, client } = await start('oip', { serviceTime, cache: CACHE });
    const [, method, request] = CALLS[0] as (typeof CALLS)[number];
    await call(client, method, request(3));
    await call(client, method, request(3));
    await call(client, method, { model_name: 'nope' });
    const { model_stats } = (await (await ask('/v2/models/mnist/stats')).json()) as { model_stats: object[] };
    expect(model_stats).toMatchObject([
      {
        name: 'mnist',
        version: '1',
        inference_count: 3,
        execution_count: 1,
        inference_stats: {
          success: { count: 2 },
          fail: { count: 1 },
          queue: { count: 1, ns: 0 },
          cache_hit: { count: 1 },
          cache_miss: { count: 2 },
        },
        batch_stats: [{ batch_size: 3, compute_infer: { count: 1 } }],
      },
    ]);
    const { answer } = await call(client, oip.ModelStatistics as MethodDefinition<object, object>, { name: 'mnist' });
    expect(answer).toEqual({ model_stats });
    const other = await call(client, oip.ModelStatistics as MethodDefinition<object, object>, { name: 'nope' });
    expect(other.code).toBe(5);
    const all = await call(client, oip.ModelStatistics as MethodDefinition<object, object>, {});
    expect(all.answer).toEqual({ model_stats });
  });
});

describe('all kinds at once', () => {
  it('answer on one REST port and one gRPC port, each with its own figures', async () => {
    const { ask, client, metric } = await start('all', { cache: CACHE });
    for (const [kind, path, body] of REQUESTS) {
      expect((await ask(path, post(body(1)))).status).toBe(200);
      expect(await metric(`items_total{server="${kind}"}`)).toBe(1);
    }
    for (const [, method, request] of CALLS) {
      expect((await call(client, method, request(2))).code).toBe(0);
    }
    expect(await metric('items_total{server="oip"}')).toBe(3);
    expect(await metric('items_total{server="tf-serving"}')).toBe(3);
    expect(await metric('items_total{server="sentiment"}')).toBe(1);
  });

  it('say what is wrong in the words of the kind whose path it is', async () => {
    const { ask } = await start('all', {});
    const said = async (path: string, init?: RequestInit) => {
      const response = await ask(path, init);
      return [response.status, await response.text()];
    };
    expect(await said('/predict')).toEqual([405, '{"detail":"Method Not Allowed"}']);
    expect(await said('/v2/models/nope')).toEqual([
      404,
      '{"error":"Request for unknown model: \'nope\' is not found"}',
    ]);
    expect((await said('/v1/models/nope'))[1]).toContain('Could not find any versions of model nope');
    expect(await said('/nowhere')).toEqual([404, 'Not Found\n']);
  });

  it('have no one answer to give', async () => {
    const options = { host: '127.0.0.1', port: 0, grpcPort: 0, fixedAnswer: true };
    await expect(startServer('all', options)).rejects.toThrow(
      'Cannot serve all kinds with --fixed-answer: there is one answer: name the kind',
    );
  });
});
