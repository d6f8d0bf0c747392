import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import type { BodyPieces, WireRequest } from '../protocols/protocol.js';
import { US_PER_MS } from '../units.js';
import { dialler } from './dialler.js';
import { handshakeCount } from './handshakes.js';
import { lanePool } from './lane-pool.js';
import { closedProblem, type Opening, openAll } from './opening.js';
import { closedFailure, type Failure, type Progress, socketFailure, statusFailure } from './outcomes.js';
import { stallWatch } from './stall-watch.js';
import {
  authority,
  type Completion,
  LATE,
  MAX_ANSWER_BYTES,
  MAX_INTERIM_ANSWERS,
  neverSent,
  notePiece,
  requestId,
  type Slip,
  STALL,
  STALLED,
  type Transport,
  type TransportOptions,
} from './transport.js';

/** How long an idle connection is kept: think times must not cost a new handshake. A shorter hint of the server wins. */
const KEEP_ALIVE_MS = 600_000;
/** How long before the end of the server's hint a connection is given up, so that it is not used while the server closes it. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
const DETAIL_BYTES = 400;

/** One connection, opened by its first request and again after a failure. */
interface Lane {
  readonly client: Client;
  /** The socket that is open or being opened: the library cannot close one that is being opened. */
  socket: Socket | undefined;
  /** A socket that was opened before the run and waits for the first request. */
  opened: Socket | undefined;
  /** Requests that the socket has carried. */
  carried: number;
  /** The socket's own first error: the library reports some broken answers as complete, and a TLS alert as a quiet end. */
  socketError: unknown;
  /** Forgets the request in flight. */
  cut: () => void;
}

/** A request on its way to a lane, with what has to be known of its slip. */
interface Job {
  readonly request: WireRequest;
  readonly seq: number;
  readonly deadlineUs: number;
  readonly done: (completion: Completion) => void;
  /** Ends the waiting for a lane. */
  cancelWaiting: () => void;
}

/**
 * HTTP/1.1 over undici's `dispatch`, one connection per lane, one request at a time on each. Redirects, retries and
 * the library's own timeouts are off: its timers fire up to a second late, ours are the deadline. Where the library
 * cannot do better: a `100 Continue` that nobody asked for is a framing error.
 */
