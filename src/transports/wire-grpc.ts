import { createDeadlines } from './deadlines.js';
import { dialler, READ_BYTES } from './dialler.js';
import { type Call, EMPTY, newCall } from './grpc-calls.js';
import { down, finishUnsent, type Shared } from './grpc-connection.js';
import { FRAME_HANDLERS } from './grpc-frames.js';
import { callHeads } from './grpc-headers.js';
import { createLanes } from './grpc-lanes.js';
import { outBuffer } from './grpc-sender.js';
import { handshakeCount } from './handshakes.js';
import { closedProblem, type Opening, openAll } from './opening.js';
import type { Failure } from './outcomes.js';
import { authority, type Transport, type TransportOptions } from './transport.js';

const NOT_SENDABLE: Failure = { outcome: 'unknown', origin: 'local' };

/**
 * Unary gRPC over HTTP/2 frames of our own on a bare socket, many calls at a time on each connection, for loads that a
 * library cannot make: no promise, closure or object per call. Headers are encoded once and patched, the calls of one
 * turn go out in one write, answers with headers that came before are known by their bytes, all deadlines share one
 * alarm. Nothing is retried; a call that lost its connection before it was sent moves to the next one.
 *
 * A call beyond the streams that the peer allows waits; its start is when it leaves. One that waits for a connection to
 * be made starts when it was sent. Handshakes count connections that came up after the clock reached 0, except the ones
 * that `open` made. Headers of an answer are not handed on.
 */
export function createWireGrpcTransport(options: TransportOptions): Transport {
  const { target, clock, maxConnections } = options;
  const headOf = callHeads({
    authority: authority(target.host, target.port),
    secure: target.secure,
    requestIds: options.requestIds,
    headers: options.headers,
  });
  const handshakes = handshakeCount();
  const shared: Shared = {
    options,
    clock,
    connect: dialler(options, 'h2'),
    deadlines: createDeadlines(clock),
    handshakes,
    readBuffer: Buffer.allocUnsafeSlow(READ_BYTES),
    out: outBuffer(),
    idleCalls: [],
    sockets: new Set(),
    frames: FRAME_HANDLERS,
    closed: false,
  };
  const { deadlines, idleCalls, sockets } = shared;
  const lanes = createLanes(shared);

  return {
    open: (connections) =>
      openAll({
        count: Math.min(connections, maxConnections),
        fresh: options.fresh,
        target,
        clock,
        begin: openOne,
      }),
    send(request, slip, done) {
      if (shared.closed) {
        return;
      }
      const call = idleCalls.pop() ?? newCall(lanes.expire);
      call.seq = slip.seq;
      call.done = done;
      call.body = request.body ?? EMPTY;
      try {
        call.head = headOf(request);
      } catch (error) {
        failSoon(call, String((error as Error).message));
        return;
      }
      deadlines.set(call.deadline, slip.deadlineUs);
      lanes.assign(call, slip.connection);
    },
    handshakes,
    async close() {
      shared.closed = true;
      deadlines.close();
      const closing = [...sockets].map((socket) => new Promise<void>((resolve) => socket.once('close', resolve)));
      for (const socket of sockets) {
        socket.destroy();
      }
      await Promise.all(closing);
    },
  };

  function failSoon(call: Call, detail: string): void {
    call.startUs = clock.nowUs();
    queueMicrotask(() => {
      if (!shared.closed) {
        finishUnsent(shared, call, NOT_SENDABLE, detail);
      }
    });
  }

  function openOne(index: number, done: (problem?: unknown) => void): Opening {
    const connection = lanes.connectionAt(index);
    connection.opened = done;
    connection.socket.on('error', done);
    return {
      problem: () => closedProblem(connection.socket),
      giveUp: () => down(connection, { outcome: 'connect_timeout', origin: 'network' }, 'No connection in time'),
    };
  }
}
