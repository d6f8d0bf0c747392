import type { Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Completion } from '../../src/transports/transport.js';
import { MAX_ANSWER_BYTES, MAX_INTERIM_ANSWERS } from '../../src/transports/transport.js';
import {
  becomesTrue,
  blackHole,
  type Certificates,
  closeServers,
  hasProgram,
  httpAnswer,
  httpChild,
  httpServer,
  makeCertificates,
  type SeenRequest,
  sleep,
  targetOf,
  tcpServer,
} from '../support/servers.js';
import {
  bench,
  connecting,
  type Expected,
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
  drip,
  FAULTS,
  FINE,
  FRAMING,
  HEAD,
  LATE_FAULTS,
  OK,
  TRUNCATED,
  write,
  writeAndEnd,
} from './transport-http-faults.js';

/** What any HTTP/1.1 transport has to do. */
export function httpTransportContract(lane: LaneUnderTest): void {
  const { clock, open, end } = bench(lane);

  afterEach(async () => {
    await end();
    await closeServers();
  });

  /** What is expected of this lane in a case. */
  function expected(id: string | undefined, byCatalogue: Expected): Expected {
    return (id && lane.limits?.[id]) || byCatalogue;
  }

  describe('an answer that is fine', () => {
    it.each(FINE)('$what', async ({ id, answer, body }) => {
      const server = await httpServer((socket, request) =>
        request.path === '/ok' ? void socket.write(OK) : answer(socket, request),
      );
      const { send } = open(targetOf(server));
      const first = await send('/');
      expectEnd(first, expected(id, { outcome: 'ok' }));
      if (first.outcome === 'ok') {
        expect(first.response?.body.toString()).toBe(body);
        expect(first).toMatchObject({ bytesIn: body.length, reused: false, response: { status: first.status } });
      }
      expectEnd(await send('/ok'), { outcome: 'ok', status: 200 });
    });

    it('has the headers of the server', async () => {
      const server = await httpServer(
        write(`${HEAD}Server-Timing: compute;dur=1\r\nX-Two: 1\r\nX-Two: 2\r\ncontent-length: 0\r\n\r\n`),
      );
      const { response } = await open(targetOf(server)).send('/');
      expect(response?.headers).toMatchObject({ 'server-timing': 'compute;dur=1', 'x-two': ['1', '2'] });
    });

    it('of a few megabytes, byte for byte', async () => {
      const body = Buffer.alloc(5_000_003, 'pseudo-random ');
      const server = await httpServer((socket) => void socket.write(httpAnswer(body)));
      const completion = await open(targetOf(server)).send('/');
      expectEnd(completion, { outcome: 'ok' });
      expect(completion.bytesIn).toBe(body.length);
      expect(completion.response?.body.equals(body)).toBe(true);
    });

    it('as large as the limit', async () => {
      const chunk = Buffer.alloc(2 ** 20, 'x');
      const server = await httpServer((socket) => {
        socket.write(`${HEAD}content-length: ${MAX_ANSWER_BYTES}\r\n\r\n`);
        for (let sent = 0; sent < MAX_ANSWER_BYTES; sent += chunk.length) {
          socket.write(chunk);
        }
      });
      const completion = await open(targetOf(server)).send('/', { timeoutMs: 30_000 });
      expectEnd(completion, { outcome: 'ok' });
      expect(completion.bytesIn).toBe(MAX_ANSWER_BYTES);
    });
  });

  describe('a request', () => {
    it('goes out byte for byte', async () => {
      const seen: SeenRequest[] = [];
      const server = await httpServer((socket, request) => {
        seen.push(request);
        socket.write(OK);
      });
      const { send } = open(targetOf(server, { host: 'model.test' }), {
        headers: { authorization: 'Bearer x', 'x-both': 'run' },
        requestIds: true,
      });
      const body = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 256));
      const paths = [
        '/a?text=%E2%82%AC+x&y=a%20b&&z=',
        "/v1/models/m:predict?q=;,/?:@&=+$-_.!~*'()#",
        '/%',
        '//x/../y?',
      ];
      for (const path of paths) {
        await send(path, { seq: 7, headers: { 'content-type': 'application/x', 'x-both': 'request' }, body });
      }
      expect(seen.map(({ path }) => path)).toEqual(paths);
      for (const request of seen) {
        expect(request.method).toBe('POST');
        expect(request.body.equals(body)).toBe(true);
        expect(request.headers).toMatchObject({
          host: [`model.test:${server.port}`],
          'content-type': ['application/x'],
          'content-length': [String(body.length)],
          authorization: ['Bearer x'],
          'x-both': ['request'],
          'x-request-id': ['0000000007'],
        });
      }
    });

    it('without a body is a GET without a length, and has no id unless asked for', async () => {
      const seen: SeenRequest[] = [];
      const server = await httpServer((socket, request) => {
        seen.push(request);
        socket.write(OK);
      });
      await open(targetOf(server)).send('/ok?x=1');
      expect(seen[0]).toMatchObject({ method: 'GET', path: '/ok?x=1' });
      expect(Object.keys(seen[0]?.headers ?? {})).not.toContain('x-request-id');
      expect(Object.keys(seen[0]?.headers ?? {})).not.toContain('content-length');
    });

    it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST', 'GET', 'HEAD'] as const)('may be a %s', async (method) => {
      const seen: SeenRequest[] = [];
      const server = await httpServer((socket, request) => {
        seen.push(request);
        socket.write(method === 'HEAD' ? `${HEAD}content-length: 5\r\n\r\n` : OK);
      });
      const { send } = open(targetOf(server));
      const takesBody = method === 'PUT' || method === 'PATCH' || method === 'POST';
      expectEnd(await send('/a', { method }), { outcome: 'ok' });
      expectEnd(await send('/b', { method, body: takesBody ? Buffer.from('hello') : null }), { outcome: 'ok' });
      const lengths = seen.map(({ headers }) => headers['content-length']?.[0]);
      expect(lengths).toEqual(takesBody ? ['0', '5'] : [undefined, undefined]);
      expect(seen.map((request) => [request.method, request.path, request.body.toString()])).toEqual([
        [method, '/a', ''],
        [method, '/b', takesBody ? 'hello' : ''],
      ]);
      expect(server.accepted()).toBe(1);
    });

    it.each([
      ['a length', 'content-length: 1000\r\n'],
      ['a length above the limit', `content-length: ${2 ** 40}\r\n`],
      ['chunks', 'transfer-encoding: chunked\r\n'],
      ['nothing', ''],
    ])('to whose HEAD the answer tells of %s is answered without a body', async (what, headers) => {
      const isKept = lane.limits?.[`HEAD-${what}`] === undefined;
      const server = await httpServer((socket, { method }) => {
        socket.write(method === 'HEAD' ? `HTTP/1.1 103 Early Hints\r\n\r\n${HEAD}${headers}\r\n` : OK);
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 3; nth++) {
        const completion = await send('/', { method: 'HEAD' });
        expectEnd(completion, { outcome: 'ok', status: 200 });
        expect(completion.bytesIn).toBe(0);
        expect(completion.response?.body).toHaveLength(0);
        expect(completion.reused).toBe(isKept && nth > 0);
      }
      expect((await send('/')).response?.body.toString()).toBe('{}');
      expect(server.accepted()).toBe(isKept ? 1 : 4);
    });

    it.each([
      ['HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n', 'http_4xx', 404],
      ['HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n', 'http_3xx', 304],
    ] as const)('that is a HEAD may fail: %j', async (answer, outcome, status) => {
      const server = await httpServer((socket) => void socket.write(answer));
      const { send } = open(targetOf(server));
      expectEnd(await send('/', { method: 'HEAD' }), { outcome, origin: 'target', status });
      expectEnd(await send('/', { method: 'HEAD' }), { outcome, origin: 'target', status });
      expect(server.accepted()).toBe(1);
    });

    it('that is a HEAD never gives a body that came all the same to the next', async () => {
      const server = await httpServer((socket, { method }) => {
        socket.write(method === 'HEAD' ? `${HEAD}content-length: 38\r\n\r\n${HEAD}content-length: 0\r\n\r\n` : OK);
      });
      const { send } = open(targetOf(server));
      expectEnd(await send('/', { method: 'HEAD' }), { outcome: 'ok' });
      await sleep(20);
      expect((await send('/')).response?.body.toString()).toBe('{}');
      expect(server.accepted()).toBe(2);
    });

    it('of 5 MB arrives whole', async () => {
      const body = Buffer.alloc(5_000_000, 'abc');
      let seen: SeenRequest | undefined;
      const server = await httpServer((socket, request) => {
        seen = request;
        socket.write(OK);
      });
      expectEnd(await open(targetOf(server)).send('/', { body }), { outcome: 'ok' });
      expect(seen?.body.equals(body)).toBe(true);
    });

    it('has times that agree with the server: send <= recv <= sent <= end', async () => {
      const zeroNs = BigInt(clock.anchor().startedMonotonicNs);
      const slackUs = 500;
      const usOf = (ns: bigint) => Number(ns - zeroNs) / 1000;
      const log: { recvUs: number; sentUs: number }[] = [];
      const server = await httpServer(async (socket, request) => {
        await sleep(request.path === '/slow' ? 20 : 0);
        log.push({ recvUs: usOf(request.recvNs), sentUs: usOf(process.hrtime.bigint()) });
        socket.write(OK);
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 50; nth++) {
        const completion = await send(nth % 5 === 0 ? '/slow' : '/ok');
        expectSound(completion);
        const { recvUs, sentUs } = log[nth] as (typeof log)[number];
        expect(completion.startUs).toBeLessThanOrEqual(recvUs + slackUs);
        expect(sentUs).toBeLessThanOrEqual((completion.firstByteUs as number) + slackUs);
        expect(sentUs).toBeLessThanOrEqual(completion.endUs + slackUs);
        expect(recvUs).toBeLessThanOrEqual(sentUs);
      }
    });

    it('has its first byte before its last', async () => {
      const server = await httpServer(drip(['HTTP/1.1 200 OK\r\n', 'content-length: 4\r\n\r\n', 'ab', 'cd'], 40));
      const { startUs, firstByteUs = 0, endUs } = await open(targetOf(server)).send('/');
      expect(endUs - firstByteUs).toBeGreaterThan(100_000);
      expect(firstByteUs).toBeGreaterThan(startUs);
    });
  });

  describe('connections', () => {
    it('are kept and say so', async () => {
      const server = await httpServer((socket) => void socket.write(OK));
      const { send } = open(targetOf(server));
      const reused = [];
      for (let nth = 0; nth < 5; nth++) {
        reused.push((await send('/ok')).reused);
      }
      expect(reused).toEqual([false, true, true, true, true]);
      expect(server.accepted()).toBe(1);
    });

    it('are not reused after connection: close', async () => {
      const server = await httpServer(writeAndEnd(`${HEAD}connection: close\r\ncontent-length: 2\r\n\r\n{}`));
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 3; nth++) {
        const completion = await send('/ok');
        expectEnd(completion, { outcome: 'ok' });
        expect(completion.reused).toBe(false);
      }
      expect(server.accepted()).toBe(3);
    });

    it('are one for each lane, whatever the order', async () => {
      const seen = new Map<string, Set<number>>();
      const server = await httpServer((socket, { path, connection }) => {
        seen.set(path, (seen.get(path) ?? new Set()).add(connection));
        setTimeout(() => socket.write(OK), 5);
      });
      const { send } = open(targetOf(server));
      const lanes = [0, 1, 2, 3, 9, 4, 7];
      for (let round = 0; round < 3; round++) {
        const completions = await Promise.all(lanes.map((connection) => send(`/${connection}`, { connection })));
        expect(completions.map(({ outcome }) => outcome)).toEqual(lanes.map(() => 'ok'));
        lanes.reverse();
      }
      expect(server.accepted()).toBe(lanes.length);
      expect([...seen.values()].map((connections) => connections.size)).toEqual(lanes.map(() => 1));
    });

    it('closed by the server while idle are replaced', async () => {
      const server = await httpServer((socket) => void socket.write(OK));
      const { send } = open(targetOf(server));
      expectEnd(await send('/ok'), { outcome: 'ok' });
      server.cut();
      await becomesTrue(() => server.open() === 0);
      await sleep(20);
      const next = await send('/ok');
      expectEnd(next, { outcome: 'ok' });
      expect(next.reused).toBe(false);
    });

    it('F07 closed by the server as they are used are stale, and never retried', async () => {
      const seen: string[] = [];
      const server = await httpServer((socket, { headers }) => {
        seen.push(headers['x-request-id']?.[0] ?? '');
        socket.write(OK);
        setTimeout(() => socket.destroy(), 3);
      });
      const { send } = open(targetOf(server), { requestIds: true });
      const pause = seeded(7);
      let answered = 0;
      for (let seq = 0; seq < 200; seq++) {
        const completion = await send('/ok', { seq });
        expectEnd(completion, { outcome: ['ok', 'stale_connection'], origin: 'network' });
        answered += completion.outcome === 'ok' ? 1 : 0;
        await sleep(2 + 2 * pause());
      }
      expect(answered).toBeGreaterThan(0);
      expect(seen.length).toBeGreaterThanOrEqual(answered);
      expect(new Set(seen).size).toBe(seen.length);
    });

    it('F13 with more bytes than the length says never give them to the next request', async () => {
      const server = await httpServer((socket, { path }) => {
        socket.write(
          path === '/ok'
            ? OK
            : `${HEAD}content-length: 3\r\n\r\n{"a":1}HTTP/1.1 201 Evil\r\ncontent-length: 2\r\n\r\n[]`,
        );
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 5; nth++) {
        const completion = await send('/surplus');
        expectEnd(completion, { outcome: ['ok', 'framing_error'], origin: 'target' });
        if (completion.outcome === 'ok') {
          expect(completion.response?.body.toString()).toBe('{"a');
        }
        const next = await send('/ok');
        expectEnd(next, { outcome: ['ok', 'framing_error'], origin: 'target' });
        expect(next.status ?? 200).toBe(200);
      }
    });

    it('F18 that are greeted with a 408 are answered with it', async () => {
      const server = await tcpServer((socket) => {
        socket.resume();
        socket.end(httpAnswer('', 'HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n'));
      });
      const { send } = open(targetOf(server));
      expectEnd(await send('/'), { outcome: 'http_4xx', origin: 'target', status: 408 });
      expectEnd(await send('/'), { outcome: 'http_4xx', origin: 'target', status: 408 });
    });

    it('F28a half-closed after a full answer are replaced', async () => {
      const server = await httpServer((socket) => void socket.end(OK));
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 5; nth++) {
        expectEnd(await send('/ok'), { outcome: ['ok', 'stale_connection'], origin: 'network' });
        await sleep(10);
      }
    });
  });

  describe('a fault', () => {
    const faulty = (answer: Answer) =>
      httpServer((socket, request) => (request.path === '/ok' ? void socket.write(OK) : answer(socket, request)));

    it.each(FAULTS)('$id $what', async (fault) => {
      let requests = 0;
      const server = await faulty((socket, request) => {
        requests++;
        fault.answer(socket, request);
      });
      const { send } = open(targetOf(server));
      const first = await send('/fault');
      expectEnd(first, expected(fault.id, fault));
      expect(first.reused).toBe(false);
      expectEnd(await send('/ok'), { outcome: 'ok' });
      const second = await send('/fault');
      expectEnd(second, expected(fault.id, fault.reused ?? fault));
      expect(second.reused).toBe(true);
      expectEnd(await send('/ok'), { outcome: 'ok' });
      expect(requests).toBe(2);
    });

    it.each(LATE_FAULTS)('$id $what', async (fault) => {
      const server = await faulty(fault.answer);
      const { send, timed } = open(targetOf(server));
      for (const reused of [false, true]) {
        const sent = await timed('/fault', { timeoutMs: fault.timeoutMs });
        expectEnd(sent.completion, fault);
        expectOnTime(sent);
        expect(sent.completion.reused).toBe(reused);
        expectEnd(await send('/ok'), { outcome: 'ok' });
      }
    });

    it('F01 nothing listens', async () => {
      const server = await tcpServer(() => {});
      const { port } = server;
      await server.close();
      const { send } = open(targetOf({ port }));
      expectEnd(await send('/'), { outcome: 'connect_refused', origin: 'network' });
      const completion = await send('/');
      expectEnd(completion, { outcome: 'connect_refused', origin: 'network' });
      expect(completion).toMatchObject({ reused: false, bytesIn: 0 });
      await httpServer((socket) => void socket.write(OK), { port });
      expectEnd(await send('/'), { outcome: 'ok' });
    });

    it.skipIf(!hasProgram('python3'))('F02 the SYN is never answered (needs python3)', async () => {
      const hole = await blackHole();
      const { send, timed } = open(targetOf(hole));
      const sent = await timed('/early', { timeoutMs: 200 });
      expectEnd(sent.completion, { outcome: 'connect_timeout', origin: 'network' });
      expectOnTime(sent);
      expect(await becomesTrue(() => connecting() === 0)).toBe(true);
      await hole.kill();
      const seen: string[] = [];
      await httpServer(
        (socket, { path }) => {
          seen.push(path);
          socket.write(OK);
        },
        { port: hole.port },
      );
      expectEnd(await send('/later'), { outcome: 'ok' });
      // The kernel sends a SYN again after a second: what waited for it would show now.
      await sleep(1_200);
      expect(seen).toEqual(['/later']);
    });

    it('F24 stops reading at once', async () => {
      let written = 0;
      const chunk = Buffer.alloc(2 ** 20, 'x');
      const server = await httpServer((socket) => {
        socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
        const more = () => {
          let room = true;
          while (room && !socket.destroyed) {
            room = socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
            written += chunk.length;
          }
        };
        socket.on('drain', more);
        more();
      });
      const completion = await open(targetOf(server)).send('/', { timeoutMs: 30_000 });
      expectEnd(completion, { outcome: 'body_too_large', origin: 'target', status: 200 });
      expect(completion.bytesIn).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
      expect(await becomesTrue(() => server.open() === 0)).toBe(true);
      expect(written).toBeLessThan(MAX_ANSWER_BYTES * 1.5);
    });

    it('F28b 413 while a large body is still on its way', async () => {
      const body = Buffer.alloc(20_000_000, 'x');
      const server = await tcpServer((socket, connection) => {
        if (connection > 0) {
          socket.once('data', () => socket.write(OK));
          return;
        }
        socket.once('data', () => socket.write(httpAnswer('', 'HTTP/1.1 413 Too Large\r\nconnection: close\r\n')));
        socket.on('data', () => {});
      });
      const { send } = open(targetOf(server));
      expectEnd(await send('/', { body }), { outcome: 'http_4xx', origin: 'target', status: 413 });
      expectEnd(await send('/ok'), { outcome: 'ok' });
    });

    it('F28b 413 to a large body that is then not read', async () => {
      const body = Buffer.alloc(20_000_000, 'x');
      let stuck: Socket | undefined;
      const server = await tcpServer((socket, connection) => {
        socket.once('data', () => {
          if (connection === 0) {
            stuck = socket.pause();
          }
          socket.write(connection === 0 ? httpAnswer('', 'HTTP/1.1 413 Too Large\r\n') : OK);
        });
      });
      const { send } = open(targetOf(server));
      expectEnd(await send('/', { body }), { outcome: 'http_4xx', origin: 'target', status: 413 });
      const next = await send('/ok');
      expectEnd(next, { outcome: 'ok' });
      expect(next.reused).toBe(false);
      // Only now can it see that the client has gone.
      stuck?.resume();
    });

    it('F28c RST while a large body is on its way', async () => {
      const body = Buffer.alloc(20_000_000, 'x');
      const server = await tcpServer((socket, connection) => {
        socket.once('data', () => (connection === 0 ? socket.resetAndDestroy() : socket.write(OK)));
      });
      const { send } = open(targetOf(server));
      expectEnd(await send('/', { body }), { outcome: 'reset_before_response', origin: 'network' });
      expectEnd(await send('/ok'), { outcome: 'ok' });
    });

    it('F28c the server never reads a large body', async () => {
      const body = Buffer.alloc(20_000_000, 'x');
      let stuck: Socket | undefined;
      const server = await tcpServer((socket, connection) => {
        if (connection === 0) {
          stuck = socket.pause();
        } else {
          socket.once('data', () => socket.write(OK));
        }
      });
      const { send, timed } = open(targetOf(server));
      const sent = await timed('/', { body, timeoutMs: 500 });
      expectEnd(sent.completion, { outcome: 'timeout_total', origin: 'target' });
      expectOnTime(sent);
      expectEnd(await send('/ok'), { outcome: 'ok' });
      // Only now can it see that the client has gone.
      stuck?.resume();
    });

    it('F28d the server is killed and comes back', async () => {
      const first = await httpChild();
      const { send } = open(targetOf(first));
      const lanes = [0, 1, 2, 3];
      const seen: Completion[] = [];
      let running = true;
      const users = lanes.map(async (connection) => {
        while (running) {
          const completion = await send('/', { connection, timeoutMs: 2_000 });
          seen.push(completion);
          await sleep(5);
        }
      });
      await sleep(200);
      await first.kill();
      await sleep(300);
      expect(seen.some(({ outcome }) => outcome === 'connect_refused')).toBe(true);
      await httpChild(first.port);
      const backUs = clock.nowUs();
      await sleep(300);
      running = false;
      await Promise.all(users);
      const allowed = ['ok', 'connect_refused', 'stale_connection', 'reset_before_response', 'closed_before_response'];
      for (const completion of seen) {
        expectEnd(completion, { outcome: allowed as Expected['outcome'], origin: 'network' });
      }
      expect(seen.filter(({ startUs, outcome }) => startUs > backUs && outcome !== 'ok')).toEqual([]);
      expect(seen.filter(({ startUs }) => startUs > backUs).length).toBeGreaterThan(10);
    });
  });

  describe.skipIf(!hasProgram('openssl', ['version']))('TLS (needs openssl)', () => {
    let certificates: Certificates;
    beforeAll(() => {
      certificates = makeCertificates();
    });
    const secure = { secure: true, host: 'localhost' } as const;
    const answerOk: Answer = (socket) => void socket.write(OK);

    it('carries requests', async () => {
      const { ca, good } = certificates;
      const server = await httpServer(answerOk, { tls: good });
      const { send } = open(targetOf(server, secure), { ca });
      expectEnd(await send('/ok'), { outcome: 'ok', status: 200 });
      const second = await send('/ok', { body: Buffer.alloc(100_000) });
      expectEnd(second, { outcome: 'ok' });
      expect(second.reused).toBe(true);
      expect(server.accepted()).toBe(1);
    });

    it.each([
      ['F06', (socket: Socket) => void socket.destroy(), { outcome: 'closed_before_response', origin: 'network' }],
      ['F09', writeAndEnd(`${HEAD}content-length: 9\r\n\r\nhalf`), TRUNCATED],
      ['F10', writeAndEnd(`${HEAD}transfer-encoding: chunked\r\n\r\n9\r\nhalf`), TRUNCATED],
      ['F14', write('what is this\r\n\r\n'), FRAMING],
    ] as const)('%s is the same as without', async (_id, answer, fault) => {
      const { ca, good } = certificates;
      const server = await httpServer(
        (socket, request) => (request.path === '/ok' ? answerOk : answer)(socket, request),
        {
          tls: good,
        },
      );
      const { send } = open(targetOf(server, secure), { ca });
      expectEnd(await send('/fault'), fault);
      expectEnd(await send('/ok'), { outcome: 'ok' });
    });

    it('takes an address for a name', async () => {
      const { ca, good } = certificates;
      const server = await httpServer(answerOk, { tls: good });
      const { send } = open(targetOf(server, { secure: true }), { ca });
      expectEnd(await send('/ok'), { outcome: 'ok' });
    });

    it.each([
      ['F29', 'expired', 'expired', 'tls_expired'],
      ['F29', 'not yet valid', 'notYetValid', 'tls_not_yet_valid'],
      ['F30', 'of another host', 'otherHost', 'tls_hostname'],
      ['F31', 'self-signed', 'selfSigned', 'tls_self_signed'],
    ] as const)('%s certificate %s', async (_id, _what, which, outcome) => {
      const server = await httpServer(answerOk, { tls: certificates[which] });
      const { send } = open(targetOf(server, secure), { ca: certificates.ca });
      expectEnd(await send('/ok'), { outcome, origin: 'network' });
      expectEnd(await send('/ok'), { outcome, origin: 'network' });
    });

    it('F31 certificate of an unknown authority', async () => {
      const { ca, good } = certificates;
      const leaf = await httpServer(answerOk, { tls: good });
      expectEnd(await open(targetOf(leaf, secure)).send('/ok'), { outcome: 'tls_untrusted', origin: 'network' });
      const chain = await httpServer(answerOk, { tls: { ...good, cert: `${good.cert}${ca}` } });
      expectEnd(await open(targetOf(chain, secure)).send('/ok'), { outcome: 'tls_untrusted', origin: 'network' });
    });

    it.each(['TLSv1.2', 'TLSv1.3'] as const)('F32 the server wants a certificate, %s', async (version) => {
      const { ca, good } = certificates;
      const server = await httpServer(answerOk, {
        tls: { ...good, ca, requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version },
      });
      const { send } = open(targetOf(server, secure), { ca });
      for (let nth = 0; nth < 5; nth++) {
        expectEnd(await send('/ok'), { outcome: 'tls_client_cert', origin: 'network' });
      }
    });

    it('F33 an old protocol', async () => {
      const { ca, good } = certificates;
      const server = await httpServer(answerOk, {
        tls: { ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' },
      });
      expectEnd(await open(targetOf(server, secure), { ca }).send('/ok'), {
        outcome: 'tls_protocol',
        origin: 'network',
      });
    });

    it('F33 TLS to a plain port', async () => {
      const server = await tcpServer((socket) => {
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'));
      });
      const { send } = open(targetOf(server, secure));
      expectEnd(await send('/ok'), { outcome: 'tls_protocol', origin: 'network' });
      expectEnd(await send('/ok'), { outcome: 'tls_protocol', origin: 'network' });
    });

    it('F34 the handshake stalls', async () => {
      const server = await tcpServer((socket) => void socket.resume());
      const { timed } = open(targetOf(server, secure));
      const sent = await timed('/ok', { timeoutMs: 300 });
      expectEnd(sent.completion, { outcome: 'tls_timeout', origin: 'network' });
      expectOnTime(sent);
    });

    it.each(['FIN', 'RST'])('F34 the handshake ends with %s', async (how) => {
      const server = await tcpServer((socket) => {
        socket.once('data', () => (how === 'FIN' ? socket.end() : socket.resetAndDestroy()));
      });
      const { send } = open(targetOf(server, secure));
      expectEnd(await send('/ok'), { outcome: 'connect_reset', origin: 'network' });
    });

    it('plain HTTP to a TLS port is no HTTP', async () => {
      const server = await httpServer(answerOk, { tls: certificates.good });
      const { outcome } = await open(targetOf(server)).send('/ok');
      expect(['framing_error', 'closed_before_response', 'reset_before_response']).toContain(outcome);
    });
  });

  it('runs over IPv6 where there is one', async ({ skip }) => {
    const server = await httpServer((socket, { headers }) => void socket.write(httpAnswer(headers.host?.[0] ?? '')), {
      host: '::1',
    }).catch(() => undefined);
    if (!server) {
      skip('no ::1 here');
      return;
    }
    const { send } = open(targetOf(server, { host: '::1', address: '::1' }));
    expect((await send('/')).response?.body.toString()).toBe(`[::1]:${server.port}`);
  });

  it('a request that cannot be written fails alone, and not at once', async () => {
    const server = await httpServer((socket) => void socket.write(OK));
    const { send } = open(targetOf(server));
    const completion = await send('/ok', { headers: { 'x-bad': 'a\r\nb' } });
    expectEnd(completion, { outcome: 'unknown', origin: 'local' });
    expectEnd(await send('/ok'), { outcome: 'ok' });
  });

  it('a next request may be sent from the callback of the last', async () => {
    const server = await httpServer((socket, { path }) => {
      if (path === '/rst') {
        socket.resetAndDestroy();
      } else {
        socket.write(OK);
      }
    });
    const { start } = open(targetOf(server));
    const paths = ['/ok', '/ok', '/rst', '/ok', '/rst', '/rst', '/ok', '/ok'];
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
    expect(outcomes.map((outcome) => outcome === 'ok')).toEqual(paths.map((path) => path === '/ok'));
  });

  it('a callback that throws is a bug that is heard of', async () => {
    const server = await httpServer((socket) => void socket.write(OK));
    const { start, send } = open(targetOf(server));
    const uncaught = await uncaughtDuring(
      () =>
        new Promise<void>((resolve) => {
          start('/ok', {}, () => {
            resolve();
            throw new Error('a bug of the caller');
          });
        }),
    );
    expect(uncaught).toMatchObject([{ message: 'a bug of the caller' }]);
    expectEnd(await send('/ok', { connection: 1 }), { outcome: 'ok' });
  });

  it('a step of the wall clock does not touch deadlines', async () => {
    const server = await httpServer((socket) => void setTimeout(() => socket.write(OK), 50));
    const { send } = open(targetOf(server));
    const pending = send('/ok');
    const completions = await withWallClockAhead(() => Promise.all([pending, send('/ok', { connection: 1 })]));
    expect(completions.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
  });

  it('deadlines on many lanes are kept, never early', async () => {
    const server = await httpServer(() => {});
    const { timed } = open(targetOf(server));
    const all = Array.from({ length: 40 }, (_, connection) =>
      timed('/', { connection, timeoutMs: 100 + 5 * connection }),
    );
    for (const sent of await Promise.all(all)) {
      expectSound(sent.completion);
      expect(['timeout_ttfb', 'connect_timeout']).toContain(sent.completion.outcome);
      expectOnTime(sent);
    }
  });

  it('everything settles over 3000 requests of eight faults', async () => {
    const faults: readonly (readonly [path: string, answer: Answer, outcomes: readonly string[]])[] = [
      ['/ok', write(OK.toString('latin1')), ['ok']],
      ['/slow', (socket) => void setTimeout(() => socket.write(OK), 5), ['ok']],
      ['/reset', (socket) => void socket.resetAndDestroy(), ['reset_before_response', 'stale_connection']],
      ['/closed', (socket) => void socket.end(), ['closed_before_response', 'stale_connection']],
      ['/cut', writeAndEnd(`${HEAD}content-length: 9\r\n\r\nhalf`), ['truncated_body']],
      ['/garbage', write('what is this\r\n\r\n'), ['framing_error']],
      ['/stall', write(`${HEAD}content-length: 9\r\n\r\n`), ['timeout_total', 'timeout_ttfb', 'connect_timeout']],
      ['/silent', () => {}, ['timeout_ttfb', 'connect_timeout']],
      ['/refusal', write('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'), ['http_5xx']],
      ['/close', writeAndEnd(`${HEAD}connection: close\r\n\r\n{}`), ['ok']],
    ];
    const server = await httpServer((socket, request) => {
      faults.find(([path]) => path === request.path)?.[1](socket, request);
    });
    const { send } = open(targetOf(server));
    const lanes = Array.from({ length: 20 }, (_, connection) => connection);
    const wrong: string[] = [];
    let settled = 0;
    await Promise.all(
      lanes.map(async (connection) => {
        const draw = seeded(1_000 + connection);
        for (let nth = 0; nth < 150; nth++) {
          const [path, , outcomes] = faults[Math.floor(draw() * faults.length)] as (typeof faults)[number];
          const { outcome } = await send(path, {
            connection,
            timeoutMs: outcomes[0]?.startsWith('timeout') ? 40 : 20_000,
          });
          settled++;
          if (!outcomes.includes(outcome)) {
            wrong.push(`${path}: ${outcome}`);
          }
        }
      }),
    );
    expect(wrong).toEqual([]);
    expect(settled).toBe(3_000);
  });

  it('close cuts what is in flight without a word', async () => {
    const server = await httpServer((socket, { path }) => {
      if (path === '/half') {
        socket.write(`${HEAD}content-length: 9\r\n\r\nhalf`);
      }
    });
    const { transport, start } = open(targetOf(server));
    const ends: Completion[] = [];
    for (const [connection, path] of ['/silent', '/half', '/silent'].entries()) {
      start(path, { connection, timeoutMs: 300 }, (completion) => ends.push(completion));
    }
    await becomesTrue(() => server.accepted() === 3);
    await sleep(50);
    // Begun, and cut before it was connected.
    start('/silent', { connection: 3, timeoutMs: 300 }, (completion) => ends.push(completion));
    await transport.close();
    expect(await becomesTrue(() => server.open() === 0)).toBe(true);
    await sleep(400);
    expect(ends).toEqual([]);
  });

  it('close of idle connections leaves none open', async () => {
    const server = await httpServer((socket) => void socket.write(OK));
    const { transport, send } = open(targetOf(server));
    await Promise.all([0, 1, 2, 3].map((connection) => send('/ok', { connection })));
    expect(server.open()).toBe(4);
    await transport.close();
    expect(await becomesTrue(() => server.open() === 0)).toBe(true);
  });

  it.skipIf(!hasProgram('python3'))('close does not wait for a connect (needs python3)', async () => {
    const hole = await blackHole();
    const { transport, start } = open(targetOf(hole));
    const ends: Completion[] = [];
    start('/', { timeoutMs: 200 }, (completion) => ends.push(completion));
    expect(await becomesTrue(() => connecting() === 1)).toBe(true);
    await transport.close();
    await sleep(300);
    expect(ends).toEqual([]);
    expect(connecting()).toBe(0);
  });

  it(`has a limit of ${MAX_INTERIM_ANSWERS} interim answers`, async () => {
    const server = await httpServer((socket, { path }) => {
      socket.write(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(Number(path.slice(1)))}${OK}`);
    });
    const { send } = open(targetOf(server));
    expectEnd(await send(`/${MAX_INTERIM_ANSWERS}`), { outcome: 'ok' });
    expectEnd(await send(`/${MAX_INTERIM_ANSWERS + 1}`), FRAMING);
  });
}
