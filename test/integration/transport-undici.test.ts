import { describe } from 'vitest';
import { createUndiciTransport } from '../../src/transports/undici.js';
import { connectionsContract } from '../contract/transport-connections.js';
import { httpTransportContract } from '../contract/transport-http.js';
import { streamsContract } from '../contract/transport-streams.js';
import { friendlyHttpServer } from '../support/servers.js';

describe('HTTP over undici: its connections', () => {
  connectionsContract({ create: createUndiciTransport, path: '/', serve: friendlyHttpServer });
});

describe('HTTP over undici: answers in parts', () => {
  streamsContract({ create: createUndiciTransport });
});

describe('HTTP over undici', () => {
  httpTransportContract({
    create: createUndiciTransport,
    limits: {
      'HEAD-nothing': {
        outcome: 'ok',
        why: 'the library keeps no connection after an answer to HEAD that tells of no length',
      },
      '100-continue': {
        outcome: 'framing_error',
        origin: 'target',
        why: 'the library takes a 100 that nobody asked for as a bad response',
      },
    },
  });
});
