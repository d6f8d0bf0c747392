import { constants, createServer as createHttp2Server, type ServerHttp2Stream, type Settings } from 'node:http2';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { FLAG, FRAME, frameOf, MAX_FRAME_BYTES, settingsFrame, uint32 } from '../../src/transports/http2-frames.js';
import { ANY_CONNECTION, type Completion } from '../../src/transports/transport.js';
import { createWireGrpcTransport } from '../../src/transports/wire-grpc.js';
import { bench, expectEnd, expectOnTime, expectSound, type Lanes } from '../contract/transport-bench.js';
import { connectionsContract } from '../contract/transport-connections.js';
import { grpcTransportContract } from '../contract/transport-grpc.js';
import { OK_PATH, ok } from '../contract/transport-grpc-faults.js';
import {
  becomesTrue,
  closeServers,
  grpcFrame,
  grpcServer,
  http2Server,
  sleep,
  type TestServer,
  targetOf,
  tcpServer,
} from '../support/servers.js';

const LANE = { name: 'wire-grpc', create: createWireGrpcTransport };
const PATH = '/bench.Test/Ok';
const HELLO = Buffer.from('hello');
const GRPC = { ':status': 200, 'content-type': 'application/grpc' };

describe('gRPC on a bare socket: its connections', () => {
  connectionsContract({ ...LANE, path: OK_PATH, serve: (options) => http2Server(ok, options) });
});

describe('gRPC on a bare socket', () => {
  grpcTransportContract(LANE);
});

const { clock, open, end } = bench(LANE);
afterEach(async () => {
  await end();
  await closeServers();
});

function answer(stream: ServerHttp2Stream, body: Buffer = HELLO): void {
  stream.resume();
  stream.respond(GRPC, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(grpcFrame(body));
}

/** A node:http2 server with settings of its own. */
function settledServer(settings: Settings, onStream: (stream: ServerHttp2Stream) => void): Promise<TestServer> {
  const server = createHttp2Server({ settings });
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    onStream(stream);
  });
  return tcpServer((socket) => void server.emit('connection', socket));
}

interface RawCall {
  readonly id: number;
  /** Position among all calls, from 0. */
  readonly nth: number;
  readonly socket: Socket;
}

/** A server that begins with its SETTINGS and then sends what the test says for each call. */
function rawServer(onCall: (call: RawCall) => void, first: Buffer = settingsFrame([])): Promise<TestServer> {
  let calls = 0;
  return tcpServer((socket) => {
    let pending = Buffer.alloc(0);
    let skipped = false;
    socket.write(first);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      if (!skipped && pending.length >= 24) {
        pending = pending.subarray(24);
        skipped = true;
      }
      while (skipped && pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
        const [type, flags, id] = [pending.readUInt8(3), pending.readUInt8(4), pending.readUInt32BE(5)];
        pending = pending.subarray(9 + pending.readUIntBE(0, 3));
        if (type === FRAME.settings && flags === 0) {
          socket.write(frameOf(FRAME.settings, FLAG.ack, 0));
        } else if (type === FRAME.data && flags & FLAG.endStream) {
          onCall({ id, nth: calls++, socket });
        }
      }
    });
  });
}

const HEADERS_BLOCK = Buffer.from('\x88\x0f\x10\x10application/grpc', 'latin1');
const OK_BLOCK = Buffer.from('\x00\x0bgrpc-status\x010', 'latin1');
const headers = (id: number) => frameOf(FRAME.headers, FLAG.endHeaders, id, HEADERS_BLOCK);
const data = (id: number) => frameOf(FRAME.data, 0, id, grpcFrame(HELLO));
const trailers = (id: number) => frameOf(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, OK_BLOCK);
const okFrames = (id: number) => Buffer.concat([headers(id), data(id), trailers(id)]);

/** Sends calls at once and waits for all. */
function burst(lanes: Lanes, count: number, connection = 0, body: Buffer = HELLO): Promise<Completion[]> {
  return Promise.all(
    Array.from({ length: count }, (_, seq) => lanes.send(PATH, { connection, seq, body, timeoutMs: 20_000 })),
  );
}

