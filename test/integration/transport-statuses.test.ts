import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { Completion, Transport } from '../../src/transports/transport.js';
import { createUndiciTransport } from '../../src/transports/undici.js';
import { createWireHttpTransport } from '../../src/transports/wire-http.js';
import { closeServers, httpAnswer, httpServer, targetOf } from '../support/servers.js';

describe.each([
  ['our own lane', createWireHttpTransport],
  ['undici', createUndiciTransport],
])('the statuses that a request wants, over %s', (_lane, create) => {
  let transport: Transport | undefined;
  afterEach(async () => {
    await transport?.close();
    await closeServers();
  });

  it.each([
    [200, undefined, 'ok', 'body'],
    [404, undefined, 'http_4xx', undefined],
    [404, [200, 404], 'ok', 'body'],
    [503, [503], 'ok', 'body'],
    [302, [302], 'ok', 'body'],
    [200, [201], 'http_other', undefined],
    [429, [404], 'http_429', undefined],
  ] as const)('%d for %j is %s', async (status, statuses, outcome, body) => {
    const server = await httpServer((socket) => void socket.write(httpAnswer('body', `HTTP/1.1 ${status} X\r\n`)));
    const clock = systemClock();
    transport = create({ target: targetOf(server), clock, headers: {}, requestIds: false, maxConnections: 1 });
    const request = {
      method: 'GET',
      path: '/',
      headers: {},
      body: null,
      batch: 1,
      ...(statuses && { statuses }),
    } as const;
    const end = await new Promise<Completion & { readonly text: string | undefined }>((resolve) => {
      const slip = { seq: 0, connection: 0, deadlineUs: clock.nowUs() + 10_000_000 };
      transport?.send(request, slip, (end) => resolve({ ...end, text: end.response && String(end.response.body) }));
    });
    expect([end.outcome, end.status, end.text]).toEqual([outcome, status, body]);
    expect(end.origin).toBe(outcome === 'ok' ? undefined : 'target');
  });
});
