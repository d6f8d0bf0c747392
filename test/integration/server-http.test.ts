import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer, type HttpServer, type Route } from '../../src/server/http.js';
import type { TruthLog, TruthRow } from '../../src/server/truth-log.js';

const open: { close(): Promise<void> }[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const echo: Route = {
  method: 'POST',
  path: /\/echo\/(\d+)(?:-(\w+))?/,
  inference: true,
  answer: ({ method, path, query, groups, body }) => ({
    status: 200,
    body: JSON.stringify({ method, path, query, groups, body: body.toString() }),
    batch: body.length,
  }),
};
const hello: Route = { method: 'GET', path: '/', answer: () => ({ status: 200, type: 'text/plain', body: 'hellö' }) };
const broken: Route = {
  path: '/broken',
  inference: true,
  answer: () => {
    throw new Error('no luck');
  },
};

function memoryLog() {
  const rows: TruthRow[] = [];
  const log: TruthLog = { record: (row) => rows.push(row), close: async () => {} };
  return { rows, log };
}

async function listen(log?: TruthLog): Promise<HttpServer & { readonly port: number }> {
  const server = await createHttpServer({
    host: '127.0.0.1',
    port: 0,
    groups: [
      {
        routes: [hello, echo, broken],
        problem: (message) => JSON.stringify({ problem: message }),
        maxBodyBytes: 1000,
      },
    ],
    truthLog: log,
  });
  open.push(server);
  return { ...server, port: server.address.port };
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function send(
  port: number,
  method: string,
  path: string,
  { body, headers = {}, agent }: { body?: string | Buffer; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<Reply> {
  const outgoing = request({ port, host: '127.0.0.1', method, path, headers, ...(agent && { agent }) });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
  }
  return { status: response.statusCode as number, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

function elapsedMs(sinceNs: bigint): number {
  return Number(process.hrtime.bigint() - sinceNs) / 1e6;
}

describe('routes', () => {
  it('answer an exact path, whatever its query', async () => {
    const { port } = await listen();
    const { status, headers, body } = await send(port, 'GET', '/?x=1');
    expect({ status, body }).toEqual({ status: 200, body: 'hellö' });
    // Bytes, not letters.
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'content-length': '6', connection: 'keep-alive' });
  });

  it('answer a pattern with its groups, the query and the body', async () => {
    const { port } = await listen();
    const { headers, body } = await send(port, 'POST', '/echo/42?a=%20b', { body: 'hi' });
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body)).toEqual({
      method: 'POST',
      path: '/echo/42',
      query: 'a=%20b',
      groups: ['42', null],
      body: 'hi',
    });
  });

  it.each([
    ['GET', '/nowhere', 404, 'Not Found', undefined],
    ['POST', '/echo/42/more', 404, 'Not Found', undefined],
    ['POST', '/before/echo/42', 404, 'Not Found', undefined],
    ['DELETE', '/', 405, 'Method Not Allowed', 'GET'],
    ['GET', '/echo/1', 405, 'Method Not Allowed', 'POST'],
    ['GET', '/broken', 500, 'Internal error: no luck', undefined],
  ])('answer %s %s with %d', async (method, path, status, problem, allow) => {
    const { port } = await listen();
    const reply = await send(port, method, path);
    expect({ status: reply.status, allow: reply.headers.allow }).toEqual({ status, allow });
    expect(JSON.parse(reply.body)).toEqual({ problem });
  });

  it('take a target with scheme and host, as a proxy sends it', async () => {
    const { port } = await listen();
    expect((await send(port, 'GET', 'http://example.test/?x')).status).toBe(200);
    expect((await send(port, 'POST', 'http://example.test/echo/7', { body: 'x' })).status).toBe(200);
  });
});

describe('groups of routes', () => {
  const says = (body: string): Pick<Route, 'answer'> => ({ answer: () => ({ status: 200, body }) });

  it('answer what they want exactly, then what nobody else does, in their own words', async () => {
    const problem = (name: string) => (message: string) => `${name}: ${message}`;
    const server = await createHttpServer({
      host: '127.0.0.1',
      port: 0,
      groups: [
        {
          routes: [
            { method: 'POST', path: '/a', ...says('first a') },
            { method: 'GET', path: /\/b\/.*/, yields: true, ...says('first b') },
          ],
          problem: problem('first'),
          maxBodyBytes: 10,
        },
        {
          routes: [
            { method: 'POST', path: '/a', ...says('second a') },
            { method: 'GET', path: '/b/x', ...says('second b') },
            { method: 'GET', path: '/c', ...says('second c') },
            { path: /\/.*/, yields: true, ...says('second') },
          ],
          problem: problem('second'),
          maxBodyBytes: 20,
        },
      ],
    });
    open.push(server);
    const said = async (method: string, path: string, body = '') =>
      (await send(server.address.port, method, path, { body })).body;
    expect(await said('POST', '/a')).toBe('first a');
    expect(await said('GET', '/b/x')).toBe('second b');
    expect(await said('GET', '/b/y')).toBe('first b');
    expect(await said('GET', '/c')).toBe('second c');
    expect(await said('GET', '/d')).toBe('second');
    expect(await said('DELETE', '/a')).toBe('first: Method Not Allowed');
    expect(await said('DELETE', '/b/y')).toBe('first: Method Not Allowed');
    expect(await said('POST', '/a', 'x'.repeat(15))).toBe('first: Request body is larger than 10 bytes');
    expect(await said('POST', '/d', 'x'.repeat(15))).toBe('second');
  });
});

describe('bodies', () => {
  it.each([
    ['up to the cap', 1000, 200],
    ['above the cap', 1001, 413],
    ['far above the cap', 5_000_000, 413],
  ])('are taken or refused: %s', async (_title, bytes, status) => {
    const { port } = await listen();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const reply = await send(port, 'POST', '/echo/1', { body: Buffer.alloc(bytes, 'x'), agent });
    expect(reply.status).toBe(status);
    if (status === 413) {
      expect(JSON.parse(reply.body)).toEqual({ problem: 'Request body is larger than 1000 bytes' });
    }
    // The connection is in order afterwards.
    expect((await send(port, 'GET', '/', { agent })).status).toBe(200);
    agent.destroy();
  });

  it('come in chunks and in pieces', async () => {
    const { port } = await listen();
    const socket = await dial(port);
    socket.write('POST /echo/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab');
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write('c\r\n2\r\nde\r\n0\r\n\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toContain('"body":"abcde"');
  });
});

describe('connections', () => {
  it('are kept and reused', async () => {
    const { port } = await listen();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 20; count += 1) {
      const { headers } = await send(port, 'POST', '/echo/1', { body: 'x', agent });
      expect(headers.connection).toBe('keep-alive');
      // Idle for longer than any think time.
      expect(Number(/timeout=(\d+)/.exec(String(headers['keep-alive']))?.[1])).toBeGreaterThanOrEqual(65);
    }
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    agent.destroy();
  });

  it('carry concurrent requests', async () => {
    const { port } = await listen();
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) => send(port, 'POST', `/echo/${index}`, { body: `body ${index}` })),
    );
    expect(replies.map(({ body }) => JSON.parse(body).body)).toEqual(
      Array.from({ length: 100 }, (_, index) => `body ${index}`),
    );
  });

  it('carry pipelined requests in order', async () => {
    const { port } = await listen();
    const socket = await dial(port);
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk;
    });
    const one = (index: number) => `POST /echo/${index} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab`;
    socket.write(one(1) + one(2) + one(3));
    await expect.poll(() => received.match(/\/echo\/\d/g)).toEqual(['/echo/1', '/echo/2', '/echo/3']);
  });
});

