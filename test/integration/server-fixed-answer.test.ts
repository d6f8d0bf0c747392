import { once } from 'node:events';
import { request } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { readFlags } from '../../src/flags.js';
import { PROTOCOLS } from '../../src/protocols/index.js';
import type { ProtocolKind } from '../../src/protocols/protocol.js';
import { createFixedHttpServer } from '../../src/server/fixed-answer.js';
import { createFixedGrpcServer } from '../../src/server/fixed-grpc.js';
import { startServer } from '../../src/server/index.js';
import type { TruthLog, TruthRow } from '../../src/server/truth-log.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) {
    await end();
  }
});

function memoryLog() {
  const rows: TruthRow[] = [];
  const log: TruthLog = { record: (row) => rows.push(row), close: async () => {} };
  return { rows, log };
}

const ADDRESS = { host: '127.0.0.1', port: 0 } as const;
const CONTENT = '{"ok":1}';
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n${CONTENT}`;

async function httpSocket(truthLog?: TruthLog) {
  const server = await createFixedHttpServer({ ...ADDRESS, content: CONTENT, truthLog });
  const socket = connect(server.address.port, '127.0.0.1');
  ends.push(server.close, () => socket.destroy());
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  await once(socket, 'connect');
  return { server, socket, heard: () => heard, hears: (text: string) => expect.poll(() => heard).toBe(text) };
}

/** Writes and lets it arrive on its own. */
async function write(socket: Socket, part: string | Buffer) {
  socket.write(part);
  await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the fixed answer over HTTP', () => {
  const post = 'POST /any HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\n\r\nhello';

  it('answers each of several requests in one piece', async () => {
    const { socket, hears } = await httpSocket();
    socket.write(`GET /?a HTTP/1.1\r\nhost: x\r\n\r\n${post}${post}`);
    await hears(ANSWER.repeat(3));
  });

  it('answers once the last byte of a request is there, wherever it is cut', async () => {
    const { socket, heard, hears } = await httpSocket();
    for (const part of [post.slice(0, 3), post.slice(3, 40), post.slice(40, -1)]) {
      await write(socket, part);
      expect(heard()).toBe('');
    }
    socket.write(post.slice(-1));
    await hears(ANSWER);
  });

  it('closes after a request that says so, refuses chunks, and leaves a head without end', async () => {
    const last = await httpSocket();
    last.socket.write('GET / HTTP/1.1\r\nconnection: close\r\n\r\n');
    await once(last.socket, 'end');
    expect(last.heard()).toBe(ANSWER);
    const chunked = await httpSocket();
    chunked.socket.write('POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n');
    await once(chunked.socket, 'end');
    expect(chunked.heard()).toMatch(/^HTTP\/1\.1 501 /);
    const endless = await httpSocket();
    endless.socket.on('error', () => {});
    endless.socket.write(`GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}`);
    await once(endless.socket, 'close');
    expect(endless.heard()).toBe('');
  });

  it('is understood by Node, and logs what it saw', async () => {
    const { rows, log } = memoryLog();
    const { server } = await httpSocket(log);
    const { port } = server.address;
    const before = process.hrtime.bigint();
    const body = await new Promise<string>((resolve, reject) => {
      const call = request(
        { port, host: '127.0.0.1', method: 'POST', headers: { 'X-Request-Id': 'n-7' } },
        (answer) => {
          answer.setEncoding('utf8').once('data', resolve);
        },
      );
      call.on('error', reject).end('text');
    });
    expect(body).toBe(CONTENT);
    expect(rows).toMatchObject([{ id: 'n-7', batch: 0, status: 200 }]);
    const [{ receivedNs, sentNs }] = rows as [TruthRow];
    expect(before <= receivedNs && receivedNs <= sentNs && sentNs <= process.hrtime.bigint()).toBe(true);
  });
});

const MESSAGE = Buffer.from('a message');
const FRAMED = Buffer.concat([Buffer.from([0, 0, 0, 0, MESSAGE.length]), MESSAGE]);

async function grpcServer(truthLog?: TruthLog) {
  const server = await createFixedGrpcServer({ ...ADDRESS, content: MESSAGE, truthLog });
  ends.push(server.close);
  return server.address.port;
}

async function session(port: number, settings = {}): Promise<ClientHttp2Session> {
  const client = connectHttp2(`http://127.0.0.1:${port}`, { settings });
  ends.push(() => client.destroy());
  await once(client, 'connect');
  return client;
}

