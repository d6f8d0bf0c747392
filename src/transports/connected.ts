import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.js';
import { BenchError, errorCode } from '../errors.js';
import { US_PER_S } from '../units.js';
import { authority, type Target } from './transport.js';

/** How long a connection may take to come up before a run. */
const CONNECT_TIMEOUT_US = 10 * US_PER_S;

/** The socket once it is connected, TLS included. Throws BenchError('unreachable') when that fails or takes over 10 s. */
export function connected(socket: Socket, target: Target, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) => {
      cancel();
      socket.destroy();
      reject(
        new BenchError('unreachable', `Cannot open a connection to ${authority(target.host, target.port)}: ${reason}`, {
          cause,
          hint: 'all connections are opened before the run; nothing was sent',
        }),
      );
    };
    const onError = (error: Error) => fail(errorCode(error) ?? error.message, error);
    const cancel = clock.at(clock.nowUs() + CONNECT_TIMEOUT_US, () => fail('no answer within 10 s'));
    socket.once('error', onError).once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      cancel();
      socket.off('error', onError);
      // What happens to an idle connection shows when it is used.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
