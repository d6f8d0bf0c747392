import type { Reply, WireRequest, WireResponse } from '../../src/protocols/protocol.js';

/** A request of which only the number of items matters. */
export function requestOf(batch: number, given: Partial<WireRequest> = {}): WireRequest {
  return { method: 'POST', path: '/', headers: {}, body: null, batch, ...given };
}

/** An answer that came through. */
export function answer(body: string | Buffer, headers: WireResponse['headers'] = {}): WireResponse {
  return { status: 200, headers, body: Buffer.from(body as string) };
}

/** An answer to a probe that came through. */
export function reply(body: string | Buffer): Reply {
  return { status: 200, response: answer(body), detail: '' };
}

/** An answer to a probe that did not. */
export function refused(status: number | undefined, detail: string): Reply {
  return { status, response: undefined, detail };
}
