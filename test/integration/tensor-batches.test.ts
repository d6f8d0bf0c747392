import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openDataset } from '../../src/datasets/index.js';
import { readFlags } from '../../src/flags.js';
import { PROTOCOLS } from '../../src/protocols/index.js';
import type { ProtocolKind } from '../../src/protocols/protocol.js';
import { type RunningServer, type ServerKind, startServer } from '../../src/server/index.js';
import { TRANSPORTS } from '../../src/transports/index.js';
import { ANY_CONNECTION } from '../../src/transports/transport.js';
import { US_PER_S } from '../../src/units.js';

/** Each way that tensors can go. */
const WAYS: readonly (readonly [protocol: string, flags: Readonly<Record<string, string>>])[] = [
  ['tf-serving-rest', {}],
  ['tf-serving-rest', { format: 'columnar' }],
  ['tf-serving-rest', { call: 'classify' }],
  ['tf-serving-rest', { call: 'regress' }],
  ['tf-serving-grpc', { encoding: 'raw' }],
  ['tf-serving-grpc', { encoding: 'typed' }],
  ['tf-serving-grpc', { call: 'classify' }],
  ['tf-serving-grpc', { call: 'regress' }],
  ['tf-serving-grpc', { call: 'multi-inference' }],
  ['oip-rest', { encoding: 'json' }],
  ['oip-rest', { encoding: 'binary' }],
  ['oip-grpc', { encoding: 'raw' }],
  ['oip-grpc', { encoding: 'typed' }],
  ['torchserve', {}],
];
const BATCHES = [1, 4, 64, 1024];
const SERVERS: readonly ServerKind[] = ['tf-serving', 'oip', 'torchserve'];

const digits = openDataset('digits', '/');
const servers = new Map<string, RunningServer>();

beforeAll(async () => {
  for (const kind of SERVERS) {
    servers.set(kind, await startServer(kind, { host: '127.0.0.1', port: 0, grpcPort: 0 }));
  }
});
afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.close()));
});

/** The answers to a batch of digits, sent and received for real. */
async function answersTo(
  name: string,
  flags: Readonly<Record<string, string>>,
  batch: number,
  lane: 'wire' | 'library',
) {
  const kind = PROTOCOLS[name] as ProtocolKind;
  const given = new Map(Object.entries(flags).map(([flag, word]) => [flag, [word]]));
  const protocol = await kind.create(readFlags(kind.flags, given, []), '');
  const items = Array.from({ length: batch }, (_, index) => digits.at(index % digits.size));
  const request = protocol.encode(items);
  const url = new URL(String(servers.get(String(kind.server))?.endpoints[kind.via]).replace(/^grpc/, 'http'));
  const clock = systemClock();
  const transport = (await TRANSPORTS[kind.via][lane]())({
    target: { secure: false, host: url.hostname, port: Number(url.port), address: url.hostname },
    clock,
    headers: {},
    requestIds: false,
    maxConnections: 1,
    requests: [request],
  });
  try {
    return await new Promise<{ readonly bytes: number; readonly answers: readonly unknown[] }>((resolve, reject) => {
      const slip = { seq: 0, connection: ANY_CONNECTION, deadlineUs: clock.nowUs() + 30 * US_PER_S };
      transport.send(request, slip, ({ outcome, detail, response }) => {
        const decoded = response && protocol.decode(response, request);
        if (!response || decoded?.outcome !== 'ok') {
          reject(new Error(`${outcome} ${detail} ${decoded?.outcome} ${decoded?.detail}`));
          return;
        }
        resolve({ bytes: request.body?.length ?? 0, answers: protocol.answers?.(response, request) ?? [] });
      });
    });
  } finally {
    await transport.close();
  }
}

describe.each(WAYS)('%s %j', (name, flags) => {
  it.each(BATCHES)('carries a batch of %d', async (batch) => {
    const { answers } = await answersTo(name, flags, batch, 'wire');
    expect(answers.length).toBe(batch);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBeGreaterThan(batch === 1 ? 0 : 1);
  });
});

describe('the same images', () => {
  it('have the same scores over each way of predicting', async () => {
    const predicting = WAYS.filter(([, { call }]) => call === undefined);
    const [first, ...others] = await Promise.all(
      predicting.map(async ([name, flags]) => (await answersTo(name, flags, 64, 'wire')).answers as number[][]),
    );
    for (const scores of others) {
      for (const [index, row] of scores.entries()) {
        for (const [digit, score] of row.entries()) {
          // JSON of TensorFlow Serving has six digits where they do.
          expect(score).toBeCloseTo(first?.[index]?.[digit] as number, 5);
        }
      }
    }
  });
});

describe('a message above the 4 MiB that gRPC libraries take by default', () => {
  it.each([
    ['tf-serving-grpc', 'wire'],
    ['tf-serving-grpc', 'library'],
    ['oip-grpc', 'wire'],
    ['oip-grpc', 'library'],
  ] as const)('goes over %s and the %s lane', async (name, lane) => {
    const { bytes, answers } = await answersTo(name, {}, 2048, lane);
    expect(bytes).toBeGreaterThan(4 * 2 ** 20);
    expect(answers.length).toBe(2048);
  });
});
