import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { BenchError } from '../../../src/errors.js';
import { readFlags } from '../../../src/flags.js';
import { grpc } from '../../../src/protocols/grpc.js';
import type { Ask, CreateOptions, Protocol, Questions, WireRequest } from '../../../src/protocols/protocol.js';
import { fileDescriptors } from '../../../src/server/descriptors.js';
import { refused, reply } from '../../support/replies.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/protos', import.meta.url));
const ZOO = { proto: join(FIXTURES, 'zoo/keeper.proto'), 'proto-path': FIXTURES };

type Words = Readonly<Record<string, string | readonly string[]>>;

function valuesOf(words: Words) {
  const problems: string[] = [];
  const given = new Map(Object.entries(words).map(([name, word]) => [name, typeof word === 'string' ? [word] : word]));
  const values = readFlags(grpc.flags, given, problems);
  expect(problems).toEqual([]);
  return values;
}

function make(words: Words, options: CreateOptions = { headers: {} }): Promise<Protocol> {
  return grpc.create(valuesOf({ ...ZOO, ...words }), '', options);
}

const row = (columns: Readonly<Record<string, unknown>> = {}): Item => ({ kind: 'row', columns });

async function problem(words: Words, item = row()): Promise<string> {
  const error = await make(words)
    .then((protocol) => protocol.encode([item]))
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(BenchError);
  expect((error as BenchError).kind).toBe('usage');
  return (error as BenchError).message;
}

describe('a request', () => {
  it('is the message of its JSON, filled from the row, with metadata', async () => {
    const protocol = await make(
      { call: 'zoo.Keeper/Feed', body: '{"name":"{{name}}","weightsG":{{weights}}}' },
      { headers: { 'x-id': '{{name}}' } },
    );
    expect(protocol.encode([row({ name: 'A', weights: [1, 2, 3] })])).toEqual({
      method: 'POST',
      path: '/zoo.Keeper/Feed',
      headers: { 'x-id': 'A' },
      // By hand: field 1, one byte; field 3, three bytes packed.
      body: Buffer.from('0a01411a03010203', 'hex'),
      batch: 1,
    });
    expect([protocol.endpoints, protocol.lane]).toEqual([['Feed'], undefined]);
  });

  it('without a body is the empty message', async () => {
    expect((await make({ call: '/zoo.Keeper.Feed' })).encode([row()]).body?.length).toBe(0);
  });

  it('to a method that streams says so, and goes by the lane that can', async () => {
    const protocol = await make({ call: 'zoo.Keeper/Watch', 'endpoint-name': 'zoo' });
    expect(protocol.encode([row()]).stream).toBe(true);
    expect([protocol.endpoints, protocol.lane]).toEqual([['zoo'], 'library']);
  });

  it.each([
    [
      { call: 'zoo.Keeper/Drive' },
      'Cannot call --call zoo.Keeper/Drive: it takes a stream of requests; wanted a unary or',
    ],
    [
      { call: 'zoo.Keeper/Fed' },
      'Cannot find the method of --call zoo.Keeper/Fed: the service has Feed, Watch, Drive (did you mean Feed?)',
    ],
    [{ call: 'zoo.Keeper/Feed', body: '{' }, 'Cannot read --body: not JSON: '],
    [
      { call: 'zoo.Keeper/Feed', body: '{"nmae":1}' },
      'Cannot read --body: $: no field "nmae" in the message zoo.Animal',
    ],
    [
      { call: 'zoo.Keeper/Feed', body: '{"name":"{{x}}"}' },
      'Cannot fill {{x}} of --body: the dataset has the columns name',
    ],
    [
      { call: 'zoo.Keeper/Feed', expect: ['$.foot'] },
      'Cannot read --expect $.foot: the path: no field "foot" in the message zoo.Meal',
    ],
    [{}, 'Cannot use --protocol grpc without --call'],
  ] as readonly (readonly [Words, string])[])('with %j is an error before any load', async (words, message) => {
    expect(await problem(words, row({ name: 'A' }))).toContain(message);
  });

  it('names its method in a form that is checked', () => {
    const problems: string[] = [];
    readFlags(grpc.flags, new Map([['call', ['Feed']]]), problems);
    expect(problems[0]).toContain('must be a method such as');
  });
});

