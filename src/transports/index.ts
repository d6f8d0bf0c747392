import type { Protocol } from '../protocols/protocol.js';
import type { Transport, TransportOptions } from './transport.js';

/** Loads what makes a transport: imports take tens of milliseconds, which must not fall into a run. */
type TransportLoader = () => Promise<(options: TransportOptions) => Transport>;

/** The transport for each way of travelling. To add one, write its file and its line. */
export const TRANSPORTS: Readonly<Record<Protocol['via'], TransportLoader>> = {
  http: async () => (await import('./undici.js')).createUndiciTransport,
  grpc: async () => (await import('./grpc-js.js')).createGrpcJsTransport,
};
