import { describe } from 'vitest';
import { createGrpcJsTransport } from '../../src/transports/grpc-js.js';
import { connectionsContract } from '../contract/transport-connections.js';
import { grpcTransportContract } from '../contract/transport-grpc.js';
import { OK_PATH, ok } from '../contract/transport-grpc-faults.js';
import { http2Server } from '../support/servers.js';

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