describe('an answer', () => {
  const meal = Buffer.from('0a03686179', 'hex');
  const animals = [Buffer.from('0a0141', 'hex'), Buffer.alloc(0), Buffer.from('0a0142', 'hex')];

  it.each([
    [[], meal, 'ok'],
    [['$.food=hay'], meal, 'ok'],
    [['$.food=straw'], meal, 'wrong_output'],
    [['$.eaters[0]'], meal, 'wrong_output'],
    [[], Buffer.from('0aff', 'hex'), 'decode_error'],
  ])('%j of %s is %s', async (expected, body, outcome) => {
    const protocol = await make({ call: 'zoo.Keeper/Feed', expect: expected });
    expect(protocol.decode({ status: 0, headers: {}, body }, protocol.encode([row()])).outcome).toBe(outcome);
  });

  it('that is a stream is read message by message, with the time of each', async () => {
    const protocol = await make({ call: 'zoo.Keeper/Watch', expect: ['$.name'] });
    const request = protocol.encode([row()]);
    const pieces = { endBytes: [3, 3, 6], atUs: [100, 150, 400] };
    const answer = { status: 0, headers: {}, body: Buffer.concat(animals), pieces };
    expect(protocol.decode(answer, request)).toEqual({
      outcome: 'ok',
      chunks: 3,
      firstTokenUs: 100,
      lastTokenUs: 400,
      gapsUs: [50, 250],
    });
  });

  it.each([
    ['$.name=A', { endBytes: [3, 6], atUs: [1, 2] }, 'wrong_output', 'Message 1: Expected $.name=A: got "B"'],
    ['$.name', { endBytes: [2, 6], atUs: [1, 2] }, 'decode_error', 'Message 0: Not a Animal: '],
    ['$.name', { endBytes: [], atUs: [] }, 'wrong_output', 'Expected messages, got an empty stream'],
  ])('that is a stream, expected %s, is found wrong', async (expected, pieces, outcome, detail) => {
    const protocol = await make({ call: 'zoo.Keeper/Watch', expect: [expected] });
    const body = Buffer.from('0a01410a0142', 'hex');
    const decoded = protocol.decode({ status: 0, headers: {}, body, pieces }, protocol.encode([row()]));
    expect(decoded.outcome).toBe(outcome);
    expect(decoded.detail).toContain(detail);
  });
});

/** A server that answers reflection by hand-made messages: response field 4 holds files, 6 a list of services, 7 an error. */
function reflectionServer(answers: Readonly<Record<string, Buffer>>, version = 'v1') {
  const asked: string[] = [];
  const ask: Ask = async (request: WireRequest) => {
    if (!request.path.startsWith(`/grpc.reflection.${version}.`)) {
      return { status: 12, response: undefined, detail: 'unknown service' };
    }
    const body = request.body as Buffer;
    // One field with one text: number, length, text.
    const key = `${(body[0] as number) >>> 3} ${body.toString('utf8', 2)}`;
    asked.push(key);
    return { status: 0, response: { status: 0, headers: {}, body: answers[key] ?? field(7, field(1, 5)) }, detail: '' };
  };
  return { ask, asked };
}

function field(number: number, value: Uint8Array | number): Buffer {
  if (typeof value === 'number') {
    return Buffer.of(number << 3, value);
  }
  const size = value.length < 128 ? [value.length] : [(value.length & 127) | 128, value.length >>> 7];
  return Buffer.concat([Buffer.of((number << 3) | 2, ...size), value]);
}

