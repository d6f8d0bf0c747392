import { isIP } from 'node:net';
import { buildConnector, Client, type Dispatcher } from 'undici';
import type { WireRequest } from '../protocols/protocol.js';
import { closedFailure, type Failure, type Progress, socketFailure, statusFailure } from './outcomes.js';
import {
  authority,
  type Completion,
  MAX_ANSWER_BYTES,
  requestId,
  type Slip,
  type Transport,
  type TransportOptions,
} from './transport.js';

/** How long an idle connection is kept: think times must not cost a new handshake. A shorter hint of the server wins. */
const KEEP_ALIVE_MS = 600_000;
const DETAIL_BYTES = 400;

/** One connection, opened by its first request and again after a failure. */
interface Lane {
  readonly client: Client;
  /** The connection is up. */
  connected: boolean;
  /** It has carried a request. */
  used: boolean;
  /** The socket's own last error: the library reports some broken answers as complete. */
  socketError: unknown;
}

/**
 * HTTP/1.1 over undici's `dispatch`, one connection per lane, one request at a time on each. Redirects, retries and
 * the library's own timeouts are off: its timers fire up to a second late, ours are the deadline.
 */
export function createUndiciTransport(options: TransportOptions): Transport {
  const { target, clock } = options;
  const origin = `${target.secure ? 'https' : 'http'}://${authority(target.host, target.port)}`;
  const lanes: (Lane | undefined)[] = [];

  function openLane(): Lane {
    const connect = buildConnector({ timeout: 0, autoSelectFamily: false } as buildConnector.BuildOptions);
    const lane: Lane = {
      client: new Client(origin, {
        pipelining: 1,
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: KEEP_ALIVE_MS,
        maxResponseSize: MAX_ANSWER_BYTES,
        connect(where, callback) {
          const servername = isIP(target.host) ? undefined : target.host;
          connect({ ...where, hostname: target.address, ...(servername && { servername }) }, (...[error, socket]) => {
            if (error) {
              callback(error, null);
              return;
            }
            lane.connected = true;
            lane.used = false;
            lane.socketError = undefined;
            socket.on('error', (cause) => {
              lane.socketError = cause;
            });
            socket.once('close', () => {
              lane.connected = false;
            });
            callback(null, socket);
          });
        },
      }),
      connected: false,
      used: false,
      socketError: undefined,
    };
    return lane;
  }

  return {
    send(request, slip, done) {
      let lane = lanes[slip.connection];
      if (!lane) {
        lane = openLane();
        lanes[slip.connection] = lane;
      }
      exchange(lane, request, slip, (completion, broken) => {
        if (broken) {
          // Whatever the library still waits for on this connection must not reach the next request.
          lanes[slip.connection] = undefined;
          lane.client.destroy().catch(() => {});
        }
        done(completion);
      });
    },
    async close() {
      await Promise.all(lanes.map((lane) => lane?.client.destroy()));
    },
  };

  function exchange(
    lane: Lane,
    request: WireRequest,
    slip: Readonly<Slip>,
    settle: (completion: Completion, broken: boolean) => void,
  ): void {
    const startUs = clock.nowUs();
    const chunks: Buffer[] = [];
    let bytesIn = 0;
    let firstByteUs: number | undefined;
    let status: number | undefined;
    let headers: Dispatcher.ResponseData['headers'] = {};
    let settled = false;
    const reused = lane.connected && lane.used;
    const cancelDeadline = clock.at(slip.deadlineUs, () => finish(lateFailure(), true));

    function progress(): Progress {
      return { connected: lane.connected || lane.used, reused, answering: firstByteUs !== undefined };
    }

    function lateFailure(): Failure {
      if (!lane.connected && firstByteUs === undefined) {
        return { outcome: 'connect_timeout', origin: 'network' };
      }
      return { outcome: firstByteUs === undefined ? 'timeout_ttfb' : 'timeout_total', origin: 'target' };
    }

    function finish(failure: Failure | undefined, broken: boolean, detail?: string): void {
      if (settled) {
        return;
      }
      settled = true;
      cancelDeadline();
      const endUs = clock.nowUs();
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const answer = failure || status === undefined ? undefined : { status, headers, body };
      lane.used = true;
      settle(
        {
          outcome: failure?.outcome ?? 'ok',
          startUs,
          endUs,
          bytesIn,
          reused,
          ...(failure && { origin: failure.origin }),
          ...(status !== undefined && { status }),
          ...(firstByteUs !== undefined && { firstByteUs }),
          ...(answer && { response: answer }),
          ...(detail !== undefined && { detail }),
        },
        broken,
      );
    }

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        if (settled) {
          controller.abort(new Error('past its deadline'));
        }
      },
      onResponseStart(_controller, code, received) {
        firstByteUs ??= clock.nowUs();
        if (code >= 200) {
          status = code;
          headers = received;
        }
      },
      onResponseData(_controller, chunk) {
        bytesIn += chunk.length;
        chunks.push(chunk);
      },
      onResponseEnd() {
        // A body that ends with its connection looks complete to the library even when the connection was reset.
        const broken = lane.socketError === undefined ? undefined : socketFailure(lane.socketError, progress());
        const failure = broken ?? statusFailure(status as number);
        const detail = failure && Buffer.concat(chunks).toString('utf8', 0, DETAIL_BYTES);
        finish(failure, broken !== undefined, detail);
      },
      onResponseError(_controller, error) {
        finish(failureOf(error), true, error.message);
      },
    };

    function failureOf(error: Error & { code?: string }): Failure {
      const now = progress();
      // The socket's own error says more than the library's: a TLS alert arrives there after a quiet end.
      const known = socketFailure(lane.socketError, now) ?? socketFailure(error, now);
      if (known) {
        return known;
      }
      switch (error.code) {
        case 'UND_ERR_SOCKET':
          return closedFailure(now);
        case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
          return { outcome: 'truncated_body', origin: 'network' };
        case 'UND_ERR_HEADERS_OVERFLOW':
          return { outcome: 'header_overflow', origin: 'target' };
        case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
          return { outcome: 'body_too_large', origin: 'target' };
        default:
          // The parser's errors carry the code of its state machine, none at an end inside a chunk.
          return error.name === 'HTTPParserError' ? parserFailure(error.code, now) : { outcome: 'unknown', origin: 'local' };
      }
    }

    lane.client.dispatch(
      {
        path: request.path,
        method: request.method,
        headers: {
          ...options.headers,
          ...request.headers,
          ...(options.requestIds && { 'x-request-id': requestId(slip.seq) }),
        },
        body: request.body,
      },
      handler,
    );
  }
}

function parserFailure(code: string | undefined, progress: Progress): Failure {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { outcome: 'header_overflow', origin: 'target' };
  }
  const cutShort = !code || code === 'HPE_INVALID_EOF_STATE';
  return cutShort ? closedFailure(progress) : { outcome: 'framing_error', origin: 'target' };
}
