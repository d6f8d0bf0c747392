import { afterEach, describe, expect, it } from 'vitest';
import type { Completion } from '../../src/transports/transport.js';
import { closeServers, httpServer, sleep, targetOf } from '../support/servers.js';
import { bench, expectEnd, type LaneUnderTest } from './transport-bench.js';
import { HEAD, writeAndEnd } from './transport-http-faults.js';

const PAUSE_MS = 40;
/** A machine that is busy elsewhere for longer than the pause reads two parts at once. */
const AGAIN = { retry: 3 };
const PARTS = ['data: one\n\n', 'data: zw', 'ei\n\n: €', '\n\n', 'data: [DONE]\n\n'];

/** How the parts of a body may be framed. */
const FRAMINGS: readonly (readonly [what: string, head: string, frame: (part: string) => string, end: string])[] = [
  [
    'chunks',
    'transfer-encoding: chunked\r\n',
    (part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`,
    '0\r\n\r\n',
  ],
  ['a length', `content-length: ${Buffer.byteLength(PARTS.join(''))}\r\n`, (part) => part, ''],
  ['the end of the connection', 'connection: close\r\n', (part) => part, 'FIN'],
];

/** What an HTTP/1.1 transport notes of an answer whose request streams. */
export function streamsContract(lane: LaneUnderTest): void {
  const { clock, open, end } = bench(lane);

  afterEach(async () => {
    await end();
    await closeServers();
  });

  it.each(FRAMINGS)(
    'with %s: each part of the body has the time at which it came',
    AGAIN,
    async (_what, head, frame, last) => {
      const writtenUs: number[] = [];
      const server = await httpServer(async (socket) => {
        socket.write(`${HEAD}${head}\r\n`);
        for (const part of PARTS) {
          await sleep(PAUSE_MS);
          writtenUs.push(clock.nowUs());
          socket.write(frame(part));
        }
        if (last === 'FIN') {
          socket.end();
        } else {
          socket.write(last);
        }
      });
      const completion = await open(targetOf(server)).send('/', { stream: true });
      expectEnd(completion, { outcome: 'ok' });
      expect(completion.response?.body.toString()).toBe(PARTS.join(''));
      const { endBytes, atUs } = piecesOf(completion);
      let byte = 0;
      for (const [nth, part] of PARTS.entries()) {
        byte += Buffer.byteLength(part);
        const place = endBytes.indexOf(byte);
        expect(place, `a piece ends with part ${nth}`).toBeGreaterThanOrEqual(0);
        expect(atUs[place]).toBeGreaterThanOrEqual(writtenUs[nth] as number);
      }
      expect(endBytes.at(-1)).toBe(completion.bytesIn);
      expect(atUs[0]).toBeGreaterThanOrEqual(completion.firstByteUs as number);
      expect(atUs.at(-1)).toBeLessThanOrEqual(completion.endUs);
      expect([...endBytes].sort((a, b) => a - b)).toEqual(endBytes);
      expect([...atUs].sort((a, b) => a - b)).toEqual(atUs);
    },
  );

  it('an answer at once is one piece or more, all up to its end, and the next has pieces of its own', async () => {
    const server = await httpServer((socket, { path }) => {
      socket.write(`${HEAD}content-length: ${path.length}\r\n\r\n${path}`);
    });
    const { send } = open(targetOf(server));
    for (const path of ['/first', '/second/one', '/3']) {
      const { endBytes, atUs } = piecesOf(await send(path, { stream: true }));
      expect(endBytes.at(-1)).toBe(path.length);
      expect(endBytes.length).toBe(atUs.length);
    }
    expect(server.accepted()).toBe(1);
  });

  it('a request that does not stream has none, also after one that did', async () => {
    const server = await httpServer((socket) => void socket.write(`${HEAD}content-length: 2\r\n\r\n{}`));
    const { send } = open(targetOf(server));
    expect((await send('/', { stream: true })).response?.pieces).toBeDefined();
    expect((await send('/')).response?.pieces).toBeUndefined();
  });

  it('many at a time keep their times apart', AGAIN, async () => {
    const server = await httpServer(async (socket, { path }) => {
      socket.write(`${HEAD}content-length: 4\r\n\r\n`);
      await sleep(Number(path.slice(1)));
      socket.write('ab');
      await sleep(PAUSE_MS);
      socket.write('cd');
    });
    const { send } = open(targetOf(server));
    const pauses = [0, 60, 20, 40];
    const ends = await Promise.all(pauses.map((ms, connection) => send(`/${ms}`, { connection, stream: true })));
    for (const [nth, completion] of ends.entries()) {
      const { endBytes, atUs } = piecesOf(completion);
      expect(endBytes).toEqual([2, 4]);
      const [firstUs, lastUs] = atUs as [number, number];
      expect(firstUs - completion.startUs).toBeGreaterThanOrEqual((pauses[nth] as number) * 1000 - 1_000);
      expect(lastUs - firstUs).toBeGreaterThanOrEqual(PAUSE_MS * 1000 - 2_000);
    }
  });

  it('a stream that stands still is given up at its own time, before the deadline', async () => {
    const server = await httpServer((socket, { path }) => {
      socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`);
      if (path === '/goes-on') {
        socket.write('0\r\n\r\n');
      }
    });
    const { timed, send } = open(targetOf(server), { stallUs: 100_000 });
    const { completion, deadlineUs } = await timed('/stands', { stream: true, timeoutMs: 30_000 });
    expectEnd(completion, { outcome: 'stream_stall', origin: 'target', status: 200 });
    expect(completion.bytesIn).toBe(3);
    expect(completion.endUs - (completion.firstByteUs as number)).toBeGreaterThanOrEqual(100_000 - 1_000);
    expect(completion.endUs).toBeLessThan(deadlineUs);
    expectEnd(await send('/goes-on', { stream: true }), { outcome: 'ok' });
  });

  it('neither an answer that has not begun nor one that does not stream stands still', async () => {
    const server = await httpServer((socket, { path }) => {
      if (path === '/begun') {
        socket.write(`${HEAD}content-length: 9\r\n\r\nabc`);
      }
    });
    const { send } = open(targetOf(server), { stallUs: 50_000 });
    const [silent, begun] = await Promise.all([
      send('/silent', { stream: true, timeoutMs: 300 }),
      send('/begun', { connection: 1, timeoutMs: 300 }),
    ]);
    expectEnd(silent, { outcome: 'timeout_ttfb', origin: 'target' });
    expectEnd(begun, { outcome: 'timeout_total', origin: 'target', status: 200 });
  });

  it('a stream that breaks off is a failure like any other', async () => {
    const server = await httpServer(writeAndEnd(`${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`));
    const completion = await open(targetOf(server)).send('/', { stream: true });
    expectEnd(completion, { outcome: 'truncated_body', origin: 'network', status: 200 });
    expect(completion.bytesIn).toBe(3);
  });

  describe('of ten megabytes', () => {
    it('is whole, in many pieces', async () => {
      const event = `data: ${'x'.repeat(10_000)}\n\n`;
      const chunk = `${event.length.toString(16)}\r\n${event}\r\n`;
      const server = await httpServer((socket) => {
        socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n${chunk.repeat(1_000)}0\r\n\r\n`);
      });
      const completion = await open(targetOf(server)).send('/', { stream: true });
      expectEnd(completion, { outcome: 'ok' });
      expect(completion.bytesIn).toBe(1_000 * event.length);
      const { endBytes } = piecesOf(completion);
      expect(endBytes.length).toBeGreaterThan(10);
      expect(endBytes.at(-1)).toBe(completion.bytesIn);
    });
  });
}

function piecesOf({ response }: Completion): NonNullable<NonNullable<Completion['response']>['pieces']> {
  const pieces = response?.pieces;
  if (!pieces) {
    throw new Error('The answer has no pieces');
  }
  return pieces;
}
