import type { Protocol } from '../protocols/protocol.js';
import type { Transport, TransportOptions } from './transport.js';

/** Loads what makes a transport: imports take tens of milliseconds, which must not fall into a run. */
type TransportLoader = () => Promise<(options: TransportOptions) => Transport>;

/** Our own lanes on bare sockets, and the libraries' for what those do not do. */
export const LANES = ['wire', 'library'] as const;

/** The transports for each way of travelling. To add one, write its file and its line. */
export const TRANSPORTS: Readonly<Record<Protocol['via'], Readonly<Record<(typeof LANES)[number], TransportLoader>>>> =
  {
    http: {
      wire: async () => (await import('./wire-http.js')).createWireHttpTransport,
      library: async () => (await import('./undici.js')).createUndiciTransport,
    },
    grpc: {
      wire: async () => (await import('./wire-grpc.js')).createWireGrpcTransport,
      library: async () => (await import('./grpc-js.js')).createGrpcJsTransport,
    },
  };