describe('the truth', () => {
  it('is one row per inference request, in the order of the answers', async () => {
    const { rows, log } = memoryLog();
    const { port } = await listen(log);
    const before = process.hrtime.bigint();
    await send(port, 'POST', '/echo/1', { body: 'abc', headers: { 'x-request-id': 'first' } });
    await send(port, 'GET', '/');
    await send(port, 'GET', '/nowhere');
    await send(port, 'GET', '/echo/1');
    await send(port, 'POST', '/echo/1', { body: 'x'.repeat(1001), headers: { 'x-request-id': 'second' } });
    await send(port, 'GET', '/broken');
    const after = process.hrtime.bigint();
    expect(rows.map(({ id, batch, status }) => ({ id, batch, status }))).toEqual([
      { id: 'first', batch: 3, status: 200 },
      { id: 'second', batch: 0, status: 413 },
      { id: undefined, batch: 0, status: 500 },
    ]);
    const times = rows.flatMap(({ receivedNs, sentNs }) => [receivedNs, sentNs]);
    expect([before, ...times, after]).toEqual([before, ...times, after].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('counts receiving from the head, not from the end of the body', async () => {
    const { rows, log } = memoryLog();
    const { port } = await listen(log);
    const socket = await dial(port);
    socket.write('POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na');
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write('b');
    await once(socket, 'data');
    const [row] = rows as [TruthRow];
    expect(Number(row.sentNs - row.receivedNs) / 1e6).toBeGreaterThan(80);
  });

  it('tells of a client that left before its request was complete', async () => {
    const { rows, log } = memoryLog();
    const { port } = await listen(log);
    const socket = await dial(port);
    socket.write('POST /echo/1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: gone\r\nContent-Length: 2\r\n\r\na');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.resetAndDestroy();
    await expect.poll(() => rows).toMatchObject([{ id: 'gone', batch: 0, status: 499 }]);
  });
});

describe('close', () => {
  it('ends idle connections at once, also those on which nothing ever came', async () => {
    const server = await listen();
    const agent = new Agent({ keepAlive: true });
    await Promise.all([1, 2, 3].map(() => send(server.port, 'GET', '/', { agent })));
    const silent = await dial(server.port);
    const closed = once(silent, 'close');
    silent.resume();
    const startNs = process.hrtime.bigint();
    await server.close();
    await closed;
    expect(elapsedMs(startNs)).toBeLessThan(1000);
    agent.destroy();
    await expect(send(server.port, 'GET', '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('lets a request in flight finish and then ends its connection', async () => {
    const server = await listen();
    const socket = await dial(server.port);
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk;
    });
    const ended = once(socket, 'close');
    socket.write('POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = server.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write('b');
    await Promise.all([closed, ended]);
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received).toMatch(/\r\nconnection: close\r\n/i);
    expect(received).toContain('"body":"ab"');
  });

  it('does not wait for a request that never ends longer than a few seconds', async () => {
    const server = await listen();
    const socket = await dial(server.port);
    socket.write('POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startNs = process.hrtime.bigint();
    await server.close();
    expect(elapsedMs(startNs)).toBeGreaterThan(2000);
    expect(elapsedMs(startNs)).toBeLessThan(5000);
  });
});