function expectAllOk(completions: readonly Completion[], count: number): void {
  expect(completions.map(({ outcome, detail }) => (outcome === 'ok' ? 'ok' : `${outcome} ${detail}`))).toEqual(
    Array.from({ length: count }, () => 'ok'),
  );
  completions.forEach(expectSound);
}

describe('many calls on one connection', () => {
  it('more than the server allows: they wait, and start when they leave', async () => {
    let active = 0;
    let most = 0;
    const server = await settledServer({ maxConcurrentStreams: 10 }, (stream) => {
      most = Math.max(most, ++active);
      setTimeout(() => {
        active--;
        answer(stream);
      }, 5);
    });
    const lanes = open(targetOf(server), { maxConnections: 1 });
    const completions = await burst(lanes, 200);
    expectAllOk(completions, 200);
    expect(server.accepted()).toBe(1);
    expect(most).toBe(10);
    // Twenty rounds of 5 ms: had the last been counted from when it was asked for, it had taken 100 ms.
    const last = completions.at(-1) as Completion;
    expect(last.startUs - (completions[0] as Completion).startUs).toBeGreaterThan(80_000);
    for (const { startUs, endUs } of completions) {
      expect(endUs - startUs).toBeGreaterThanOrEqual(4_000);
    }
  });

  it('of any connection: more are opened only while all are full, up to the limit', async () => {
    const server = await settledServer({ maxConcurrentStreams: 10 }, (stream) => setTimeout(() => answer(stream), 10));
    const lanes = open(targetOf(server), { maxConnections: 4 });
    expectAllOk(await burst(lanes, 10, ANY_CONNECTION), 10);
    expect(server.accepted()).toBe(1);
    expectAllOk(await burst(lanes, 200, ANY_CONNECTION), 200);
    expect(server.accepted()).toBe(4);
  });

  it('of any connection go to the one with the fewest', async () => {
    const seen = new Map<unknown, number>();
    const server = await settledServer({}, (stream) => {
      seen.set(stream.session, (seen.get(stream.session) ?? 0) + 1);
      setTimeout(() => answer(stream), 20);
    });
    const lanes = open(targetOf(server), { maxConnections: 4 });
    await lanes.transport.open(4);
    expect(server.accepted()).toBe(4);
    expectAllOk(await burst(lanes, 40, ANY_CONNECTION), 40);
    expect([...seen.values()]).toEqual([10, 10, 10, 10]);
  });

  it('users of more connections than there may be share them', async () => {
    const server = await settledServer({}, answer);
    const lanes = open(targetOf(server), { maxConnections: 2 });
    const all = await Promise.all(Array.from({ length: 20 }, (_, connection) => burst(lanes, 5, connection)));
    expectAllOk(all.flat(), 100);
    expect(server.accepted()).toBe(2);
  });

  it('of a few megabytes each, both ways, through windows of 64 KiB', async () => {
    const server = await grpcServer(
      {
        Ok: {
          path: PATH,
          requestStream: false,
          responseStream: false,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        Ok: (call: { request: Buffer }, callback: (error: null, bytes: Buffer) => void) => callback(null, call.request),
      },
    );
    const lanes = open(targetOf(server), { maxConnections: 1 });
    const bodies = [0, 1, 3_200, 16_379, 16_380, 65_530, 65_531, 1_048_576, 1_048_577, 5_000_000].map((bytes) =>
      Buffer.alloc(bytes, `pseudo-random ${bytes} `),
    );
    for (let round = 0; round < 2; round++) {
      const completions = await Promise.all(bodies.map((body) => lanes.send(PATH, { body, timeoutMs: 30_000 })));
      expectAllOk(completions, bodies.length);
      for (const [index, { response, bytesIn }] of completions.entries()) {
        expect(response?.body.equals(bodies[index] as Buffer)).toBe(true);
        expect(bytesIn).toBe(bodies[index]?.length);
      }
    }
    expect(server.accepted()).toBe(1);
  });

  it('in frames as large as the server takes', async () => {
    const server = await settledServer({ maxFrameSize: 2 ** 24 - 1, initialWindowSize: 2 ** 30 }, (stream) => {
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      stream.on('end', () => answer(stream, Buffer.from(String(bytes))));
    });
    const lanes = open(targetOf(server), { maxConnections: 1 });
    const sizes = [250_000, 262_000, 262_144, 1_000_000, 100, 3_000_000];
    const completions = await Promise.all(
      sizes.map((bytes) => lanes.send(PATH, { body: Buffer.alloc(bytes), timeoutMs: 20_000 })),
    );
    expectAllOk(completions, sizes.length);
    expect(completions.map(({ response }) => Number(response?.body))).toEqual(sizes.map((bytes) => bytes + 5));
  });

  it('through PING, SETTINGS and other windows and tables in the middle of it', async () => {
    let calls = 0;
    let acknowledged = 0;
    let settings = 0;
    const windows = [0, 1_000, 70_000];
    const server = await settledServer({ initialWindowSize: 1_000, maxConcurrentStreams: 20 }, (stream) => {
      const { session } = stream;
      if (++calls % 10 === 0 && session) {
        session.ping((error) => {
          acknowledged += error ? 0 : 1;
        });
        if (!session.pendingSettingsAck) {
          const initialWindowSize = windows[settings++ % windows.length] as number;
          session.settings({ initialWindowSize, headerTableSize: calls });
          // A window of 0 has to end some time.
          setTimeout(() => session.destroyed || session.settings({ initialWindowSize: 1_000 }), 1);
        }
      }
      // Answered while its request is still coming, a stream counts as open for longer on some servers.
      stream.resume().once('end', () => answer(stream));
    });
    const lanes = open(targetOf(server), { maxConnections: 1 });
    expectAllOk(await burst(lanes, 200, 0, Buffer.alloc(5_000)), 200);
    expect(server.accepted()).toBe(1);
    expect(await becomesTrue(() => acknowledged >= 10)).toBe(true);
    expect(settings).toBeGreaterThan(1);
  });

  it('lose none when the server goes away in the middle', async () => {
    let calls = 0;
    const server = await settledServer({ maxConcurrentStreams: 20 }, (stream) => {
      const { session } = stream;
      if (++calls % 50 === 0) {
        session?.close();
      }
      setTimeout(() => answer(stream), 2);
    });
    const lanes = open(targetOf(server), { maxConnections: 1 });
    const completions = await burst(lanes, 400);
    const other = completions.filter(({ outcome }) => outcome !== 'ok');
    // A call that was on its way when the server left was refused, and is told so.
    expect(other.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'h2_refused')).toEqual([]);
    expect(completions.length - other.length).toBeGreaterThan(200);
    expect(server.accepted()).toBeGreaterThan(4);
  });

  it('end one by one when their deadlines pass, and the connection stays', async () => {
    const server = await rawServer(({ id, nth, socket }) => {
      if (nth % 2) {
        socket.write(okFrames(id));
      }
    });
    const lanes = open(targetOf(server), { maxConnections: 1 });
    await lanes.transport.open(1);
    const sent = await Promise.all(
      Array.from({ length: 60 }, (_, index) => lanes.timed(PATH, { body: HELLO, timeoutMs: 200 - index })),
    );
    for (const one of sent.filter((_one, index) => index % 2 === 0)) {
      expectEnd(one.completion, { outcome: 'grpc_DEADLINE_EXCEEDED', origin: 'target' });
      expectOnTime(one);
    }
    expectAllOk(
      sent.flatMap(({ completion }, index) => (index % 2 ? [completion] : [])),
      30,
    );
    // Every other call is answered: the next is not.
    expectEnd(await lanes.send(PATH, { body: HELLO, timeoutMs: 20 }), {
      outcome: 'grpc_DEADLINE_EXCEEDED',
      origin: 'target',
    });
    expectAllOk(await burst(lanes, 1), 1);
    expect(server.accepted()).toBe(1);
  });
});

