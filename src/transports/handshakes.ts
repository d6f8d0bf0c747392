import type { Handshakes } from './transport.js';

/** A count of connections that may be added to. */
export interface HandshakeCount extends Handshakes {
  add(durationMs: number): void;
  /** Forgets those that were made before the run. */
  clear(): void;
}

export function handshakeCount(): HandshakeCount {
  let count = 0;
  let recentMs: number[] = [];
  return {
    get count() {
      return count;
    },
    add(durationMs) {
      count++;
      recentMs.push(durationMs);
    },
    clear() {
      count = 0;
      recentMs = [];
    },
    takeMs() {
      const taken = recentMs;
      recentMs = [];
      return taken;
    },
  };
}
