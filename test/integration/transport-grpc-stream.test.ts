import type { MethodDefinition, ServerWritableStream } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { createGrpcJsTransport } from '../../src/transports/grpc-js.js';
import type { Completion, Transport } from '../../src/transports/transport.js';
import { closeServers, grpcServer, sleep, targetOf } from '../support/servers.js';

const PATH = '/zoo.Keeper/Watch';
const WATCH: MethodDefinition<Buffer, Buffer> = {
  path: PATH,
  requestStream: false,
  responseStream: true,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
};

type Call = ServerWritableStream<Buffer, Buffer>;

const clock = systemClock();
let transport: Transport;

afterEach(async () => {
  await transport.close();
  await closeServers();
});

/** Calls a method that streams; the completion with the bytes of its body. */
async function watch(
  answer: (call: Call) => void,
  { timeoutUs = 10_000_000, stallUs = undefined as number | undefined } = {},
): Promise<Completion & { body?: string }> {
  const server = await grpcServer({ Watch: WATCH }, { Watch: answer });
  transport = createGrpcJsTransport({
    target: targetOf(server),
    clock,
    headers: {},
    requestIds: false,
    maxConnections: 1,
    stallUs,
  });
  const request = { method: 'POST', path: PATH, headers: {}, body: Buffer.from('q'), batch: 1, stream: true } as const;
  return new Promise((resolve) => {
    const slip = { seq: 0, connection: 0, deadlineUs: clock.nowUs() + timeoutUs };
    transport.send(request, slip, (end) =>
      resolve({ ...end, ...(end.response && { body: end.response.body.toString('latin1') }) }),
    );
  });
}

describe('a stream of messages over grpc-js', () => {
  it('is taken whole, with the time at which each message came', async () => {
    let secondSentUs = 0;
    const end = await watch(async (call) => {
      call.write(Buffer.from('one'));
      // Many turns of the one loop that both ends share: the first message has come by then.
      for (let turn = 0; turn < 20; turn++) {
        await sleep(5);
      }
      secondSentUs = clock.nowUs();
      call.write(Buffer.from(''));
      call.write(Buffer.from('three'));
      call.end();
    });
    expect([end.outcome, end.status, end.body, end.bytesIn]).toEqual(['ok', 0, 'onethree', 8]);
    const { endBytes, atUs } = end.response?.pieces ?? { endBytes: [], atUs: [] };
    expect(endBytes).toEqual([3, 3, 8]);
    const [first = 0, second = 0, third = 0] = atUs;
    expect(first).toBeGreaterThanOrEqual(end.startUs);
    expect(first).toBeLessThan(secondSentUs);
    expect(second).toBeGreaterThanOrEqual(secondSentUs);
    expect(third).toBeGreaterThanOrEqual(second);
    expect(end.endUs).toBeGreaterThanOrEqual(third);
  });

  it('may be empty', async () => {
    const end = await watch((call) => call.end());
    expect([end.outcome, end.body, end.response?.pieces]).toEqual(['ok', '', { endBytes: [], atUs: [] }]);
  });

  it('that ends with a status fails by it, whatever came before', async () => {
    const end = await watch((call) => {
      call.write(Buffer.from('one'));
      call.emit('error', { code: 14, details: 'closing time' });
    });
    expect([end.outcome, end.origin, end.status, end.detail]).toEqual([
      'grpc_UNAVAILABLE',
      'target',
      14,
      'closing time',
    ]);
  });

  it('that stands still is given up at its own time', async () => {
    const end = await watch(
      (call) => {
        call.on('error', () => {});
        call.write(Buffer.from('one'));
      },
      { stallUs: 100_000 },
    );
    expect([end.outcome, end.origin, end.bytesIn]).toEqual(['stream_stall', 'target', 3]);
  });

  it('that has no end is cut by the deadline', async () => {
    const end = await watch(
      (call) => {
        call.on('error', () => {});
        call.write(Buffer.from('one'));
      },
      { timeoutUs: 300_000 },
    );
    expect([end.outcome, end.origin]).toEqual(['grpc_DEADLINE_EXCEEDED', 'target']);
  });
});
