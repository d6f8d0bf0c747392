import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, createSecureContext } from 'node:tls';
import type { TransportOptions } from './transport.js';

/** Idle time after which TCP asks whether the peer is still there. */
const PROBE_MS = 60_000;
/** What one read takes at most. */
export const READ_BYTES = 65_536;

/** Begins a connection. Without `onread` its bytes come as events; with it TLS and TCP read into its buffer. */
export type Dialler = (onread?: OnReadOpts) => Socket;

/**
 * Makes sockets to the target as the options say, TLS offering `alpn` alone. They are ready at 'secureConnect' where
 * the target is secure, else at 'connect'. Certificates and keys are parsed once: that takes longer than a handshake.
 */
export function dialler(
  { target, ca, cert, key, insecure = false }: TransportOptions,
  alpn: 'http/1.1' | 'h2',
): Dialler {
  const where = { host: target.address, port: target.port, highWaterMark: READ_BYTES };
  const tls: ConnectionOptions | undefined = target.secure
    ? {
        secureContext: createSecureContext({ ca, cert, key }),
        rejectUnauthorized: !insecure,
        ALPNProtocols: [alpn],
        // An address is not a name to ask for.
        ...(!isIP(target.host) && { servername: target.host }),
      }
    : undefined;
  return (onread) => {
    const how = { ...where, ...(onread && { onread }) };
    const socket = tls ? connectTls({ ...how, ...tls }) : connectTcp(how);
    if (tls && onread) {
      // Nothing but this makes a TLS socket with `onread` read to its end.
      socket.resume();
    }
    return socket.setNoDelay(true).setKeepAlive(true, PROBE_MS);
  };
}
