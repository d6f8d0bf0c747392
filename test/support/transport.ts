import type { Clock } from '../../src/clock.js';
import type { WireRequest } from '../../src/protocols/protocol.js';
import type { Completion, Slip, Transport } from '../../src/transports/transport.js';

export interface SentRequest {
  readonly request: WireRequest;
  readonly slip: Readonly<Slip>;
  readonly atUs: number;
}

/** How a request ends that is sent at a moment: after how long and with what; never when undefined. */
export type Fate = (sent: SentRequest) => (Partial<Completion> & { readonly afterUs: number }) | undefined;

/** A transport without sockets that keeps what was sent. */
export function fakeTransport(clock: Clock, fate: Fate): Transport & { readonly sent: readonly SentRequest[] } {
  const sent: SentRequest[] = [];
  return {
    sent,
    send(request, slip, done) {
      const entry = { request, slip: { ...slip }, atUs: clock.nowUs() };
      sent.push(entry);
      const end = fate(entry);
      if (end) {
        const { afterUs, ...rest } = end;
        clock.at(entry.atUs + afterUs, () =>
          done({
            outcome: 'ok',
            startUs: entry.atUs,
            firstByteUs: clock.nowUs(),
            endUs: clock.nowUs(),
            bytesIn: 2,
            reused: false,
            origin: undefined,
            detail: undefined,
            status: 200,
            response: { status: 200, headers: {}, body: Buffer.from('{}') },
            ...rest,
          }),
        );
      }
    },
    async open() {},
    handshakes: { count: 0, takeMs: () => [] },
    async close() {},
  };
}
