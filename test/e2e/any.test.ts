import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { type GrpcObject, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterEach, describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { closeServers, grpcServer, httpAnswer, httpServer, type SeenRequest, sleep } from '../support/servers.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/protos', import.meta.url));
const LOAD = ['--rate', '20', '--duration', '1s'];

afterEach(closeServers);

/** A server that keeps what it was sent, answers with a status, and has nothing else. */
async function recorder(status = 200, body = '{"label":"joy"}') {
  const seen: SeenRequest[] = [];
  const server = await httpServer((socket, request) => {
    seen.push(request);
    socket.write(httpAnswer(body, `HTTP/1.1 ${status} X\r\n`));
  });
  return { seen, server, url: `http://127.0.0.1:${server.port}` };
}

/** A service of the fixtures that another implementation serves, without reflection. */
async function keeper() {
  const loaded = loadPackageDefinition(loadSync('zoo/keeper.proto', { keepCase: true, includeDirs: [FIXTURES] }));
  const { service } = (loaded.zoo as GrpcObject).Keeper as ServiceClientConstructor;
  const asked: object[] = [];
  const server = await grpcServer(service, {
    Feed: (call: { request: object }, callback: (error: null, meal: object) => void) => {
      asked.push(call.request);
      callback(null, { food: 'hay', lasts: { seconds: 90, nanos: 0 } });
    },
    async Watch(call: ServerWritableStream<{ messages: number; gap_ms: number }, object>) {
      for (let message = 0; message < call.request.messages; message++) {
        call.write({ name: `animal ${message}` });
        await sleep(call.request.gap_ms);
      }
      call.end();
    },
  });
  return { asked, url: `grpc://127.0.0.1:${server.port}` };
}

const PROTO = ['--proto', join(FIXTURES, 'zoo/keeper.proto'), '--proto-path', FIXTURES];

