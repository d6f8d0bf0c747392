import { lookup } from 'node:dns/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { BenchError } from '../../src/errors.js';
import { reach } from '../../src/transports/reach.js';
import { becomesTrue, closeServers, tcpServer } from '../support/servers.js';

/** The error that trying to reach an endpoint gives. */
async function failureOf(host: string, port: number): Promise<BenchError> {
  const error = await reach({ secure: false, host, port }).catch((problem: unknown) => problem);
  expect(error).toBeInstanceOf(BenchError);
  return error as BenchError;
}

async function closedPort(): Promise<number> {
  const server = await tcpServer(() => {});
  await server.close();
  return server.port;
}

describe('reach', () => {
  afterEach(closeServers);

  it('gives the address of an endpoint that takes a connection, and closes it', async () => {
    const server = await tcpServer((socket) => void socket.resume());
    const endpoint = { secure: true, host: '127.0.0.1', port: server.port };
    expect(await reach(endpoint)).toEqual({ ...endpoint, address: '127.0.0.1' });
    expect(await becomesTrue(() => server.accepted() === 1 && server.open() === 0)).toBe(true);
  });

  it('takes IPv6 addresses where there is IPv6', async ({ skip }) => {
    const server = await tcpServer((socket) => void socket.resume(), { host: '::1' }).catch(() => undefined);
    if (!server) {
      skip('no ::1 here');
      return;
    }
    expect(await reach({ secure: false, host: '::1', port: server.port })).toMatchObject({
      host: '::1',
      address: '::1',
    });
  });

  it.for(['127.0.0.1', '::1'])('tries all addresses of localhost: %s', async (host, { skip }) => {
    const addresses = await lookup('localhost', { all: true });
    const server = await tcpServer((socket) => void socket.resume(), { host }).catch(() => undefined);
    const expected = addresses.some(({ address }) => address === host);
    if (!server || !expected) {
      skip(`localhost is not ${host} here`);
      return;
    }
    expect(await reach({ secure: false, host: 'localhost', port: server.port })).toEqual({
      secure: false,
      host: 'localhost',
      port: server.port,
      address: host,
    });
  });

  it('says that nothing listens', async () => {
    const port = await closedPort();
    const error = await failureOf('127.0.0.1', port);
    expect(error).toMatchObject({ kind: 'unreachable', exitCode: 3 });
    expect(error.message).toBe(`Cannot reach 127.0.0.1:${port}: connection refused: nothing listens there`);
    expect(error.hint).toContain('nothing was sent');
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('brackets IPv6 addresses', async ({ skip }) => {
    const server = await tcpServer(() => {}, { host: '::1' }).catch(() => undefined);
    if (!server) {
      skip('no ::1 here');
      return;
    }
    await server.close();
    const { message } = await failureOf('::1', server.port);
    expect(message).toBe(`Cannot reach [::1]:${server.port}: connection refused: nothing listens there`);
  });

  it('says that a name does not exist, or that nobody could tell', async () => {
    const error = await failureOf('no-such-host.invalid', 80);
    expect(error.kind).toBe('unreachable');
    expect(error.message).toMatch(
      /^Cannot reach no-such-host\.invalid:80: (no such host name|the name server did not answer)$/,
    );
  });
});
