import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningServer, SERVER_KINDS, type ServerOptions, startServer } from '../../src/server/index.js';
import { loadSentimentModel } from '../../src/server/sentiment-model.js';

const ANY_PORT = { host: '127.0.0.1', port: 0, grpcPort: 0 };
let directory: string;
const servers: RunningServer[] = [];

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer('sentiment', { ...ANY_PORT, ...options });
  servers.push(server);
  return server;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'server-sentiment-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(directory, { recursive: true });
});

async function portOf(listening: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return (listening.address() as { port: number }).port;
}

describe('the sentiment server', () => {
  it('is the first of the kinds', () => {
    expect(SERVER_KINDS).toEqual(['sentiment', 'predict', 'tf-serving', 'oip', 'torchserve', 'all']);
  });

  it('answers a probability for each label of the model', async () => {
    const { endpoints } = await start();
    expect(endpoints).toEqual({ http: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    const response = await fetch(`${endpoints.http}/?query=${encodeURIComponent('I love this! #happy & more')}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer = (await response.json()) as Record<string, number>;
    const model = loadSentimentModel();
    expect(Object.keys(answer)).toEqual(model.labels);
    const sum = Object.values(answer).reduce((total, probability) => total + probability, 0);
    expect(sum).toBeCloseTo(1, 6);
    // The whole text arrives: the model gives the same for the text that was sent.
    expect(Object.values(answer).map(Math.fround)).toEqual([...model.predict('I love this! #happy & more')]);
  });

  it('takes a long text', async () => {
    const { endpoints } = await start();
    expect((await fetch(`${endpoints.http}/?query=${'word+'.repeat(10_000)}`)).status).toBe(200);
  });

  it.each([
    ['GET', '/', 422],
    ['GET', '/docs?query=x', 404],
    ['POST', '/?query=x', 405],
  ])('answers %s %s with %d and a detail', async (method, path, status) => {
    const { endpoints } = await start();
    const response = await fetch(endpoints.http + path, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty('detail');
  });

  it('writes a line per request to the route, also for one it cannot read', async () => {
    const truthLog = join(directory, 'truth.csv');
    const server = await start({ truthLog });
    const ask = (path: string, id?: string) =>
      fetch(server.endpoints.http + path, id === undefined ? {} : { headers: { 'x-request-id': id } });
    await ask('/?query=a', '0000000001');
    await ask('/?query=b');
    await ask('/other', '0000000002');
    await ask('/', '0000000003');
    await ask('/?query=c', 'not,an,id');
    await server.close();
    servers.pop();
    const [header, ...lines] = readFileSync(truthLog, 'utf8').trimEnd().split('\n');
    expect(header).toBe('id,recv_ns,send_ns,batch,status');
    const cells = lines.map((line) => line.split(','));
    expect(cells.map(([id, , , batch, status]) => [id, batch, status])).toEqual([
      ['0000000001', '1', '200'],
      ['', '1', '200'],
      ['0000000003', '0', '422'],
      ['', '1', '200'],
    ]);
    const times = cells.flatMap(([, received, sent]) => [BigInt(received as string), BigInt(sent as string)]);
    expect(times.every((time, index) => index === 0 || time >= (times[index - 1] as bigint))).toBe(true);
    expect(times.at(-1)).toBeLessThan(process.hrtime.bigint());
  });

  it('closes quickly under clients that keep their connections', async () => {
    const server = await start();
    await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${server.endpoints.http}/?query=x`).then((r) => r.text())),
    );
    const startNs = process.hrtime.bigint();
    await server.close();
    expect(Number(process.hrtime.bigint() - startNs) / 1e6).toBeLessThan(1000);
  });
});

describe('an address that cannot be had', () => {
  it('names the flag of a port in use and leaves no truth log behind', async () => {
    const other = createServer();
    const port = await portOf(other);
    const truthLog = join(directory, 'truth.csv');
    await expect(start({ port, truthLog })).rejects.toMatchObject({
      kind: 'usage',
      message: `Cannot listen on --port ${port}: another program listens on port ${port} of 127.0.0.1 already`,
      hint: 'stop that program, or give --port another port; 0 takes any free one',
    });
    expect(existsSync(truthLog)).toBe(false);
    other.close();
  });

  it('names both flags when both ports are in use', async () => {
    const [one, two] = [createServer(), createServer()];
    const [port, grpcPort] = [await portOf(one), await portOf(two)];
    await expect(startServer('tf-serving', { ...ANY_PORT, port, grpcPort })).rejects.toMatchObject({
      kind: 'usage',
      message: [
        `Cannot listen on --port ${port}: another program listens on port ${port} of 127.0.0.1 already`,
        `Cannot listen on --grpc-port ${grpcPort}: another program listens on port ${grpcPort} of 127.0.0.1 already`,
      ].join('\n'),
    });
    one.close();
    two.close();
  });

  it('frees the HTTP port when the gRPC port is in use', async () => {
    const [one, two] = [createServer(), createServer()];
    const [port, grpcPort] = [await portOf(one), await portOf(two)];
    await new Promise((resolve) => one.close(resolve));
    await expect(startServer('tf-serving', { ...ANY_PORT, port, grpcPort })).rejects.toThrow(
      /^Cannot listen on --grpc-port/,
    );
    expect((await start({ port })).endpoints.http).toBe(`http://127.0.0.1:${port}`);
    two.close();
  });

  it('refuses one port for both protocols', async () => {
    await expect(startServer('tf-serving', { ...ANY_PORT, port: 18_501, grpcPort: 18_501 })).rejects.toThrow(
      'Cannot listen on --grpc-port 18501: it is the same as --port',
    );
  });

  it.each([
    ['of another machine', '192.0.2.1', 'no interface of this machine has that address'],
    ['that is no name', 'no.such.host.invalid', 'the name does not resolve'],
  ])('names a host %s once', async (_title, host, reason) => {
    await expect(startServer('tf-serving', { ...ANY_PORT, host })).rejects.toMatchObject({
      kind: 'usage',
      message: `Cannot listen on --host ${host}: ${reason}`,
    });
  });

  it('refuses a truth log that exists, before it listens', async () => {
    const truthLog = join(directory, 'truth.csv');
    await (await startServer('sentiment', { ...ANY_PORT, truthLog })).close();
    await expect(start({ truthLog })).rejects.toMatchObject({
      kind: 'usage',
      message: `Cannot create --truth-log ${truthLog}: exists already`,
    });
  });
});
