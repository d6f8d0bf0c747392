import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, describe, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { createGrpcJsTransport } from '../../src/transports/grpc-js.js';
import { connectionsContract } from '../contract/transport-connections.js';
import { grpcTransportContract } from '../contract/transport-grpc.js';
import { OK_PATH, ok } from '../contract/transport-grpc-faults.js';
import { closeServers, http2Server, targetOf } from '../support/servers.js';

describe('gRPC over grpc-js: its connections', () => {
  connectionsContract({ create: createGrpcJsTransport, path: OK_PATH, serve: (options) => http2Server(ok, options) });
});

describe('gRPC over grpc-js', () => {
  grpcTransportContract({
    create: createGrpcJsTransport,
    limits: {
      'F39-after-headers': {
        outcome: 'grpc_no_status',
        origin: 'target',
        why: 'after headers the library gives code 13 for a reset and for an end without status',
      },
      'F39-calm-after-headers': {
        outcome: 'grpc_message_too_large',
        origin: 'local',
        why: 'after headers the library gives code 8 for RST_STREAM 11 and for a message above our limit',
      },
      'F43-cut': {
        outcome: 'stream_protocol',
        origin: 'target',
        why: 'the library drops the bytes of a cut message: there was none',
      },
    },
  });
});

describe('opening over grpc-js', () => {
  afterEach(closeServers);

  it('survives a process that is busy while the connect is under way', async () => {
    const server = await http2Server(() => {});
    // As module loading at a start does: timers of a millisecond are overdue before the connect is looked at.
    const block = (message: unknown) => {
      (message as { readonly socket: Socket }).socket.once('connectionAttempt', () => {
        for (const untilMs = performance.now() + 20; performance.now() < untilMs; );
      });
    };
    const transport = createGrpcJsTransport({
      target: targetOf(server),
      clock: systemClock(),
      headers: {},
      requestIds: false,
      maxConnections: 1,
    });
    subscribe('net.client.socket', block);
    try {
      await transport.open(1);
    } finally {
      unsubscribe('net.client.socket', block);
      await transport.close();
    }
  });
});
