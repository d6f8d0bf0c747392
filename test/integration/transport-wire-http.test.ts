import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { WireRequest } from '../../src/protocols/protocol.js';
import { ANY_CONNECTION, type Completion, type TransportOptions } from '../../src/transports/transport.js';
import { createWireHttpTransport } from '../../src/transports/wire-http.js';
import { bench, expectEnd, expectOnTime } from '../contract/transport-bench.js';
import { connectionsContract } from '../contract/transport-connections.js';
import { httpTransportContract } from '../contract/transport-http.js';
import { streamsContract } from '../contract/transport-streams.js';
import {
  becomesTrue,
  blackHole,
  closeServers,
  friendlyHttpServer,
  hasProgram,
  httpAnswer,
  httpServer,
  sleep,
  targetOf,
  tcpServer,
} from '../support/servers.js';

const LANE = { name: 'wire-http', create: createWireHttpTransport };
const OK = httpAnswer('{}');

describe('HTTP on the wire lane: its connections', () => {
  connectionsContract({ ...LANE, path: '/', serve: friendlyHttpServer });
});

describe('HTTP on the wire lane: answers in parts', () => {
  streamsContract(LANE);
});

describe('HTTP on the wire lane', () => {
  httpTransportContract(LANE);

  describe('by itself', () => {
    const { open, end } = bench(LANE);
    afterEach(async () => {
      await end();
      await closeServers();
    });
    const anyOf = { connection: ANY_CONNECTION } as const;

    it('opens no more connections than it may, and takes who waits in order', async () => {
      const seen: string[] = [];
      const server = await httpServer((socket, { path }) => {
        seen.push(path);
        setTimeout(() => socket.write(OK), 10);
      });
      const { send } = open(targetOf(server), { maxConnections: 2 });
      const paths = Array.from({ length: 9 }, (_, nth) => `/${nth}`);
      const completions = await Promise.all(paths.map((path) => send(path, anyOf)));
      expect(completions.map(({ outcome }) => outcome)).toEqual(paths.map(() => 'ok'));
      expect(server.accepted()).toBe(2);
      expect(seen).toEqual(paths);
      const starts = completions.map(({ startUs }) => startUs);
      expect([...starts].sort((a, b) => a - b)).toEqual(starts);
      // The wait is not part of it.
      for (const { startUs, endUs } of completions) {
        expect(endUs - startUs).toBeLessThan(starts.at(-1)! - starts[0]!);
      }
    });

    it('uses the connection that has been idle for longest', async () => {
      const seen: number[] = [];
      const server = await httpServer((socket, { connection }) => {
        seen.push(connection);
        socket.write(OK);
      });
      const { transport, send } = open(targetOf(server), { maxConnections: 3 });
      await transport.open(3);
      for (let nth = 0; nth < 6; nth++) {
        await send('/', anyOf);
      }
      expect(new Set(seen.slice(0, 3)).size).toBe(3);
      expect(seen.slice(3)).toEqual(seen.slice(0, 3));
    });

    it('lets a request wait for its connection', async () => {
      const seen: string[] = [];
      const server = await httpServer((socket, { path }) => {
        seen.push(path);
        setTimeout(() => (path === '/1' ? socket.resetAndDestroy() : socket.write(OK)), 10);
      });
      const { send } = open(targetOf(server));
      const ends = await Promise.all(['/0', '/1', '/2', '/3'].map((path) => send(path)));
      expect(ends.map(({ outcome }) => outcome)).toEqual(['ok', 'stale_connection', 'ok', 'ok']);
      expect(seen).toEqual(['/0', '/1', '/2', '/3']);
    });

    it('puts a request that was sent from a callback behind those that wait', async () => {
      const seen: string[] = [];
      const server = await httpServer((socket, { path }) => {
        seen.push(path);
        socket.write(OK);
      });
      const { start } = open(targetOf(server), { maxConnections: 1 });
      await new Promise<void>((resolve) => {
        start('/a', anyOf, () => start('/c', anyOf, () => resolve()));
        start('/b', anyOf, ({ response }) => expect(response?.body.toString()).toBe('{}'));
      });
      expect(seen).toEqual(['/a', '/b', '/c']);
    });

    it('blames the cap where a request waited for nothing else', async () => {
      const server = await httpServer(
        (socket, { path }) => void setTimeout(() => socket.write(OK), Number(path.slice(1))),
      );
      const { send, timed } = open(targetOf(server), { maxConnections: 1 });
      await send('/0', anyOf);
      const first = send('/300', anyOf);
      const sent = await timed('/0', { ...anyOf, timeoutMs: 100 });
      expectEnd(sent.completion, { outcome: 'timeout_ttfb', origin: 'local' });
      expectOnTime(sent);
      expect(sent.completion.startUs).toBe(sent.completion.endUs);
      expectEnd(await first, { outcome: 'ok' });
      expectEnd(await send('/0', anyOf), { outcome: 'ok' });
    });

    it.skipIf(!hasProgram('python3'))(
      'blames the network where no connection could be made (needs python3)',
      async () => {
        const hole = await blackHole();
        const { send } = open(targetOf(hole), { maxConnections: 1 });
        const ends = await Promise.all([
          send('/', { ...anyOf, timeoutMs: 150 }),
          send('/', { ...anyOf, timeoutMs: 100 }),
        ]);
        for (const completion of ends) {
          expectEnd(completion, { outcome: 'connect_timeout', origin: 'network' });
        }
      },
    );

    it('says with one failure each that nothing listens, to all who wait', async () => {
      const server = await tcpServer(() => {});
      const { port } = server;
      await server.close();
      const { send } = open(targetOf({ port }), { maxConnections: 2 });
      const ends = await Promise.all(Array.from({ length: 10 }, () => send('/', anyOf)));
      for (const completion of ends) {
        expectEnd(completion, { outcome: 'connect_refused', origin: 'network' });
      }
    });

    it('opens before the run, and counts what it has to open in it', async () => {
      const server = await httpServer((socket, { path }) => {
        if (path === '/close') {
          socket.end(httpAnswer('{}', 'HTTP/1.1 200 OK\r\nconnection: close\r\n'));
        } else {
          socket.write(OK);
        }
      });
      const { transport, send } = open(targetOf(server));
      await transport.open(4);
      expect(await becomesTrue(() => server.accepted() === 4)).toBe(true);
      expect((await send('/ok', { connection: 3 })).reused).toBe(false);
      expect((await send('/ok', { connection: 3 })).reused).toBe(true);
      expect(transport.handshakes.count).toBe(0);
      await send('/close', { connection: 2 });
      await send('/ok', { connection: 2 });
      await send('/ok', { connection: 4 });
      expect(server.accepted()).toBe(6);
      expect(transport.handshakes.count).toBe(2);
      const durationsMs = transport.handshakes.takeMs();
      expect(durationsMs).toHaveLength(2);
      expect(Math.min(...durationsMs)).toBeGreaterThan(0);
      expect(Math.max(...durationsMs)).toBeLessThan(1_000);
      expect(transport.handshakes.takeMs()).toEqual([]);
      expect(transport.handshakes.count).toBe(2);
    });

    it('lets a server close that said it would, and closes when it does not', async () => {
      const seen: (string | undefined)[] = [];
      let halfOpen: Socket | undefined;
      const server = await httpServer((socket, { headers, path }) => {
        seen.push(headers.connection?.[0]);
        if (path === '/stays') {
          halfOpen = socket;
          socket.write(httpAnswer('{}', 'HTTP/1.1 200 OK\r\nconnection: close\r\n'));
        } else {
          socket.end(httpAnswer('{}', 'HTTP/1.1 200 OK\r\nconnection: close\r\n'));
        }
      });
      const { send } = open(targetOf(server), { fresh: true });
      expect((await send('/')).outcome).toBe('ok');
      expect(await becomesTrue(() => server.open() === 0)).toBe(true);
      expect((await send('/stays')).outcome).toBe('ok');
      // The server waits for nobody: the client still listens to it, and gives up after a while.
      expect(halfOpen?.readyState).toBe('open');
      expect(await becomesTrue(() => server.open() === 0)).toBe(true);
      expect(seen).toEqual(['close', 'close']);
    });

    it('cannot open where nothing listens', async () => {
      const server = await tcpServer(() => {});
      const { port } = server;
      await server.close();
      const { transport } = open(targetOf({ port }));
      await expect(transport.open(3)).rejects.toMatchObject({
        kind: 'unreachable',
        message: expect.stringContaining(`127.0.0.1:${port}`),
      });
    });

    it('keeps ids apart while the kernel has not taken a request whole', async () => {
      const request: WireRequest = {
        method: 'POST',
        path: '/',
        headers: {},
        body: Buffer.alloc(6_000_000, 'x'),
        batch: 1,
      };
      const seen: string[] = [];
      let whole = 0;
      const server = await httpServer((socket, { headers, body }) => {
        seen.push(headers['x-request-id']?.[0] ?? '');
        whole += body.equals(request.body as Buffer) ? 1 : 0;
        socket.write(OK);
      });
      const options: TransportOptions = {
        target: targetOf(server),
        clock: systemClock(),
        headers: {},
        requestIds: true,
        maxConnections: 8,
      };
      const transport = createWireHttpTransport(options);
      const ends: Completion['outcome'][] = [];
      for (let seq = 0; seq < 8; seq++) {
        transport.send(request, { seq: 1_234_567_890 + seq, connection: seq, deadlineUs: 20e6 }, ({ outcome }) => {
          ends.push(outcome);
        });
      }
      expect(await becomesTrue(() => ends.length === 8)).toBe(true);
      await transport.close();
      expect(ends).toEqual(Array(8).fill('ok'));
      expect(seen.sort()).toEqual(Array.from({ length: 8 }, (_, seq) => String(1_234_567_890 + seq)));
      expect(whole).toBe(8);
    });

    it('drops a connection on which bytes come that nobody asked for', async () => {
      const server = await httpServer((socket) => {
        socket.write(OK);
        setTimeout(() => socket.write(httpAnswer('evil', 'HTTP/1.1 201 Evil\r\n')), 20);
      });
      const { send } = open(targetOf(server));
      for (let nth = 0; nth < 3; nth++) {
        const completion = await send('/');
        expectEnd(completion, { outcome: 'ok', status: 200 });
        expect(completion.reused).toBe(false);
        expect(await becomesTrue(() => server.open() === 0)).toBe(true);
      }
    });

    it('does nothing after close', async () => {
      const server = await httpServer((socket) => void socket.write(OK));
      const { transport, start, send } = open(targetOf(server), { maxConnections: 1 });
      await send('/');
      const ends: Completion[] = [];
      start('/', anyOf, (completion) => ends.push(completion));
      start('/', anyOf, (completion) => ends.push(completion));
      await transport.close();
      start('/', anyOf, (completion) => ends.push(completion));
      await sleep(50);
      expect(ends).toEqual([]);
      expect(server.accepted()).toBe(1);
    });
  });
});