/** One call: what came back. */
async function call(client: ClientHttp2Session, body: Buffer = FRAMED) {
  const stream = client.request({ ':method': 'POST', ':path': '/any.Service/Method', 'x-request-id': 'n-8' });
  const chunks: Buffer[] = [];
  const seen: Record<string, unknown> = {};
  stream.on('response', (headers) => Object.assign(seen, headers));
  stream.on('trailers', (headers) => Object.assign(seen, headers));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.end(body);
  await once(stream, 'end');
  return { seen, body: Buffer.concat(chunks) };
}

describe.each([
  ['on a bare socket', undefined],
  ['with a truth log', memoryLog().log],
])('the fixed answer over gRPC %s', (_how, truthLog) => {
  it('is understood by Node', async () => {
    const { seen, body } = await call(await session(await grpcServer(truthLog)));
    expect(seen).toMatchObject({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' });
    expect(body).toEqual(FRAMED);
  });

  it('is understood by grpc-js, call after call and with a large message', async () => {
    const client = new Client(`127.0.0.1:${await grpcServer(truthLog)}`, credentials.createInsecure());
    ends.push(() => client.close());
    const same = (bytes: Buffer) => bytes;
    for (const sent of [MESSAGE, Buffer.alloc(3_000_000), MESSAGE]) {
      const got = await new Promise<Buffer | undefined>((resolve, reject) => {
        client.makeUnaryRequest('/a.B/C', same, same, sent, new Metadata(), (error, message) =>
          error ? reject(error) : resolve(message),
        );
      });
      expect(got).toEqual(MESSAGE);
    }
  });

  it('keeps to the window of the connection and goes on when it is opened', async () => {
    const client = await session(await grpcServer(truthLog));
    // 65,535 bytes are 4,681 answers of 14.
    const calls = Array.from({ length: 6_000 }, () => call(client, Buffer.alloc(0)));
    for (const { body } of await Promise.all(calls)) {
      expect(body).toEqual(FRAMED);
    }
  });

  it('answers a ping', async () => {
    const client = await session(await grpcServer(truthLog));
    const payload = Buffer.from('8 bytes.');
    const echoed = await new Promise((resolve) => client.ping(payload, (_error, _ms, back) => resolve(back)));
    expect(echoed).toEqual(payload);
  });
});

describe('the fixed answer over gRPC', () => {
  it('answers a call that comes byte by byte', async () => {
    const socket = connect(await grpcServer(), '127.0.0.1');
    ends.push(() => socket.destroy());
    let heard = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
    });
    const headers = Buffer.from([0, 0, 1, 1, 4, 0, 0, 0, 1, 0x82]);
    const data = Buffer.from([0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    const sent = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), headers, data]);
    for (const byte of sent.subarray(0, -1)) {
      await write(socket, Buffer.from([byte]));
    }
    // Its settings and nothing else, before the call is whole.
    expect(heard.length).toBe(15 + 13);
    socket.write(sent.subarray(-1));
    await expect.poll(() => heard.includes(FRAMED)).toBe(true);
  });

  it('leaves a client that sends no HTTP/2', async () => {
    const socket = connect(await grpcServer(), '127.0.0.1');
    socket.on('error', () => {}).resume();
    socket.write(Buffer.alloc(24 + 9, 0xff));
    await once(socket, 'close');
  });

  it('logs what it saw', async () => {
    const { rows, log } = memoryLog();
    await call(await session(await grpcServer(log)));
    expect(rows).toMatchObject([{ id: 'n-8', batch: 0, status: 0 }]);
    expect((rows[0] as TruthRow).receivedNs <= (rows[0] as TruthRow).sentNs).toBe(true);
  });
});

describe('a server kind with a fixed answer', () => {
  const served = Object.keys(PROTOCOLS).filter((name) => PROTOCOLS[name]?.server !== undefined);

  it.each(served)('gives what %s takes for an answer', async (name) => {
    const kind = PROTOCOLS[name] as ProtocolKind;
    const server = await startServer(kind.server as 'sentiment', { ...ADDRESS, grpcPort: 0, fixedAnswer: true });
    ends.push(() => server.close());
    const codec = await kind.create(readFlags(kind.flags, new Map(), []), '');
    let body: Buffer;
    if (kind.via === 'http') {
      body = Buffer.from(await (await fetch(server.endpoints.http)).arrayBuffer());
    } else {
      const { port } = new URL((server.endpoints.grpc as string).replace('grpc', 'http'));
      body = (await call(await session(Number(port)))).body.subarray(5);
    }
    expect(body.length).toBeGreaterThan(20);
    expect(codec.decode({ status: 200, headers: {}, body }, { batch: 1 })).toMatchObject({ outcome: 'ok' });
  });
});