const questions = async (words: Words): Promise<Questions> => (await grpc.questions?.(valuesOf(words), '')) ?? {};

describe('readiness', () => {
  it('is what the health service says of the server', async () => {
    const { readiness } = await questions({ call: 'a.S/M' });
    expect(readiness?.request.path).toBe('/grpc.health.v1.Health/Check');
    expect(readiness?.read(reply(Buffer.of(8, 1)))).toEqual({ value: true });
    expect(readiness?.read(reply(Buffer.of(8, 2)))).toEqual({ problem: 'The server says that it is NOT_SERVING' });
    expect(readiness?.read(reply(Buffer.of(255)))?.problem).toContain('Not an answer to');
  });

  it('is there where the server answers that it has no such service', async () => {
    const { readiness } = await questions({ call: 'a.S/M' });
    expect([5, 12, 14].map((code) => readiness?.read(refused(code, 'gRPC error')).problem)).toEqual([
      undefined,
      undefined,
      'gRPC error',
    ]);
  });
});

describe('server reflection', () => {
  const files = fileDescriptors(['inference/inference.proto', 'grpc/health/v1/health.proto']);
  const bytesOf = (name: string) => files.find((file) => file.name === name)?.bytes as Buffer;
  const oip = bytesOf('inference/inference.proto');
  const list = field(6, field(1, field(1, Buffer.from('inference.GRPCInferenceService'))));
  const call = 'inference.GRPCInferenceService/ModelReady';
  const found = { '7 *': list, '4 inference.GRPCInferenceService': field(4, field(1, oip)) };

  it('is asked where there is no file', async () => {
    expect((await questions({ call })).definitions).toBeDefined();
    expect((await questions({ call, ...ZOO })).definitions).toBeUndefined();
  });

  it.each(['v1', 'v1alpha'])('of %s gives the definitions', async (version) => {
    const { ask } = reflectionServer(found, version);
    const learned = await (await questions({ call })).definitions?.(ask);
    const protocol = await grpc.create(valuesOf({ call, body: '{"name":"m"}' }), '', { headers: {}, learned });
    expect(protocol.encode([row()]).body?.toString('hex')).toBe('0a016d');
  });

  it('is asked for each import that did not come along', async () => {
    const outer = Buffer.concat([field(1, Buffer.from('a.proto')), field(3, Buffer.from('b.proto'))]);
    const inner = field(1, Buffer.from('b.proto'));
    const { ask, asked } = reflectionServer({
      '7 *': list,
      '4 a.S': field(4, field(1, outer)),
      '3 b.proto': field(4, field(1, inner)),
    });
    expect(await (await questions({ call: 'a.S/M' })).definitions?.(ask)).toEqual([outer, inner]);
    expect(asked).toEqual(['7 *', '4 a.S', '3 b.proto']);
  });

  const failing = async (ask: Ask, method = call): Promise<BenchError> => {
    const error = await (await questions({ call: method })).definitions?.(ask).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(BenchError);
    return error as BenchError;
  };

  it('that is not there, or has no such service, is an error of usage', async () => {
    const none = await failing(async () => ({ status: 12, response: undefined, detail: 'x' }));
    expect([none.kind, none.message]).toEqual([
      'usage',
      'Cannot learn the methods of the server: it has no server reflection',
    ]);
    expect(none.hint).toContain('--proto FILE');
    const other = await failing(reflectionServer({ '7 *': list }).ask, 'inference.Grpc/X');
    expect([other.kind, other.message]).toEqual([
      'usage',
      'Cannot find the service of --call inference.Grpc: there is inference.GRPCInferenceService',
    ]);
  });

  it('that cannot be asked is an unreachable server', async () => {
    const error = await failing(async () => ({ status: undefined, response: undefined, detail: 'connect_reset\n' }));
    expect([error.kind, error.message]).toEqual([
      'unreachable',
      'Cannot ask the server for its definitions: connect_reset\\x0a',
    ]);
  });
});
