import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ANY_CONNECTION } from '../../src/transports/transport.js';
import {
  becomesTrue,
  type Certificates,
  closeServers,
  hasProgram,
  makeCertificates,
  type TcpServerOptions,
  type TestServer,
  targetOf,
  tcpServer,
} from '../support/servers.js';
import { bench, expectEnd, expectSound, type LaneUnderTest } from './transport-bench.js';

/** A transport and a server that answers all its requests. */
export interface ConnectionsUnderTest extends LaneUnderTest {
  readonly path: string;
  readonly serve: (options?: TcpServerOptions) => Promise<TestServer>;
}

/** What any transport does with its connections: opens them before the run, makes new ones, trusts certificates. */
export function connectionsContract(lane: ConnectionsUnderTest): void {
  const { path, serve } = lane;
  const { open, end } = bench(lane);

  afterEach(async () => {
    await end();
    await closeServers();
  });

  describe('open', () => {
    it('makes all connections, which are then used', async () => {
      const server = await serve();
      const { transport, send } = open(targetOf(server), { maxConnections: 70 });
      await transport.open(70);
      // The kernel shakes hands before the server hears of it.
      expect(await becomesTrue(() => server.accepted() === 70)).toBe(true);
      expect(transport.handshakes.count).toBe(0);
      for (const connection of [0, 69]) {
        const completion = await send(path, { connection });
        expectEnd(completion, { outcome: 'ok' });
        expect(completion.reused).toBe(false);
      }
      expect(server.accepted()).toBe(70);
      expect(transport.handshakes.count).toBe(0);
    });

    it('says that nothing listens', async () => {
      const { port, close } = await tcpServer(() => {});
      await close();
      await expect(open(targetOf({ port })).transport.open(3)).rejects.toMatchObject({
        kind: 'unreachable',
        message: expect.stringMatching(
          new RegExp(
            `^Cannot open connection \\d of 3 to 127\\.0\\.0\\.1:${port}: connection refused: nothing listens there$`,
          ),
        ),
        hint: expect.stringContaining('nothing was sent'),
      });
    });

    it('says that the server keeps fewer', async () => {
      // A server at its limit takes a connection and closes it.
      const server = await serve({ most: 3 });
      await expect(open(targetOf(server)).transport.open(4)).rejects.toMatchObject({
        kind: 'unreachable',
        message: expect.stringMatching(/^Cannot open connection \d of 4 to 127\.0\.0\.1:\d+: the server /),
      });
    });
  });

  describe('fresh', () => {
    it('makes a connection for each request, and its time counts', async () => {
      const server = await serve();
      const { transport, send } = open(targetOf(server), { fresh: true });
      await transport.open(2);
      expect(await becomesTrue(() => server.accepted() === 2 && server.open() === 0)).toBe(true);
      for (let nth = 1; nth <= 5; nth++) {
        const completion = await send(path, { connection: nth % 2 });
        expectEnd(completion, { outcome: 'ok' });
        expect(completion.reused).toBe(false);
        expect(server.accepted()).toBe(2 + nth);
        expect(transport.handshakes.count).toBe(nth);
        const [handshakeMs = 0, ...more] = transport.handshakes.takeMs();
        expect(more).toEqual([]);
        expect(handshakeMs).toBeGreaterThan(0);
        expect((completion.firstByteUs as number) - completion.startUs).toBeGreaterThanOrEqual(handshakeMs * 1000);
      }
      expect(await becomesTrue(() => server.open() === 0)).toBe(true);
    });

    it('does so for many at once, and for those that wait for one', async () => {
      const server = await serve();
      const { send } = open(targetOf(server), { fresh: true, maxConnections: 3 });
      const anyOf = Array.from({ length: 20 }, () => send(path, { connection: ANY_CONNECTION }));
      const pinned = Array.from({ length: 10 }, () => send(path, { connection: 1 }));
      for (const completion of await Promise.all([...anyOf, ...pinned])) {
        expectSound(completion);
        expect({ outcome: completion.outcome, reused: completion.reused }).toEqual({ outcome: 'ok', reused: false });
      }
      expect(server.accepted()).toBe(30);
      expect(await becomesTrue(() => server.open() === 0)).toBe(true);
    });

    it('fails alone where nothing listens', async () => {
      const { port, close } = await tcpServer(() => {});
      await close();
      const { send } = open(targetOf({ port }), { fresh: true });
      const ends = await Promise.all([0, 0, 1, ANY_CONNECTION].map((connection) => send(path, { connection })));
      for (const completion of ends) {
        expectEnd(completion, { outcome: 'connect_refused', origin: 'network' });
      }
    });
  });

  describe.skipIf(!hasProgram('openssl', ['version']))('certificates (needs openssl)', () => {
    let certificates: Certificates;
    beforeAll(() => {
      certificates = makeCertificates();
    });
    const secure = { secure: true, host: 'localhost' } as const;
    const wanting = (version: 'TLSv1.2' | 'TLSv1.3') => ({
      ...certificates.good,
      ca: certificates.ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: version,
      maxVersion: version,
    });

    it.each(['TLSv1.2', 'TLSv1.3'] as const)('F32 shows the one that the server wants, %s', async (version) => {
      const { ca, good } = certificates;
      const server = await serve({ tls: wanting(version) });
      const { transport, send } = open(targetOf(server, secure), { ca, ...good });
      await transport.open(2);
      expectEnd(await send(path, { connection: 1 }), { outcome: 'ok' });
    });

    it.each(['TLSv1.2', 'TLSv1.3'] as const)(
      'F32 says before the run that the server wants one, %s',
      async (version) => {
        const server = await serve({ tls: wanting(version) });
        await expect(open(targetOf(server, secure), { ca: certificates.ca }).transport.open(2)).rejects.toMatchObject({
          kind: 'unreachable',
          message: expect.stringMatching(/client certificate$/),
        });
      },
    );

    it.each(['selfSigned', 'expired', 'otherHost'] as const)('takes any when it shall: %s', async (which) => {
      const server = await serve({ tls: certificates[which] });
      const { transport, send } = open(targetOf(server, secure), { insecure: true });
      await transport.open(1);
      const completion = await send(path);
      expectEnd(completion, { outcome: 'ok' });
      expect(server.accepted()).toBe(1);
    });

    it('says before the run what is wrong with one', async () => {
      const server = await serve({ tls: certificates.selfSigned });
      await expect(open(targetOf(server, secure)).transport.open(1)).rejects.toMatchObject({
        kind: 'unreachable',
        message: expect.stringMatching(/: the server's certificate is self-signed$/),
        hint: expect.stringContaining('--insecure'),
      });
    });

    it('are checked on each fresh connection', async () => {
      const { ca, good } = certificates;
      const server = await serve({ tls: good });
      const { transport, send } = open(targetOf(server, secure), { ca, fresh: true });
      expectEnd(await send(path), { outcome: 'ok' });
      expectEnd(await send(path), { outcome: 'ok' });
      expect(server.accepted()).toBe(2);
      expect(transport.handshakes.count).toBe(2);
      expectEnd(await open(targetOf(server, secure), { fresh: true }).send(path), {
        outcome: 'tls_untrusted',
        origin: 'network',
      });
    });
  });
}
