import { constants, type IncomingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { Metadata, type MethodDefinition, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Completion } from '../../src/transports/transport.js';
import {
  becomesTrue,
  blackHole,
  type Certificates,
  closeServers,
  grpcChild,
  grpcFrame,
  grpcServer,
  hasProgram,
  http2Server,
  makeCertificates,
  rawHttp2Server,
  sleep,
  targetOf,
  tcpServer,
  tcpSocketOf,
} from '../support/servers.js';
import {
  bench,
  connecting,
  expectEnd,
  expectOnTime,
  expectSound,
  type LaneUnderTest,
  seeded,
  uncaughtDuring,
  withWallClockAhead,
} from './transport-bench.js';
import {
  type Answer,
  BROKEN,
  CODES,
  FAULT_PATH,
  FAULTS,
  GRPC,
  HELLO,
  headersOnly,
  LATE_FAULTS,
  OK_PATH,
  ok,
  page,
  reply,
  reset,
} from './transport-grpc-faults.js';

/** A method that takes and gives bytes. */
const bytesMethod = (path: string): MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
});
type Handler = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void;

/** What any transport for unary gRPC calls has to do. */
export function grpcTransportContract(lane: LaneUnderTest): void {
  const { clock, open, end } = bench(lane);
  const { limits = {} } = lane;
  const oneMethod = (handler: Handler) => grpcServer({ Ok: bytesMethod(OK_PATH) }, { Ok: handler });
  const faulty = (answer: Answer) =>
    http2Server((stream, headers) => (headers[':path'] === OK_PATH ? ok(stream, headers) : answer(stream, headers)));

  afterEach(async () => {
    await end();
    await closeServers();
  });

  describe('an answer that is fine', () => {
    it.each<[string, Answer, string]>([
      ['from a plain server', ok, 'hello'],
      ['empty', reply([grpcFrame(Buffer.alloc(0))]), ''],
      [
        'of another subtype',
        reply([grpcFrame(HELLO)], undefined, { ...GRPC, 'content-type': 'application/grpc+proto' }),
        'hello',
      ],
      [
        'with metadata',
        reply([grpcFrame(HELLO)], { 'grpc-status': '0', 'x-b': '2' }, { ...GRPC, 'x-a': '1' }),
        'hello',
      ],
      ['byte by byte', reply([...grpcFrame(HELLO)].map((byte) => Buffer.from([byte]))), 'hello'],
      [
        'compressed',
        reply([grpcFrame(gzipSync(HELLO), { compressed: true })], undefined, { ...GRPC, 'grpc-encoding': 'gzip' }),
        'hello',
      ],
    ])('%s', async (_what, answer, body) => {
      const server = await http2Server(answer);
      const { send } = open(targetOf(server));
      const completion = await send(OK_PATH, { body: HELLO });
      expectEnd(completion, { outcome: 'ok', status: 0 });
      expect(completion.response?.body.toString()).toBe(body);
      expect(completion).toMatchObject({ bytesIn: body.length, reused: false, response: { status: 0 } });
      expectEnd(await send(OK_PATH, { body: HELLO }), { outcome: 'ok', status: 0 });
    });

    it('of a few megabytes both ways, byte for byte', async () => {
      const server = await oneMethod((call, callback) => callback(null, Buffer.concat([call.request, HELLO])));
      const body = Buffer.alloc(10_000_003, 'pseudo-random ');
      const completion = await open(targetOf(server)).send(OK_PATH, { body });
      expectEnd(completion, { outcome: 'ok', status: 0 });
      expect(completion.bytesIn).toBe(body.length + HELLO.length);
      expect(completion.response?.body.equals(Buffer.concat([body, HELLO]))).toBe(true);
    });
  });

  describe('a call', () => {
    it('goes out as gRPC has it', async () => {
      const seen: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
      const server = await http2Server((stream, headers) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          seen.push({ headers, body: Buffer.concat(chunks) });
          ok(stream, headers);
        });
      });
      const { send } = open(targetOf(server, { host: 'model.test' }), {
        headers: { authorization: 'Bearer x', 'x-both': 'run' },
        requestIds: true,
      });
      const body = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 256));
      await send(OK_PATH, { seq: 7, headers: { 'x-both': 'request' }, body, timeoutMs: 2_500 });
      expect(seen[0]?.body.equals(grpcFrame(body))).toBe(true);
      expect(seen[0]?.headers).toMatchObject({
        ':method': 'POST',
        ':path': OK_PATH,
        ':authority': `model.test:${server.port}`,
        te: 'trailers',
        authorization: 'Bearer x',
        'x-both': 'request',
        'x-request-id': '0000000007',
      });
      expect(seen[0]?.headers['content-type']).toMatch(/^application\/grpc/);
      const [, digits, unit] = /^(\d{1,8})([um])$/.exec(String(seen[0]?.headers['grpc-timeout'])) ?? [];
      const timeoutMs = Number(digits) / (unit === 'u' ? 1_000 : 1);
      expect(timeoutMs).toBeGreaterThan(2_000);
      expect(timeoutMs).toBeLessThanOrEqual(2_501);
    });

    it('has no id unless asked for', async () => {
      let seen: IncomingHttpHeaders = {};
      const server = await http2Server((stream, headers) => {
        seen = headers;
        ok(stream, headers);
      });
      await open(targetOf(server)).send(OK_PATH, { body: HELLO });
      expect(Object.keys(seen)).not.toContain('x-request-id');
    });

    it('has times that agree with the server: send <= recv <= sent <= end', async () => {
      const zeroNs = BigInt(clock.anchor().startedMonotonicNs);
      const slackUs = 500;
      const nowUs = () => Number(process.hrtime.bigint() - zeroNs) / 1000;
      const log: { recvUs: number; sentUs: number }[] = [];
      const server = await oneMethod(async (_call, callback) => {
        const recvUs = nowUs();
        await sleep(log.length % 5 === 0 ? 20 : 0);
        log.push({ recvUs, sentUs: nowUs() });
        callback(null, HELLO);
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 50; nth++) {
        const completion = await send(OK_PATH, { body: HELLO });
        expectEnd(completion, { outcome: 'ok' });
        const { recvUs, sentUs } = log[nth] as (typeof log)[number];
        expect(completion.startUs).toBeLessThanOrEqual(recvUs + slackUs);
        expect(sentUs).toBeLessThanOrEqual((completion.firstByteUs as number) + slackUs);
        expect(sentUs).toBeLessThanOrEqual(completion.endUs + slackUs);
      }
    });

    it('has its first byte before its last', async () => {
      const server = await http2Server((stream, headers) => {
        stream.respond(GRPC, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        setTimeout(() => stream.end(grpcFrame(HELLO)), 100);
        expect(headers[':path']).toBe(OK_PATH);
      });
      const { startUs, firstByteUs = 0, endUs } = await open(targetOf(server)).send(OK_PATH, { body: HELLO });
      expect(endUs - firstByteUs).toBeGreaterThan(80_000);
      expect(firstByteUs).toBeGreaterThan(startUs);
    });
  });

  describe('connections', () => {
    it('are kept and say so', async () => {
      const server = await oneMethod((_call, callback) => callback(null, HELLO));
      const { send } = open(targetOf(server));
      const reused = [];
      for (let nth = 0; nth < 5; nth++) {
        reused.push((await send(OK_PATH)).reused);
      }
      expect(reused).toEqual([false, true, true, true, true]);
      expect(server.accepted()).toBe(1);
    });

    it('are one for each lane, whatever the order', async () => {
      const seen = new Map<string, Set<unknown>>();
      const server = await http2Server((stream, headers) => {
        const user = String(headers['x-lane']);
        seen.set(user, (seen.get(user) ?? new Set()).add(stream.session));
        setTimeout(() => ok(stream, headers), 5);
      });
      const { send } = open(targetOf(server));
      const lanes = [0, 1, 2, 3, 9, 4, 7];
      for (let round = 0; round < 3; round++) {
        const completions = await Promise.all(
          lanes.map((connection) => send(OK_PATH, { connection, headers: { 'x-lane': String(connection) } })),
        );
        expect(completions.map(({ outcome }) => outcome)).toEqual(lanes.map(() => 'ok'));
        lanes.reverse();
      }
      expect(server.accepted()).toBe(lanes.length);
      expect([...seen.values()].map((sessions) => sessions.size)).toEqual(lanes.map(() => 1));
    });

    it.each([false, true])('cut by the server while idle are replaced (RST: %s)', async (rst) => {
      const server = await faulty(ok);
      const { send } = open(targetOf(server));
      expectEnd(await send(OK_PATH), { outcome: 'ok' });
      server.cut(rst);
      await becomesTrue(() => server.open() === 0);
      await sleep(20);
      const next = await send(OK_PATH);
      expectEnd(next, { outcome: 'ok' });
      expect(next.reused).toBe(false);
    });

    it('F40 told to go away after an answer are replaced, and no call is lost', async () => {
      let calls = 0;
      let sessionsClosed = 0;
      const server = await http2Server((stream, headers) => {
        const { session } = stream;
        ok(stream, headers);
        if (++calls % 10 === 0) {
          session?.once('close', () => sessionsClosed++);
          stream.on('close', () => session?.close());
        }
      });
      const { send } = open(targetOf(server));
      for (let nth = 1; nth <= 50; nth++) {
        expectEnd(await send(OK_PATH), { outcome: 'ok' });
        // A call that crossed the word on its way would be refused, and rightly.
        expect(await becomesTrue(() => sessionsClosed >= Math.floor(nth / 10))).toBe(true);
      }
      expect(calls).toBe(50);
      expect(server.accepted()).toBeGreaterThanOrEqual(5);
    });

    it('F40 told to go away during a call let it finish', async () => {
      const server = await http2Server((stream, headers) => {
        stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
        setTimeout(() => ok(stream, headers), 30);
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 5; nth++) {
        expectEnd(await send(OK_PATH), { outcome: 'ok' });
      }
    });
  });

  describe('a fault', () => {
    it.each(FAULTS)('$id $what', async (fault) => {
      let calls = 0;
      const server = await faulty((stream, headers) => {
        calls++;
        fault.answer(stream, headers);
      });
      const { send } = open(targetOf(server));
      const first = await send(FAULT_PATH, { body: HELLO });
      expectEnd(first, limits[fault.id] ?? fault);
      expect(first.reused).toBe(false);
      expectEnd(await send(OK_PATH), { outcome: 'ok' });
      const second = await send(FAULT_PATH, { body: HELLO });
      expectEnd(second, limits[fault.id] ?? fault);
      expect(second.reused).toBe(true);
      expectEnd(await send(OK_PATH), { outcome: 'ok' });
      expect(calls).toBe(2);
    });

    it.each(LATE_FAULTS)('$id $what', async (fault) => {
      const server = await faulty(fault.answer);
      const { send, timed } = open(targetOf(server));
      for (let nth = 0; nth < 2; nth++) {
        const sent = await timed(FAULT_PATH, { timeoutMs: 300 });
        expectEnd(sent.completion, fault);
        expectOnTime(sent);
        expect(sent.completion.status).toBe(undefined);
        expectEnd(await send(OK_PATH), { outcome: 'ok' });
      }
    });

    it.each([
      ['F39', constants.NGHTTP2_CANCEL, 'grpc_CANCELLED'],
      ['F39', constants.NGHTTP2_INADEQUATE_SECURITY, 'grpc_PERMISSION_DENIED'],
      ['F39-after-headers', constants.NGHTTP2_NO_ERROR, 'grpc_INTERNAL'],
      ['F39-after-headers', constants.NGHTTP2_PROTOCOL_ERROR, 'grpc_INTERNAL'],
      ['F39-calm-after-headers', constants.NGHTTP2_ENHANCE_YOUR_CALM, 'grpc_RESOURCE_EXHAUSTED'],
    ] as const)('%s RST_STREAM %i after headers', async (id, code, outcome) => {
      let calls = 0;
      const server = await rawHttp2Server((stream) => {
        calls++;
        stream.headers();
        stream.data(grpcFrame(HELLO).subarray(0, 7));
        setTimeout(() => stream.reset(code), 20);
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 2; nth++) {
        expectEnd(await send(FAULT_PATH, { body: HELLO }), limits[id] ?? { outcome, origin: 'network' });
      }
      expect(calls).toBe(2);
      expect(server.accepted()).toBe(1);
    });

    it('F39 RST_STREAM 0 before headers', async () => {
      const server = await rawHttp2Server((stream) => stream.reset(constants.NGHTTP2_NO_ERROR));
      expectEnd(await open(targetOf(server)).send(FAULT_PATH), { outcome: 'grpc_INTERNAL', origin: 'network' });
    });

    it('F35 errors of a server of the library', async () => {
      const server = await oneMethod((call, callback) => {
        const code = Number(call.metadata.get('x-code')[0]);
        if (call.metadata.get('x-headers')[0] === '1') {
          call.sendMetadata(new Metadata());
        }
        callback({ code, details: 'no more' });
      });
      const { send } = open(targetOf(server));
      for (const [index, name] of CODES.entries()) {
        for (const early of ['0', '1']) {
          const status = index + 1;
          const completion = await send(OK_PATH, { headers: { 'x-code': String(status), 'x-headers': early } });
          expectEnd(completion, { outcome: `grpc_${name}`, origin: 'target', status });
          expect(completion.detail).toBe('no more');
        }
      }
    });

    it('F37, F01 nothing listens', async () => {
      const server = await tcpServer(() => {});
      const { port } = server;
      await server.close();
      const { send } = open(targetOf({ port }));
      for (let nth = 0; nth < 3; nth++) {
        const completion = await send(OK_PATH);
        expectEnd(completion, { outcome: 'connect_refused', origin: 'network' });
        expect(completion).toMatchObject({ reused: false, bytesIn: 0 });
        expect(completion.status).toBe(undefined);
      }
      await http2Server(ok, { port });
      expectEnd(await send(OK_PATH), { outcome: 'ok' });
    });

    it.skipIf(!hasProgram('python3'))('F02 the SYN is never answered (needs python3)', async () => {
      const hole = await blackHole();
      const { send, timed } = open(targetOf(hole));
      const sent = await timed(OK_PATH, { timeoutMs: 200 });
      expectEnd(sent.completion, { outcome: 'connect_timeout', origin: 'network' });
      expectOnTime(sent);
      expect(await becomesTrue(() => connecting() === 0)).toBe(true);
      await hole.kill();
      let calls = 0;
      await http2Server(
        (stream, headers) => {
          calls++;
          ok(stream, headers);
        },
        { port: hole.port },
      );
      expectEnd(await send(OK_PATH), { outcome: 'ok' });
      // The kernel sends a SYN again after a second: what waited for it would show now.
      await sleep(1_200);
      expect(calls).toBe(1);
    });

    it('F36 a deadline that the server kept is told by its status', async () => {
      const server = await faulty(headersOnly({ ...GRPC, 'grpc-status': '4' }));
      const completion = await open(targetOf(server)).send(FAULT_PATH);
      expectEnd(completion, { outcome: 'grpc_DEADLINE_EXCEEDED', origin: 'target', status: 4 });
    });

    it('F48 the preface is never answered', async () => {
      const server = await tcpServer((socket) => void socket.resume());
      const { timed } = open(targetOf(server));
      for (let nth = 0; nth < 2; nth++) {
        const sent = await timed(OK_PATH, { timeoutMs: 300 });
        expectEnd(sent.completion, { outcome: 'connect_timeout', origin: 'network' });
        expectOnTime(sent);
      }
    });

    it.each([
      ['that answers', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n', true],
      ['that keeps the connection', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}', false],
    ])('F48 an HTTP/1.1 server %s', async (_what, text, ends) => {
      const server = await tcpServer((socket) => {
        socket.once('data', () => (ends ? socket.end(text) : socket.write(text)));
        socket.on('data', () => {});
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 3; nth++) {
        expectEnd(await send(OK_PATH), { outcome: 'grpc_not_grpc', origin: 'target' });
      }
    });

    it.each(['FIN', 'RST'])('F37 %s in place of the preface', async (how) => {
      const server = await tcpServer((socket) => {
        socket.once('data', () => (how === 'FIN' ? socket.destroy() : socket.resetAndDestroy()));
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 3; nth++) {
        expectEnd(await send(OK_PATH), { outcome: 'connect_reset', origin: 'network' });
      }
    });

    it('F47 the server is killed and comes back', async () => {
      const first = await grpcChild();
      const { send } = open(targetOf(first));
      const seen: Completion[] = [];
      let running = true;
      const users = [0, 1, 2, 3].map(async (connection) => {
        while (running) {
          seen.push(await send(OK_PATH, { connection, timeoutMs: 2_000 }));
          await sleep(5);
        }
      });
      await sleep(200);
      await first.kill();
      await sleep(300);
      expect(seen.some(({ outcome }) => outcome === 'connect_refused')).toBe(true);
      await grpcChild(first.port);
      const backUs = clock.nowUs();
      await sleep(700);
      running = false;
      await Promise.all(users);
      for (const completion of seen) {
        expectEnd(completion, {
          outcome: ['ok', 'connect_refused', 'connect_reset', ...BROKEN.outcome] as never,
          origin: 'network',
        });
      }
      const later = seen.filter(({ startUs }) => startUs > backUs + 300_000);
      expect(later.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
      expect(later.length).toBeGreaterThan(10);
    });
  });

  describe.skipIf(!hasProgram('openssl', ['version']))('TLS (needs openssl)', () => {
    let certificates: Certificates;
    beforeAll(() => {
      certificates = makeCertificates();
    });
    const secure = { secure: true, host: 'localhost' } as const;

    it('carries calls', async () => {
      const { ca, good } = certificates;
      const server = await http2Server(ok, { tls: good });
      const { send } = open(targetOf(server, secure), { ca });
      expectEnd(await send(OK_PATH), { outcome: 'ok', status: 0 });
      const second = await send(OK_PATH, { body: Buffer.alloc(100_000) });
      expectEnd(second, { outcome: 'ok', status: 0 });
      expect(second.reused).toBe(true);
      expect(server.accepted()).toBe(1);
    });

    it.each([
      ['F29', 'expired', 'expired', 'tls_expired'],
      ['F29', 'not yet valid', 'notYetValid', 'tls_not_yet_valid'],
      ['F30', 'of another host', 'otherHost', 'tls_hostname'],
      ['F31', 'self-signed', 'selfSigned', 'tls_self_signed'],
    ] as const)('%s certificate %s', async (_id, _what, which, outcome) => {
      const server = await http2Server(ok, { tls: certificates[which] });
      const { send } = open(targetOf(server, secure), { ca: certificates.ca });
      expectEnd(await send(OK_PATH), { outcome, origin: 'network' });
      expectEnd(await send(OK_PATH), { outcome, origin: 'network' });
    });

    it('F31 certificate of an unknown authority', async () => {
      const server = await http2Server(ok, { tls: certificates.good });
      expectEnd(await open(targetOf(server, secure)).send(OK_PATH), { outcome: 'tls_untrusted', origin: 'network' });
    });

    it.each(['TLSv1.2', 'TLSv1.3'] as const)('F32 the server wants a certificate, %s', async (version) => {
      const { ca, good } = certificates;
      const server = await http2Server(ok, {
        tls: { ...good, ca, requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version },
      });
      const { send } = open(targetOf(server, secure), { ca });
      for (let nth = 0; nth < 3; nth++) {
        expectEnd(await send(OK_PATH), { outcome: 'tls_client_cert', origin: 'network' });
      }
    });

    it('F33 TLS to a plain port', async () => {
      const server = await tcpServer((socket) => {
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'));
      });
      expectEnd(await open(targetOf(server, secure)).send(OK_PATH), { outcome: 'tls_protocol', origin: 'network' });
    });

    it('F34 the handshake stalls', async () => {
      const server = await tcpServer((socket) => void socket.resume());
      const sent = await open(targetOf(server, secure)).timed(OK_PATH, { timeoutMs: 300 });
      expectEnd(sent.completion, { outcome: 'tls_timeout', origin: 'network' });
      expectOnTime(sent);
    });
  });

  it('runs over IPv6 where there is one', async ({ skip }) => {
    const server = await http2Server(
      (stream, headers) => reply([grpcFrame(Buffer.from(String(headers[':authority'])))])(stream, headers),
      { host: '::1' },
    ).catch(() => undefined);
    if (!server) {
      skip('no ::1 here');
      return;
    }
    const { send } = open(targetOf(server, { host: '::1', address: '::1' }));
    expect((await send(OK_PATH)).response?.body.toString()).toBe(`[::1]:${server.port}`);
  });

  it('a call that cannot be written fails alone, and not at once', async () => {
    const server = await http2Server(ok);
    const { send } = open(targetOf(server));
    expectEnd(await send(OK_PATH, { headers: { 'x-bad': 'a\r\nb' } }), { outcome: 'unknown', origin: 'local' });
    expectEnd(await send(OK_PATH), { outcome: 'ok' });
  });

  it('a callback that throws is a bug that is heard of', async () => {
    const server = await http2Server(ok);
    const { start, send } = open(targetOf(server));
    const uncaught = await uncaughtDuring(
      () =>
        new Promise<void>((resolve) => {
          start(OK_PATH, {}, () => {
            resolve();
            throw new Error('a bug of the caller');
          });
        }),
    );
    expect(uncaught).toMatchObject([{ message: 'a bug of the caller' }]);
    expectEnd(await send(OK_PATH, { connection: 1 }), { outcome: 'ok' });
  });

  it('a step of the wall clock does not touch deadlines', async () => {
    const server = await http2Server((stream, headers) => void setTimeout(() => ok(stream, headers), 50));
    const { send } = open(targetOf(server));
    const pending = send(OK_PATH);
    const completions = await withWallClockAhead(() => Promise.all([pending, send(OK_PATH, { connection: 1 })]));
    expect(completions.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
  });

  it('a next call may be sent from the callback of the last', async () => {
    const server = await http2Server((stream, headers) => {
      if (headers[':path'] === OK_PATH) {
        ok(stream, headers);
      } else {
        tcpSocketOf(stream)?.resetAndDestroy();
      }
    });
    const { start } = open(targetOf(server));
    const paths = [OK_PATH, OK_PATH, FAULT_PATH, OK_PATH, FAULT_PATH, FAULT_PATH, OK_PATH, OK_PATH];
    const outcomes: string[] = [];
    await new Promise<void>((resolve) => {
      const next = () => {
        const path = paths[outcomes.length];
        if (path === undefined) {
          resolve();
          return;
        }
        start(path, {}, ({ outcome }) => {
          outcomes.push(outcome);
          next();
        });
      };
      next();
    });
    expect(outcomes.map((outcome) => outcome === 'ok')).toEqual(paths.map((path) => path === OK_PATH));
  });

  it('deadlines on many lanes are kept, never early', async () => {
    const server = await http2Server(() => {});
    const { timed } = open(targetOf(server));
    const all = Array.from({ length: 40 }, (_, connection) =>
      timed(OK_PATH, { connection, timeoutMs: 150 + 5 * connection }),
    );
    for (const sent of await Promise.all(all)) {
      expectSound(sent.completion);
      expect(['grpc_DEADLINE_EXCEEDED', 'connect_timeout']).toContain(sent.completion.outcome);
      expectOnTime(sent);
    }
  });

  it('everything settles over 2000 calls of eight faults', async () => {
    const faults: readonly (readonly [path: string, answer: Answer, outcomes: readonly string[]])[] = [
      ['ok', ok, ['ok']],
      ['slow', (stream, headers) => void setTimeout(() => ok(stream, headers), 5), ['ok']],
      ['status', headersOnly({ ...GRPC, 'grpc-status': '14' }), ['grpc_UNAVAILABLE']],
      ['dropped', (stream) => void tcpSocketOf(stream)?.destroy(), BROKEN.outcome as readonly string[]],
      ['reset', (stream) => void tcpSocketOf(stream)?.resetAndDestroy(), BROKEN.outcome as readonly string[]],
      ['stream', reset(constants.NGHTTP2_INTERNAL_ERROR), ['grpc_INTERNAL']],
      ['page', page(503), ['grpc_not_grpc']],
      ['empty', reply([]), ['stream_protocol']],
      ['open', (stream) => void stream.respond(GRPC), ['grpc_DEADLINE_EXCEEDED', 'connect_timeout']],
      ['silent', () => {}, ['grpc_DEADLINE_EXCEEDED', 'connect_timeout']],
    ];
    const server = await http2Server((stream, headers) => {
      faults.find(([path]) => `/bench.Test/${path}` === headers[':path'])?.[1](stream, headers);
    });
    const { send } = open(targetOf(server));
    const wrong: string[] = [];
    let settled = 0;
    await Promise.all(
      Array.from({ length: 20 }, async (_, connection) => {
        const draw = seeded(2_000 + connection);
        for (let nth = 0; nth < 100; nth++) {
          const [path, , outcomes] = faults[Math.floor(draw() * faults.length)] as (typeof faults)[number];
          const timeoutMs = outcomes.includes('connect_timeout') ? 40 : 20_000;
          const { outcome } = await send(`/bench.Test/${path}`, { connection, timeoutMs });
          settled++;
          if (!outcomes.includes(outcome)) {
            wrong.push(`${path}: ${outcome}`);
          }
        }
      }),
    );
    expect(wrong).toEqual([]);
    expect(settled).toBe(2_000);
  });

  it('close cuts what is in flight without a word', async () => {
    const server = await http2Server((stream, headers) => {
      if (headers[':path'] === FAULT_PATH) {
        stream.respond(GRPC);
      }
    });
    const silent = await tcpServer((socket) => void socket.resume());
    const ends: Completion[] = [];
    const { transport, start } = open(targetOf(server));
    for (const [connection, path] of [OK_PATH, FAULT_PATH, OK_PATH].entries()) {
      start(path, { connection, timeoutMs: 300 }, (completion) => ends.push(completion));
    }
    const other = open(targetOf(silent));
    other.start(OK_PATH, { timeoutMs: 300 }, (completion) => ends.push(completion));
    await becomesTrue(() => server.accepted() === 3 && silent.accepted() === 1);
    await sleep(50);
    // Begun, and cut before it was connected.
    start(OK_PATH, { connection: 3, timeoutMs: 300 }, (completion) => ends.push(completion));
    await Promise.all([transport.close(), other.transport.close()]);
    expect(await becomesTrue(() => server.open() === 0 && silent.open() === 0)).toBe(true);
    await sleep(400);
    expect(ends).toEqual([]);
  });

  it.skipIf(!hasProgram('python3'))('close does not wait for a connect (needs python3)', async () => {
    const hole = await blackHole();
    const { transport, start } = open(targetOf(hole));
    const ends: Completion[] = [];
    start(OK_PATH, { timeoutMs: 200 }, (completion) => ends.push(completion));
    expect(await becomesTrue(() => connecting() === 1)).toBe(true);
    await transport.close();
    await sleep(300);
    expect(ends).toEqual([]);
    expect(connecting()).toBe(0);
  });
}