describe('connections', () => {
  it('are opened before the run, and later handshakes are counted', async () => {
    const server = await settledServer({}, answer);
    const lanes = open(targetOf(server), { maxConnections: 8 });
    await lanes.transport.open(3);
    expect(server.accepted()).toBe(3);
    expect(lanes.transport.handshakes.count).toBe(0);
    expect((await lanes.send(PATH, { connection: 1 })).reused).toBe(false);
    expect(server.accepted()).toBe(3);
    await lanes.send(PATH, { connection: 5 });
    expect(lanes.transport.handshakes.count).toBe(1);
    expect(lanes.transport.handshakes.takeMs()).toHaveLength(1);
    expect(lanes.transport.handshakes.takeMs()).toHaveLength(0);
  });

  it('that cannot be opened are said before the run', async () => {
    const server = await tcpServer(() => {});
    const { port } = server;
    await server.close();
    await expect(open(targetOf({ port })).transport.open(2)).rejects.toMatchObject({ kind: 'unreachable' });
    const web = await tcpServer((socket) => void socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(open(targetOf(web)).transport.open(1)).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('to a server that lets nobody stay are not tried for ever', async () => {
    const goaway = frameOf(FRAME.goaway, 0, 0, Buffer.concat([uint32(0), uint32(0)]));
    const server = await rawServer(() => {}, Buffer.concat([settingsFrame([]), goaway]));
    const lanes = open(targetOf(server));
    expectEnd(await lanes.send(PATH), { outcome: 'h2_goaway', origin: 'network' });
    expect(server.accepted()).toBeLessThan(10);
  });
});

const literal = (name: string, value: string) =>
  Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]);

/** What HTTP/2 forbids, and what it allows although nobody does it. */
const ODDITIES: readonly (readonly [
  what: string,
  frames: (id: number) => Buffer | readonly Buffer[],
  outcome: string,
])[] = [
  ['byte by byte', (id) => [...okFrames(id)].map((byte) => Buffer.of(byte)), 'ok'],
  [
    'a header block in CONTINUATION frames',
    (id) =>
      Buffer.concat([
        frameOf(FRAME.headers, 0, id, HEADERS_BLOCK.subarray(0, 3)),
        frameOf(FRAME.continuation, 0, id, HEADERS_BLOCK.subarray(3, 9)),
        frameOf(FRAME.continuation, 0, id),
        frameOf(FRAME.continuation, FLAG.endHeaders, id, HEADERS_BLOCK.subarray(9)),
        data(id),
        trailers(id),
      ]),
    'ok',
  ],
  [
    'padding and priority',
    (id) =>
      Buffer.concat([
        frameOf(
          FRAME.headers,
          FLAG.endHeaders | FLAG.padded | FLAG.priority,
          id,
          Buffer.concat([Buffer.of(3, 0, 0, 0, 0, 16), HEADERS_BLOCK, Buffer.alloc(3)]),
        ),
        frameOf(FRAME.data, FLAG.padded, id, Buffer.concat([Buffer.of(200), grpcFrame(HELLO), Buffer.alloc(200)])),
        frameOf(FRAME.priority, 0, id, Buffer.alloc(5)),
        trailers(id),
      ]),
    'ok',
  ],
  [
    'interim answers, empty DATA, unknown frames and settings',
    (id) =>
      Buffer.concat([
        ...Array.from({ length: 100 }, () => frameOf(FRAME.headers, FLAG.endHeaders, id, literal(':status', '103'))),
        frameOf(0xee, 0xff, id, Buffer.alloc(100)),
        settingsFrame([
          [0x99, 1],
          [2, 0],
          [5, 100_000],
        ]),
        headers(id),
        frameOf(FRAME.data, 0, id),
        data(id),
        frameOf(FRAME.data, 0, id),
        frameOf(FRAME.windowUpdate, 0, id, uint32(100)),
        trailers(id),
        frameOf(FRAME.reset, 0, id, uint32(0)),
      ]),
    'ok',
  ],
  [
    'a flood of interim answers',
    (id) =>
      Buffer.concat(
        Array.from({ length: 101 }, () => frameOf(FRAME.headers, FLAG.endHeaders, id, literal(':status', '103'))),
      ),
    'framing_error',
  ],
  ['DATA before headers', data, 'framing_error'],
  [
    'headers without a status',
    (id) => frameOf(FRAME.headers, FLAG.endHeaders, id, literal('x-a', '1')),
    'framing_error',
  ],
  ['headers twice', (id) => Buffer.concat([headers(id), headers(id)]), 'framing_error'],
  [
    'trailers that do not end the stream',
    (id) => Buffer.concat([headers(id), frameOf(FRAME.headers, FLAG.endHeaders, id, OK_BLOCK)]),
    'framing_error',
  ],
  ['a window update by 0', (id) => frameOf(FRAME.windowUpdate, 0, id, uint32(0)), 'framing_error'],
  ['a stream that was never opened', () => headers(1_001), 'framing_error'],
  ['a stream of the server', () => headers(2), 'framing_error'],
  ['a pushed stream', (id) => frameOf(FRAME.pushPromise, FLAG.endHeaders, id, uint32(2)), 'framing_error'],
  ['DATA of no stream', () => data(0), 'framing_error'],
  ['a PING of 7 bytes', () => frameOf(FRAME.ping, 0, 0, Buffer.alloc(7)), 'framing_error'],
  ['SETTINGS of 7 bytes', () => frameOf(FRAME.settings, 0, 0, Buffer.alloc(7)), 'framing_error'],
  ['a window that is too large', () => settingsFrame([[4, 2 ** 31]]), 'framing_error'],
  ['window updates beyond 2 GiB', () => frameOf(FRAME.windowUpdate, 0, 0, uint32(2 ** 31 - 1)), 'framing_error'],
  [
    'a frame that is too large',
    (id) => frameOf(FRAME.headers, 0, id, Buffer.alloc(MAX_FRAME_BYTES + 1)),
    'framing_error',
  ],
  ['CONTINUATION without headers', (id) => frameOf(FRAME.continuation, FLAG.endHeaders, id), 'framing_error'],
  [
    'a frame inside a header block',
    (id) => Buffer.concat([frameOf(FRAME.headers, 0, id, HEADERS_BLOCK), frameOf(FRAME.ping, 0, 0, Buffer.alloc(8))]),
    'framing_error',
  ],
  ['an index in no table', (id) => frameOf(FRAME.headers, FLAG.endHeaders, id, Buffer.of(0xff, 0x7f)), 'framing_error'],
  [
    'headers of more than 64 KiB',
    // One entry of the table, over and over.
    (id) =>
      frameOf(
        FRAME.headers,
        FLAG.endHeaders,
        id,
        Buffer.concat([
          Buffer.of(0x88),
          Buffer.of(0x40),
          literal('x-long', 'y'.repeat(100)).subarray(1),
          Buffer.alloc(1_000, 0xbe),
        ]),
      ),
    'header_overflow',
  ],
  [
    'headers without an end',
    (id) =>
      Buffer.concat([
        frameOf(FRAME.headers, 0, id, HEADERS_BLOCK),
        ...Array.from({ length: 30 }, () => frameOf(FRAME.continuation, 0, id, Buffer.alloc(MAX_FRAME_BYTES))),
      ]),
    'header_overflow',
  ],
  [
    'a compressed message of no known kind',
    (id) => Buffer.concat([headers(id), frameOf(FRAME.data, 0, id, Buffer.of(7, 0, 0, 0, 0)), trailers(id)]),
    'decode_error',
  ],
  [
    'GOAWAY that leaves the call out',
    () => frameOf(FRAME.goaway, 0, 0, Buffer.concat([uint32(0), uint32(constants.NGHTTP2_NO_ERROR)])),
    'h2_refused',
  ],
];

describe('a server that sends', () => {
  it.each(ODDITIES)('%s', async (_what, frames, outcome) => {
    const server = await rawServer(async ({ id, nth, socket }) => {
      if (nth !== 1) {
        socket.write(okFrames(id));
        return;
      }
      for (const bytes of [frames(id)].flat()) {
        socket.write(bytes);
        await sleep(0);
      }
    });
    const { send } = open(targetOf(server));
    expectEnd(await send(PATH), { outcome: 'ok' });
    const { origin, ...completion } = await send(PATH, { timeoutMs: 2_000 });
    expect({ ...completion, origin }).toMatchObject({
      outcome,
      ...(outcome !== 'ok' && { origin: expect.any(String) }),
    });
    expectEnd(await send(PATH), { outcome: 'ok' });
  });
});

/** What a server of the fuzz does next, for a call of its own. */
const piece = (id: number): fc.Arbitrary<Buffer | 'FIN' | 'RST'> => {
  const sane = [
    headers(id),
    data(id),
    trailers(id),
    okFrames(id),
    frameOf(FRAME.data, 0, id),
    frameOf(FRAME.data, FLAG.endStream, id),
    frameOf(FRAME.headers, FLAG.endHeaders, id, literal(':status', '100')),
    frameOf(FRAME.ping, 0, 0, Buffer.alloc(8)),
    frameOf(FRAME.windowUpdate, 0, 0, uint32(1_000)),
    frameOf(FRAME.windowUpdate, 0, id, uint32(1_000)),
    settingsFrame([[3, 1]]),
    settingsFrame([[3, 100]]),
    settingsFrame([[4, 0]]),
    settingsFrame([[4, 100_000]]),
    settingsFrame([[1, 0]]),
    frameOf(0x42, 0xff, id, HELLO),
    frameOf(FRAME.reset, 0, id, uint32(7)),
    frameOf(FRAME.goaway, 0, 0, Buffer.concat([uint32(id), uint32(0)])),
  ];
  const rude = fc.oneof(
    fc
      .record({
        type: fc.integer({ min: 0, max: 11 }),
        flags: fc.integer({ min: 0, max: 255 }),
        id: fc.constantFrom(0, 1, 2, id, id + 2, 2 ** 31 - 1),
        payload: fc.uint8Array({ maxLength: 40 }),
      })
      .map((frame) => frameOf(frame.type, frame.flags, frame.id, frame.payload)),
    fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  );
  return fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(...sane) },
    { weight: 3, arbitrary: rude },
    { weight: 1, arbitrary: fc.constantFrom('FIN' as const, 'RST' as const) },
  );
};

