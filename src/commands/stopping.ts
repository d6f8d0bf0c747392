import type { Io, StopSignal } from '../io.js';

/** The user's wish to stop, as the signal that the loop listens to. */
export interface Stopping {
  readonly signal: AbortSignal;
  asked(): StopSignal | undefined;
  release(): void;
}

/** Listens for it until released. */
export function stopOnSignal(io: Io): Stopping {
  const controller = new AbortController();
  let asked: StopSignal | undefined;
  const release = io.onStop((signal) => {
    asked = signal;
    controller.abort();
    io.stderr.write('\nstopping: no new requests, waiting for those in flight; once more to leave at once\n');
  });
  return { signal: controller.signal, asked: () => asked, release };
}