export function createUndiciTransport(options: TransportOptions): Transport {
  const { target, clock } = options;
  const origin = `${target.secure ? 'https' : 'http'}://${authority(target.host, target.port)}`;
  const connect = dialler(options, 'http/1.1');
  const ready = target.secure ? 'secureConnect' : 'connect';
  const lanes: (Lane | undefined)[] = [];
  const handshakes = handshakeCount();
  const pool = lanePool<Job>(options.maxConnections, start);

  function openLane(): Lane {
    const lane: Lane = {
      client: new Client(origin, {
        pipelining: 1,
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: KEEP_ALIVE_MS,
        keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
        maxResponseSize: MAX_ANSWER_BYTES,
        connect(_where, callback) {
          const begunUs = clock.nowUs();
          const opened = lane.opened;
          lane.opened = undefined;
          lane.carried = 0;
          lane.socketError = undefined;
          if (opened?.readyState === 'open') {
            lane.socket = opened.on('error', (error) => {
              lane.socketError ??= error;
            });
            queueMicrotask(() => callback(null, opened));
            return;
          }
          const socket = connect();
          const failed = (error: Error) => callback(error, null);
          lane.socket = socket
            .on('error', (error) => {
              // Others that follow are the library's.
              lane.socketError ??= error;
            })
            .once('error', failed)
            .once(ready, () => {
              socket.off('error', failed);
              handshakes.add((clock.nowUs() - begunUs) / US_PER_MS);
              callback(null, socket);
            });
        },
      }),
      socket: undefined,
      opened: undefined,
      carried: 0,
      socketError: undefined,
      cut: () => {},
    };
    return lane;
  }

  return {
    handshakes,
    async open(connections) {
      await openAll({ count: connections, fresh: options.fresh, target, clock, begin: openOne });
      pool.opened(connections);
    },
    send(request, { seq, connection, deadlineUs }, done) {
      const job: Job = { request, seq, deadlineUs, done, cancelWaiting: () => {} };
      if (!pool.submit(connection, job)) {
        job.cancelWaiting = clock.at(deadlineUs, () => {
          pool.withdraw(job);
          done(neverSent(clock.nowUs()));
        });
      }
    },
    async close() {
      await Promise.all(lanes.map((lane) => lane && closeLane(lane)));
    },
  };

  function openOne(index: number, done: (problem?: unknown) => void): Opening {
    const lane = openLane();
    lanes[index] = lane;
    // What happens to an idle connection later shows when it is used.
    const socket = connect()
      .on('error', done)
      .once(ready, () => done());
    lane.opened = socket;
    return { problem: () => closedProblem(socket), giveUp: () => socket.destroy() };
  }

  function start(index: number, { request, seq, deadlineUs, done, cancelWaiting }: Job): void {
    cancelWaiting();
    const lane = lanes[index] ?? openLane();
    lanes[index] = lane;
    exchange(lane, request, { seq, connection: index, deadlineUs }, (completion, broken) => {
      if (broken) {
        // Whatever the library still waits for on this connection must not reach the next request.
        lanes[index] = undefined;
        closeLane(lane);
      }
      try {
        pool.release(index);
        done(completion);
      } catch (error) {
        // The library would take it for a failure of the request, and nobody would hear of it.
        queueMicrotask(() => {
          throw error;
        });
      }
    });
  }

  function exchange(
    lane: Lane,
    request: WireRequest,
    slip: Readonly<Slip>,
    settle: (completion: Completion, broken: boolean) => void,
  ): void {
    let startUs = clock.nowUs();
    const chunks: Buffer[] = [];
    const pieces: BodyPieces | undefined = request.stream ? { endBytes: [], atUs: [] } : undefined;
    let bytesIn = 0;
    let interim = 0;
    let firstByteUs: number | undefined;
    let status: number | undefined;
    let headers: Dispatcher.ResponseData['headers'] = {};
    let dispatched = false;
    let written = false;
    let reused = false;
    let settled = false;
    const cancelDeadline = clock.at(slip.deadlineUs, () => finish(lateFailure(), true, LATE));
    const stall = stallWatch(clock, request.stream ? options.stallUs : undefined, () => finish(STALL, true, STALLED));
    lane.cut = () => {
      settled = true;
      cancelDeadline();
      stall.cancel();
    };

    function progress(): Progress {
      // A connection that broke before the write was either the old one, found dead, or never came up.
      const used = written ? reused : lane.carried > 0;
      return { connected: written || used, stale: used && firstByteUs === undefined, answering: status !== undefined };
    }

    function lateFailure(): Failure {
      if (!written && lane.carried === 0) {
        const handshaking = target.secure && lane.socket?.connecting === false;
        return { outcome: handshaking ? 'tls_timeout' : 'connect_timeout', origin: 'network' };
      }
      const outcome = status === undefined && !(written && isSending(lane)) ? 'timeout_ttfb' : 'timeout_total';
      // Not even written: this process was too busy to get to it.
      return { outcome, origin: written ? 'target' : 'local' };
    }

    function finish(failure: Failure | undefined, broken: boolean, detail?: string): void {
      if (settled) {
        return;
      }
      lane.cut();
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const answer = failure || status === undefined ? undefined : { status, headers, body, pieces };
      const completion: Completion = {
        outcome: failure?.outcome ?? 'ok',
        startUs,
        endUs: clock.nowUs(),
        bytesIn,
        reused,
        origin: failure?.origin,
        status,
        firstByteUs,
        response: answer,
        detail,
      };
      if (dispatched) {
        settle(completion, broken);
      } else {
        queueMicrotask(() => settle(completion, broken));
      }
    }

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {
        written = true;
        reused = lane.carried++ > 0;
        if (reused) {
          // The library looks at an idle connection for one turn of the event loop before it writes.
          startUs = clock.nowUs();
        }
      },
      onResponseStarted() {
        firstByteUs ??= clock.nowUs();
      },
      onResponseStart(_controller, code, received) {
        if (code >= 200) {
          status = code;
          headers = received;
          stall.heard();
        } else if (++interim > MAX_INTERIM_ANSWERS) {
          finish(
            { outcome: 'framing_error', origin: 'target' },
            true,
            `More than ${MAX_INTERIM_ANSWERS} interim answers`,
          );
        }
      },
      onResponseData(_controller, chunk) {
        bytesIn += chunk.length;
        chunks.push(chunk);
        stall.heard();
        if (pieces !== undefined) {
          notePiece(pieces, bytesIn, clock.nowUs());
        }
      },
      onResponseEnd() {
        if (lane.socketError !== undefined) {
          // A body that ends with its connection looks complete to the library even when the connection was reset.
          finish({ outcome: 'truncated_body', origin: 'network' }, true, String(lane.socketError));
          return;
        }
        const failure = statusFailure(status as number, request.statuses);
        // What is left of a request that was answered early must not stand before the next.
        finish(failure, isSending(lane), failure && Buffer.concat(chunks).toString('utf8', 0, DETAIL_BYTES));
      },
      onResponseError(_controller, error) {
        finish(failureOf(error), true, error.message);
      },
    };

    function failureOf(error: Error & { code?: string }): Failure {
      const now = progress();
      // The socket's own error says more than the library's.
      const known = socketFailure(lane.socketError, now) ?? socketFailure(error, now);
      if (known) {
        return known;
      }
      switch (error.code) {
        case 'UND_ERR_HEADERS_OVERFLOW':
        case 'HPE_HEADER_OVERFLOW':
          return { outcome: 'header_overflow', origin: 'target' };
        case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
          return { outcome: 'body_too_large', origin: 'target' };
      }
      // These stand for an end that came too early and for bytes that are wrong: the socket knows whether it ended.
      if (
        error.name === 'HTTPParserError' ||
        error.code === 'UND_ERR_SOCKET' ||
        error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
      ) {
        return lane.socket?.readableEnded ? closedFailure(now) : { outcome: 'framing_error', origin: 'target' };
      }
      return { outcome: 'unknown', origin: 'local' };
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
        // Left alone the library closes after each HEAD, for servers that answer it with a body.
        ...((options.fresh || request.method === 'HEAD') && { reset: options.fresh === true }),
      },
      handler,
    );
    dispatched = true;
  }
}

/** Some of what was written has not left this process. */
function isSending({ socket }: Lane): boolean {
  return socket !== undefined && socket.writableLength > 0;
}

/** Cuts what is in flight without a word, and the connection. */
async function closeLane(lane: Lane): Promise<void> {
  lane.cut();
  lane.opened?.destroy();
  lane.socket?.destroy();
  await lane.client.destroy();
}