describe('whatever a server sends', () => {
  it('every call settles, none as unknown, and the next server is served', async () => {
    let script: (call: RawCall) => void = () => {};
    const server = await rawServer((call) => script(call));
    const outcomes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(piece(0), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 50 }),
        async (plans, cutBytes) => {
          let nth = 0;
          script = ({ id, socket }) => {
            if (socket.destroyed || socket.writableEnded) {
              return;
            }
            const parts = plans[nth++ % plans.length] as (typeof plans)[number];
            const cut = parts.findIndex((part) => typeof part === 'string');
            const sent = parts.slice(0, cut < 0 ? parts.length : cut).map((part) => {
              // Plans are drawn before ids are known: what is for stream 0, but belongs to none, gets the call's.
              const bytes = Buffer.from(part as Buffer);
              for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
                const own = [FRAME.settings, FRAME.ping, FRAME.goaway].includes(bytes.readUInt8(at + 3) as never);
                if (!own && bytes.readUInt32BE(at + 5) === 0) {
                  bytes.writeUInt32BE(id, at + 5);
                }
              }
              return bytes;
            });
            const bytes = Buffer.concat(sent);
            for (let at = 0; at < bytes.length; at += cutBytes) {
              socket.write(bytes.subarray(at, at + cutBytes));
            }
            if (cut >= 0) {
              parts[cut] === 'FIN' ? socket.end() : socket.resetAndDestroy();
            }
          };
          const lanes = open(targetOf(server), { maxConnections: 2 });
          const completions = await Promise.all(
            Array.from({ length: 8 }, (_, connection) =>
              lanes.send(PATH, {
                connection: connection % 3 ? connection : ANY_CONNECTION,
                body: HELLO,
                timeoutMs: 60,
              }),
            ),
          );
          for (const completion of completions) {
            expectSound(completion);
            outcomes.set(completion.outcome, (outcomes.get(completion.outcome) ?? 0) + 1);
          }
          await lanes.transport.close();
        },
      ),
      { numRuns: 250 },
    );
    expect(outcomes.get('unknown')).toBe(undefined);
    expect(outcomes.get('ok')).toBeGreaterThan(50);
    expect(outcomes.get('framing_error')).toBeGreaterThan(50);
    expect(outcomes.size).toBeGreaterThan(6);
    script = ({ id, socket }) => void socket.write(okFrames(id));
    const lanes = open(targetOf(server));
    expectAllOk(await burst(lanes, 10), 10);
    expect(clock.nowUs()).toBeGreaterThan(0);
  });
});
