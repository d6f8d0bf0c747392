import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import type { Target } from './transport.js';

/** The connects of a library to the target. */
export interface Connects {
  /** Lets go of connects that take longer than this, µs: no call waits for them any more. */
  longestUs: number;
  /** The error of the last one that failed. */
  lastError: unknown;
  /** Ends those under way. */
  close(): void;
}

/**
 * Follows the connects of this process to the target, for a library that gives their errors as text only and cannot
 * end one that is under way.
 */
export function watchConnects(target: Target, clock: Clock): Connects {
  const opening = new Set<Socket>();
  const connects: Connects = {
    longestUs: 0,
    lastError: undefined,
    close() {
      unsubscribe('net.client.socket', onSocket);
      for (const socket of opening) {
        socket.destroy();
      }
    },
  };

  function onSocket(message: unknown): void {
    const { socket } = message as { readonly socket: Socket };
    socket.once('connectionAttempt', (address, port) => {
      if (address === target.address && port === target.port) {
        follow(socket);
      }
    });
  }

  function follow(socket: Socket): void {
    const giveUp = clock.at(clock.nowUs() + connects.longestUs, () => socket.destroy());
    const over = () => {
      giveUp();
      opening.delete(socket);
    };
    opening.add(socket);
    socket.once('connect', over).once('close', over);
    socket.once('error', (error) => {
      connects.lastError = error;
    });
  }

  subscribe('net.client.socket', onSocket);
  return connects;
}