describe('http', () => {
  it('sends what was written, filled from the dataset, and the statuses that were expected are fine', async () => {
    const cwd = newDirectory();
    const { seen, url } = await recorder(404);
    writeFileSync(join(cwd, 'body.json'), '{"t": "{{text}}"}');
    const words = [
      '--method',
      'PUT',
      '--body',
      '@body.json',
      '--header',
      'x-text: {{text}}',
      '--expect',
      '$.label=joy',
    ];
    const more = ['--dataset', 'data.csv', '--expect-status', '201,404', '--endpoint-name', 'score', '--out', 'r'];
    writeFileSync(join(cwd, 'data.csv'), 'text\n"hello ""you"""\n');
    const end = await cli(['run', `${url}/v1?q={{text}}`, '--protocol', 'http', ...words, ...more, ...LOAD], { cwd });
    expect(end.stderr).not.toContain('error');
    const { summary, samples } = readRun(join(cwd, 'r'));
    expect(summary.counts.ok).toBe(summary.counts.planned);
    expect(samples.map(({ endpoint, status }) => `${endpoint} ${status}`)).toEqual(samples.map(() => 'score 404'));
    expect(seen.length).toBe(samples.length);
    for (const { method, path, headers, body } of seen) {
      expect([method, path, headers['x-text'], headers['content-type'], JSON.parse(String(body))]).toEqual([
        'PUT',
        '/v1?q=hello%20%22you%22',
        ['hello "you"'],
        ['application/json'],
        { t: 'hello "you"' },
      ]);
    }
  });

  it('needs no dataset, and finds answers that are not as expected', async () => {
    const cwd = newDirectory();
    const { seen, url } = await recorder();
    const end = await cli(['run', url, '--protocol', 'http', '--expect', '$.label=anger', '--out', 'r', ...LOAD], {
      cwd,
    });
    // Zero successes is no measurement.
    expect(end.code).toBe(4);
    const { samples, summary } = readRun(join(cwd, 'r'));
    expect(new Set(samples.map(({ outcome, origin }) => `${outcome} ${origin}`))).toEqual(
      new Set(['wrong_output target']),
    );
    expect(JSON.stringify(summary)).toContain('Expected $.label=anger: got \\"joy\\"');
    expect(new Set(seen.map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(['GET /']));
  });

  it('keeps bodies, header and query values out of every file', async () => {
    const cwd = newDirectory();
    const { seen, url } = await recorder();
    const [body, query, path, header] = ['SecretBody', 'SecretQuery', 'SecretPath', 'SecretHeader'];
    for (const [target, words] of [
      [`${url}/?key=${query}`, ['--body', `{"a":"${body}"}`, '--header', `x: ${header}`]],
      [url, ['--path', `/a?key=${path}`]],
    ] as const) {
      const end = await cli(['run', target, '--protocol', 'http', ...words, '--out', 'r', '--force', ...LOAD], { cwd });
      expect([end.code === 0 || end.code === 4, end.stdout + end.stderr]).toEqual([
        true,
        expect.not.stringContaining('Secret'),
      ]);
      for (const name of readdirSync(join(cwd, 'r'))) {
        expect(readFileSync(join(cwd, 'r', name), 'latin1'), name).not.toContain('Secret');
      }
      const again = await cli(['run', '-f', join(cwd, 'r', 'spec.yaml'), '--out', 'other'], { cwd });
      expect(again.code).toBe(2);
      expect(again.stderr).toContain('was masked when the spec was saved');
    }
    const sent = seen.map(({ path: target, headers, body: bytes }) => `${target} ${headers.x} ${bytes}`).join();
    for (const secret of [body, query, path, header]) {
      expect(sent).toContain(secret);
    }
  });
});

describe('grpc', () => {
  it('calls a method of a .proto file over our own lane, from two threads', async () => {
    const cwd = newDirectory();
    const { asked, url } = await keeper();
    const body = ['--body', '{"name":"{{text}}","scores":{"a":0.5}}', '--expect', '$.lasts=90s'];
    writeFileSync(join(cwd, 'data.csv'), 'text\nowl\n');
    const words = ['run', url, '--protocol', 'grpc', '--call', 'zoo.Keeper/Feed', ...PROTO, ...body];
    const end = await cli([...words, '--dataset', 'data.csv', '--workers', '2', '--out', 'r', ...LOAD], { cwd });
    expect(end.stderr).not.toContain('error');
    const { summary, samples, plan } = readRun(join(cwd, 'r'));
    expect(summary.counts.ok).toBe(summary.counts.planned);
    expect([plan.settings.transport, samples[0]?.endpoint]).toEqual(['wire', 'Feed']);
    expect(asked.length).toBe(samples.length);
    expect(asked[0]).toMatchObject({ name: 'owl', scores: { a: 0.5 } });
  });

  it('reads streams to their end and notes when messages came', async () => {
    const cwd = newDirectory();
    const { url } = await keeper();
    const words = ['--call', 'zoo.Keeper/Watch', ...PROTO, '--body', '{"messages":3,"gapMs":20}', '--expect', '$.name'];
    const end = await cli(['run', url, '--protocol', 'grpc', ...words, '--out', 'r', ...LOAD], { cwd });
    expect(end.stderr).not.toContain('error');
    const { summary, samples, plan } = readRun(join(cwd, 'r'));
    expect(summary.counts.ok).toBe(summary.counts.planned);
    expect(plan.settings.transport).toBe('library');
    for (const { first_token_us: firstUs, start_us: startUs, end_us: endUs, bytes_in: bytesIn } of samples) {
      expect(Number(firstUs)).toBeGreaterThanOrEqual(Number(startUs));
      expect(Number(endUs)).toBeGreaterThanOrEqual(Number(firstUs));
      expect(Number(bytesIn)).toBe(3 * 'xx12345678'.length);
    }
  });

  it.each([
    ['inference.GRPCInferenceService/ServerLive', '$.live=true'],
    ['grpc.health.v1.Health.Check', '$.status=SERVING'],
  ])('learns %s of our own server from it', async (call, expected) => {
    const cwd = newDirectory();
    const words = ['run', '--protocol', 'grpc', '--call', call, '--expect', expected, '--out', 'r', ...LOAD];
    const end = await cli(words, { cwd });
    expect(end.stderr).not.toContain('error');
    const { summary } = readRun(join(cwd, 'r'));
    expect(summary.counts.ok).toBe(summary.counts.planned);
  });
});

describe('what cannot be is said before any load', () => {
  const body = (text: string) => ['--body', text];
  const feed = ['--call', 'zoo.Keeper/Feed'];

  it.each([
    [
      'a placeholder without its column',
      [...feed, ...PROTO, ...body('{"name":"{{nam}}"}')],
      'Cannot fill {{nam}} of --body: there is no dataset',
    ],
    ['a body that is no JSON', [...feed, ...PROTO, ...body('name')], 'Cannot read --body: not JSON'],
    [
      'a field that the message has not',
      [...feed, ...PROTO, ...body('{"nam":"x"}')],
      'no field "nam" in the message zoo.Animal',
    ],
    ['a body that is not there', [...feed, ...PROTO, ...body('@no.json')], 'Cannot read --body @no.json: no such file'],
    [
      'an unknown method',
      ['--call', 'zoo.Keeper/Fed', ...PROTO],
      'the service has Feed, Watch, Drive (did you mean Feed?)',
    ],
    [
      'an unknown service',
      ['--call', 'zoo.Zoo/Feed', ...PROTO],
      'Cannot find the service of --call zoo.Zoo: there is zoo.Keeper',
    ],
    ['a client-streaming method', ['--call', 'zoo.Keeper/Drive', ...PROTO], 'it takes a stream of requests'],
    ['no method', PROTO, 'without --call'],
    [
      'a proto that imports outside of its roots',
      [...feed, '--proto', join(FIXTURES, 'bad/climbs.proto')],
      'which is outside of',
    ],
    [
      'a proto that is none',
      [...feed, '--proto', join(FIXTURES, 'bad/not-proto.proto')],
      'not in the language of .proto files',
    ],
    [
      'a stream over our own lane',
      ['--call', 'zoo.Keeper/Watch', ...PROTO, '--transport', 'wire'],
      'only --transport library carries streams',
    ],
    ['a server without reflection', feed, 'it has no server reflection'],
  ])('%s', async (_what, words, message) => {
    const { asked, url } = await keeper();
    const end = await cli(['run', url, '--protocol', 'grpc', ...words, ...LOAD]);
    expect([end.code, end.stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(asked).toEqual([]);
  });

  it('a server that is not there', async () => {
    const end = await cli(['run', 'grpc://127.0.0.1:1', '--protocol', 'grpc', ...feed, ...LOAD]);
    expect([end.code, end.stderr]).toEqual([3, expect.stringContaining('Cannot reach 127.0.0.1:1')]);
  });

  it('an unknown placeholder of http, with the columns there are', async () => {
    const cwd = newDirectory();
    writeFileSync(join(cwd, 'data.csv'), 'text\nx\n');
    const { seen, url } = await recorder();
    const words = ['run', url, '--protocol', 'http', '--dataset', 'data.csv', '--body', '{{txet}}', ...LOAD];
    const end = await cli(words, { cwd });
    expect([end.code, end.stderr]).toEqual([
      2,
      expect.stringContaining('Cannot fill {{txet}} of --body: the dataset has the columns text (did you mean text?)'),
    ]);
    expect(seen).toEqual([]);
  });
});
