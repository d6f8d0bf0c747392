import type { Socket } from 'node:net';
import type { BodyPieces, WireRequest, WireResponse } from '../protocols/protocol.js';
import type { Origin, Outcome } from '../samples/outcomes.js';
import { US_PER_MS } from '../units.js';
import { createDeadlines, type Deadline, deadline } from './deadlines.js';
import { dialler, READ_BYTES } from './dialler.js';
import { handshakeCount } from './handshakes.js';
import {
  type AnswerParser,
  answerBody,
  answerHeaders,
  answerParser,
  endsWithConnection,
  headMemo,
  readAnswer,
  startAnswer,
} from './http1-parser.js';
import { closedProblem, type Opening, openAll } from './opening.js';
import { closedFailure, type Failure, type Progress, socketFailure, statusFailure } from './outcomes.js';
import {
  ANY_CONNECTION,
  authority,
  type Completion,
  notePiece,
  requestId,
  type Slip,
  STALL,
  STALLED,
  type Transport,
  type TransportOptions,
} from './transport.js';

const DETAIL_BYTES = 400;
/** How long a server that said it would may take to close a connection, before we do. */
const PARTING_US = 1_000_000;
const ID_DIGITS = requestId(0).length;
const DIGIT_0 = 0x30;

type Done = (completion: Completion) => void;

/** A request as it goes out, built once: the payloads of a run are sent again and again. */
interface Template {
  bytes: Buffer;
  /** Where the digits of the request id are; 0 when it has none. */
  readonly idOffset: number;
  readonly toHead: boolean;
  /** The statuses that are no failure; undefined: 2xx. */
  readonly statuses: readonly number[] | undefined;
  /** When the parts of the answer come is to be noted. */
  readonly stream: boolean;
}

/** A completion whose owner writes into it. */
type Filled = { -readonly [Key in keyof Completion]: Completion[Key] };

/** An answer that is looked at only when somebody asks. */
interface LazyResponse extends WireResponse {
  status: number;
  parser: AnswerParser;
  pieces: BodyPieces | undefined;
}

/** One connection, opened by its first request and again after a failure. */
interface Connection {
  readonly index: number;
  /** Undefined when there is none, and none is being made. */
  socket: Socket | undefined;
  /** The handshakes are over. */
  up: boolean;
  dialledUs: number;
  /** Requests that the socket has carried. */
  carried: number;
  /** A request is in flight on it, or it is being made. */
  busy: boolean;
  /** Told when the connection is up, or why it is not, while `open` makes it. */
  opened: ((problem: unknown) => void) | undefined;

  /** The request in flight. */
  template: Template | undefined;
  seq: number;
  done: Done | undefined;
  written: boolean;
  /** Some bytes of the answer came back, and more are missing. */
  heard: boolean;
  startUs: number;
  firstByteUs: number;
  reused: boolean;
  readonly deadline: Deadline;
  /** When the whole answer has to be there; a stream that stalls is given up before. */
  deadlineUs: number;
  /** Holds the answer while a part of it is missing. */
  parser: AnswerParser | undefined;
  /** When the parts of a streamed answer came. */
  pieces: BodyPieces | undefined;

  /** Requests for this connection that wait for the one in flight. */
  queue: Queue | undefined;
  /**
   * Neighbours in the ring of idle connections; both undefined when it is not in it. One that was asked for by its
   * number stays in it while it is busy, which is cheaper: the search for an idle one passes over it.
   */
  before: Connection | undefined;
  after: Connection | undefined;
}

/** A request that waits because its connection, or all, are busy. */
interface Waiting {
  readonly template: Template;
  readonly seq: number;
  /** Its deadline, which moves on with it to the connection. */
  readonly atUs: number;
  readonly done: Done;
  readonly queue: Queue;
  readonly deadline: Deadline;
}

/** Waiting requests in order: a set, because one whose deadline passes leaves from the middle. */
type Queue = Set<Waiting>;

/** Getters shared by all responses: copying one with `...` reads them. */
const RESPONSE_PARTS = {
  headers: {
    enumerable: true,
    get(this: LazyResponse) {
      return answerHeaders(this.parser);
    },
  },
  body: {
    enumerable: true,
    get(this: LazyResponse) {
      return answerBody(this.parser);
    },
  },
};

/**
 * HTTP/1.1 on a bare socket, one request at a time on each connection, for loads that a library cannot make: no promise,
 * closure or object per request. Whole requests are built once and written at once, all connections read into one
 * buffer, answers are parsed by hand and all deadlines share one alarm. Nothing is retried, redirected or decompressed.
 *
 * A request that waits for a connection and passes its deadline was never sent, so it starts when it ends: it is a
 * `connect_timeout` (or `tls_timeout`) where no connection could be made, and a `timeout_ttfb` of local origin where all
 * were busy and the cap on connections kept it back.
 *
 * Bytes beyond an answer end its connection; the answer stands. Handshakes count those of connections that came up
 * after the clock reached 0, except the ones that `open` made.
 */
export function createWireHttpTransport(options: TransportOptions): Transport {
  const { target, clock, maxConnections, fresh = false, stallUs } = options;
  const where = authority(target.host, target.port);
  const connect = dialler(options, 'http/1.1');
  /** All connections read into the same bytes. */
  const shared = Buffer.allocUnsafeSlow(READ_BYTES);
  const memo = headMemo(shared);
  const templates = new WeakMap<WireRequest, Template>();
  const connections: (Connection | undefined)[] = [];
  /** Sockets that the server is to close. */
  const parting = new Set<Socket>();
  const deadlines = createDeadlines(clock);
  // What is used for one request after another, whatever its connection, stays in the fastest memory.
  const completion: Filled = unsent('unknown', 'local', 0);
  const response = lazyResponse(answerParser(memo));
  /** Reads answers that come at once, as most do; a connection whose answer does not takes it along. */
  let parserAtHand = response.parser;
  const parsers: AnswerParser[] = [];
  const anyQueue: Queue = new Set();
  /** The two ends of the ring of connections that are up and idle. */
  const idle = newConnection(-1);
  idle.before = idle;
  idle.after = idle;
  let busyConnections = 0;
  /** Requests in all queues. */
  let waitingRequests = 0;
  let closed = false;
  const handshakes = handshakeCount();

  options.requests?.forEach(newTemplate);

  return {
    open: (connections) => openAll({ count: connections, fresh: options.fresh, target, clock, begin: openOne }),
    send(request, slip, done) {
      if (closed) {
        return;
      }
      const template = templates.get(request) ?? newTemplate(request);
      if (template === undefined) {
        refuse(done);
        return;
      }
      const pinned = slip.connection === ANY_CONNECTION ? undefined : connectionAt(slip.connection);
      const connection = pinned === undefined ? freeConnection() : pinned.busy ? undefined : pinned;
      if (connection === undefined) {
        wait(template, slip, done, pinned);
      } else {
        begin(connection, template, slip.seq, slip.deadlineUs, slip.sentUs ?? clock.nowUs(), done);
      }
    },
    handshakes,
    async close() {
      closed = true;
      deadlines.close();
      anyQueue.clear();
      const sockets = [...connections.flatMap((connection) => connection?.socket ?? []), ...parting];
      for (const connection of connections) {
        connection?.queue?.clear();
        connection?.opened?.(new Error('The transport was closed'));
        if (connection) {
          hangUp(connection);
        }
      }
      for (const socket of parting) {
        socket.destroy();
      }
      await Promise.all(
        sockets.map((socket) => socket.closed || new Promise((resolve) => socket.once('close', resolve))),
      );
    },
  };

  // Requests

  /** The bytes of a request; undefined when it cannot be written. */
  function newTemplate(request: WireRequest): Template | undefined {
    const headers = {
      host: where,
      ...options.headers,
      ...request.headers,
      ...(fresh && { connection: 'close' }),
    };
    const template = buildTemplate(request, headers, options.requestIds);
    if (template) {
      templates.set(request, template);
    }
    return template;
  }

  function refuse(done: Done): void {
    const nowUs = clock.nowUs();
    queueMicrotask(() => {
      if (!closed) {
        const detail = 'The request has a path or a header that HTTP/1.1 cannot carry';
        done({ ...unsent('unknown', 'local', nowUs), detail });
      }
    });
  }

  /** Puts a request on a connection that is idle, or not yet made. */
  function begin(
    connection: Connection,
    template: Template,
    seq: number,
    deadlineUs: number,
    nowUs: number,
    done: Done,
  ): void {
    connection.busy = true;
    busyConnections++;
    connection.template = template;
    connection.seq = seq;
    connection.done = done;
    connection.written = false;
    connection.heard = false;
    connection.reused = false;
    connection.pieces = template.stream ? { endBytes: [], atUs: [] } : undefined;
    connection.deadlineUs = deadlineUs;
    deadlines.set(connection.deadline, deadlineUs);
    connection.startUs = nowUs;
    if (connection.up) {
      write(connection);
    } else {
      dial(connection);
    }
  }

  function write(connection: Connection): void {
    const template = connection.template as Template;
    const socket = connection.socket as Socket;
    connection.written = true;
    connection.reused = connection.carried++ > 0;
    if (template.idOffset > 0) {
      writeDigits(template.bytes, template.idOffset, connection.seq);
    }
    socket.write(template.bytes);
    if (template.idOffset > 0 && socket.writableLength > 0) {
      // The kernel has not taken all of it, so these bytes must not change any more.
      template.bytes = Buffer.from(template.bytes);
    }
  }

  // Connections

  function connectionAt(index: number): Connection {
    if (index >= maxConnections) {
      throw new RangeError(`Connection ${index} is beyond the ${maxConnections} that there may be`);
    }
    const known = connections[index];
    if (known) {
      return known;
    }
    const connection = newConnection(index);
    connections[index] = connection;
    return connection;
  }

  /** The connection that has been idle for longest, else one that can be made; undefined when all are busy. */
  function freeConnection(): Connection | undefined {
    for (let first = idle.after as Connection; first !== idle; first = idle.after as Connection) {
      unlink(first);
      if (!first.busy) {
        return first;
      }
    }
    if (busyConnections < maxConnections) {
      for (let index = 0; index < maxConnections; index++) {
        if (!connections[index]?.busy) {
          return connectionAt(index);
        }
      }
    }
    return undefined;
  }

  function newConnection(index: number): Connection {
    const connection: Connection = {
      index,
      socket: undefined,
      up: false,
      dialledUs: 0,
      carried: 0,
      busy: false,
      opened: undefined,
      template: undefined,
      seq: 0,
      done: undefined,
      written: false,
      heard: false,
      startUs: 0,
      firstByteUs: 0,
      reused: false,
      deadline: deadline(() => late(connection)),
      deadlineUs: 0,
      parser: undefined,
      pieces: undefined,
      queue: undefined,
      before: undefined,
      after: undefined,
    };
    return connection;
  }

  function dial(connection: Connection): void {
    const socket = connect({
      buffer: shared,
      callback(length) {
        // Bytes of a socket that was given up may still come.
        if (connection.socket === socket) {
          received(connection, shared, length);
        }
        return true;
      },
    });
    connection.socket = socket;
    connection.dialledUs = clock.nowUs();
    connection.carried = 0;
    const mine = () => connection.socket === socket;
    socket
      .once(target.secure ? 'secureConnect' : 'connect', () => {
        if (mine()) {
          cameUp(connection);
        }
      })
      .on('end', () => {
        if (mine()) {
          ended(connection);
        }
      })
      .on('error', (error) => {
        if (mine()) {
          broke(connection, error);
        }
      });
  }

  function cameUp(connection: Connection): void {
    connection.up = true;
    const { opened } = connection;
    if (opened) {
      opened(undefined);
      return;
    }
    const nowUs = clock.nowUs();
    if (nowUs >= 0) {
      handshakes.add((nowUs - connection.dialledUs) / US_PER_MS);
    }
    write(connection);
  }

  /** Makes a connection that has no request. */
  function openOne(index: number, done: (problem?: unknown) => void): Opening {
    const connection = connectionAt(index);
    connection.busy = true;
    busyConnections++;
    connection.opened = (problem) => {
      connection.opened = undefined;
      if (problem !== undefined) {
        hangUp(connection);
      }
      pass(connection);
      done(problem);
    };
    dial(connection);
    const { socket } = connection;
    // A server that wants a certificate may say so after the handshake.
    socket?.on('error', done);
    return { problem: () => closedProblem(socket), giveUp: () => hangUp(connection) };
  }

  /** Closes the socket, without a word to who waits for it. */
  function hangUp(connection: Connection): void {
    // Errors that still come have a listener, which finds that the socket is no longer the connection's.
    part(connection)?.destroy();
  }

  /** Gives up the socket, which the server is about to close: who closes first keeps the port busy for a minute. */
  function letGo(connection: Connection): void {
    const socket = part(connection);
    if (socket) {
      parting.add(socket);
      const cancel = clock.at(clock.nowUs() + PARTING_US, () => socket.destroy());
      socket.once('close', () => {
        cancel();
        parting.delete(socket);
      });
    }
  }

  /** Takes the socket away from a connection. */
  function part(connection: Connection): Socket | undefined {
    const { socket } = connection;
    connection.socket = undefined;
    connection.up = false;
    if (connection.after !== undefined) {
      unlink(connection);
    }
    return socket;
  }

  /** Makes a connection free for the next request. */
  function release(connection: Connection): void {
    connection.busy = false;
    busyConnections--;
    if (connection.up && connection.after === undefined) {
      const last = idle.before as Connection;
      connection.before = last;
      connection.after = idle;
      last.after = connection;
      idle.before = connection;
    }
  }

  // What comes back

  function received(connection: Connection, bytes: Buffer, length: number): void {
    if (!connection.busy) {
      // Nobody asked: the bytes must not become the answer to the next request.
      if (connection.socket !== undefined) {
        hangUp(connection);
      }
      return;
    }
    const nowUs = clock.nowUs();
    let { parser } = connection;
    if (parser === undefined) {
      parser = parserAtHand;
      startAnswer(parser, (connection.template as Template).toHead);
    }
    const verdict = readAnswer(parser, bytes, length);
    if (connection.pieces !== undefined) {
      notePiece(connection.pieces, parser.bodyBytes, nowUs);
      if (stallUs !== undefined) {
        deadlines.set(connection.deadline, Math.min(connection.deadlineUs, nowUs + stallUs));
      }
    }
    if (verdict === 'complete') {
      answered(connection, parser, nowUs, parser.endOffset < length);
      return;
    }
    if (!connection.heard) {
      connection.heard = true;
      connection.firstByteUs = nowUs;
      connection.parser = parser;
      parserAtHand = parsers.pop() ?? answerParser(memo);
    }
    if (verdict === 'failed') {
      fail(connection, { outcome: parser.failure ?? 'framing_error', origin: 'target' }, parser.problem);
    }
  }

  /** Ends the request with the answer that was read; `over` when the connection can carry no other. */
  function answered(connection: Connection, parser: AnswerParser, nowUs: number, over: boolean): void {
    // An answer may come before the request has gone out whole; the rest of it would still be on its way.
    if (over || (connection.socket as Socket).writableLength > 0) {
      hangUp(connection);
    } else if (fresh || !parser.keepAlive) {
      letGo(connection);
    }
    const { status } = parser;
    completion.firstByteUs = connection.heard ? connection.firstByteUs : nowUs;
    completion.status = status;
    completion.bytesIn = parser.bodyBytes;
    const failure = statusFailure(status, connection.template?.statuses);
    if (failure === undefined) {
      response.status = status;
      response.parser = parser;
      response.pieces = connection.pieces;
      completion.outcome = 'ok';
      completion.origin = undefined;
      completion.response = response;
      completion.detail = undefined;
    } else {
      completion.outcome = failure.outcome;
      completion.origin = failure.origin;
      completion.response = undefined;
      completion.detail = answerBody(parser).toString('utf8', 0, DETAIL_BYTES);
    }
    settle(connection, nowUs);
  }

  function ended(connection: Connection): void {
    const { busy, parser } = connection;
    if (!connection.up) {
      // An end inside the TLS handshake: Node makes an error of it.
      return;
    }
    if (!busy) {
      hangUp(connection);
    } else if (parser && endsWithConnection(parser)) {
      answered(connection, parser, clock.nowUs(), true);
    } else {
      fail(connection, closedFailure(progressOf(connection)), 'The server closed the connection');
    }
  }

  function broke(connection: Connection, error: Error): void {
    const { busy, opened, parser } = connection;
    if (opened) {
      opened(error);
      return;
    }
    if (!busy) {
      hangUp(connection);
      return;
    }
    const known = socketFailure(error, progressOf(connection));
    // Nothing but a quiet end says that a body without other end is complete.
    const cut = known?.outcome === 'reset_mid_body' && parser !== undefined && endsWithConnection(parser);
    const unknown: Failure = { outcome: 'unknown', origin: 'local' };
    fail(connection, cut ? { outcome: 'truncated_body', origin: 'network' } : (known ?? unknown), error.message);
  }

  function progressOf({ written, reused, heard, parser }: Connection): Progress {
    return { connected: written, stale: reused && !heard, answering: parser !== undefined && parser.status > 0 };
  }

  function late(connection: Connection): void {
    if (connection.heard && stallUs !== undefined && clock.nowUs() < connection.deadlineUs) {
      fail(connection, STALL, STALLED);
      return;
    }
    const { up, parser, socket } = connection;
    const begun = (parser !== undefined && parser.status > 0) || (socket?.writableLength ?? 0) > 0;
    const failure: Failure = { outcome: begun ? 'timeout_total' : 'timeout_ttfb', origin: 'target' };
    fail(connection, up ? failure : connectFailure(connection), undefined);
  }

  /** The failure of what waited for a connection that is not up. */
  function connectFailure({ socket }: Connection): Failure {
    const handshaking = target.secure && socket?.connecting === false;
    return { outcome: handshaking ? 'tls_timeout' : 'connect_timeout', origin: 'network' };
  }

  /** Ends the request in flight without an answer, and its connection. */
  function fail(connection: Connection, { outcome, origin }: Failure, detail: string | undefined): void {
    const { parser } = connection;
    completion.outcome = outcome;
    completion.origin = origin;
    completion.status = parser?.status || undefined;
    completion.firstByteUs = connection.heard ? connection.firstByteUs : undefined;
    completion.bytesIn = parser?.bodyBytes ?? 0;
    completion.response = undefined;
    completion.detail = detail;
    hangUp(connection);
    settle(connection, clock.nowUs());
  }

  /** Hands over how a request ended. Its connection is free by then, unless another request waits for it. */
  function settle(connection: Connection, nowUs: number): void {
    const { parser } = connection;
    const done = connection.done as Done;
    deadlines.clear(connection.deadline);
    completion.startUs = connection.startUs;
    completion.endUs = nowUs;
    completion.reused = connection.reused;
    connection.parser = undefined;
    if (waitingRequests === 0) {
      release(connection);
      done(completion);
    } else {
      // Who waits comes before who is called back now.
      try {
        done(completion);
      } finally {
        pass(connection);
      }
    }
    if (parser !== undefined) {
      parsers.push(parser);
    }
  }

  /** Gives a connection to the request that has waited longest for it, if any. */
  function pass(connection: Connection): void {
    release(connection);
    const { queue } = connection;
    const [next] = queue !== undefined && queue.size > 0 ? queue : anyQueue;
    if (next !== undefined && !closed) {
      leave(next);
      begin(connection, next.template, next.seq, next.atUs, clock.nowUs(), next.done);
    }
  }

  // Who waits

  function wait(template: Template, slip: Readonly<Slip>, done: Done, pinned: Connection | undefined): void {
    if (pinned !== undefined) {
      pinned.queue ??= new Set();
    }
    const waiting: Waiting = {
      template,
      seq: slip.seq,
      atUs: slip.deadlineUs,
      done,
      queue: pinned?.queue ?? anyQueue,
      deadline: deadline(() => {
        leave(waiting);
        const { outcome, origin } = waitFailure(pinned);
        done(unsent(outcome, origin, clock.nowUs()));
      }),
    };
    waiting.queue.add(waiting);
    waitingRequests++;
    deadlines.set(waiting.deadline, slip.deadlineUs);
  }

  function leave(waiting: Waiting): void {
    waiting.queue.delete(waiting);
    waitingRequests--;
    deadlines.clear(waiting.deadline);
  }

  function waitFailure(pinned: Connection | undefined): Failure {
    const awaited = pinned ? [pinned] : connections.filter((connection) => connection !== undefined);
    const [first] = awaited;
    return first && !awaited.some(({ up }) => up)
      ? connectFailure(first)
      : { outcome: 'timeout_ttfb', origin: 'local' };
  }
}

function unlink(connection: Connection): void {
  const before = connection.before as Connection;
  const after = connection.after as Connection;
  before.after = after;
  after.before = before;
  connection.before = undefined;
  connection.after = undefined;
}

function lazyResponse(parser: AnswerParser): LazyResponse {
  const response = Object.defineProperties({ status: 0, pieces: undefined }, RESPONSE_PARTS) as LazyResponse;
  // Not among what a copy of the response takes along.
  return Object.defineProperty(response, 'parser', { value: parser, writable: true });
}

/** The completion of a request that never left. */
function unsent(outcome: Outcome, origin: Origin, atUs: number): Completion {
  return {
    outcome,
    origin,
    status: undefined,
    startUs: atUs,
    firstByteUs: undefined,
    endUs: atUs,
    bytesIn: 0,
    reused: false,
    response: undefined,
    detail: undefined,
  };
}

const PATH = /^[\x21-\xff]+$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Methods whose requests have a length even without a body: RFC 9110, 8.6. */
const BODY_EXPECTED: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
/** Headers that would change how the request is framed. */
const FRAMING: ReadonlySet<string> = new Set(['transfer-encoding', 'expect', 'upgrade']);

/** Head and body as one piece of bytes; undefined when a part of it cannot be written. */
function buildTemplate(
  { method, path, body, stream = false, statuses }: WireRequest,
  headers: Readonly<Record<string, string>>,
  requestIds: boolean,
): Template | undefined {
  const id = requestIds ? `x-request-id: ${requestId(0)}\r\n` : '';
  let head = `${method} ${path} HTTP/1.1\r\n`;
  if (!PATH.test(path)) {
    return undefined;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name) || !VALUE.test(value) || FRAMING.has(name)) {
      return undefined;
    }
    if (name !== 'content-length' && !(requestIds && name === 'x-request-id')) {
      head += `${name}: ${value}\r\n`;
    }
  }
  if (body !== null || BODY_EXPECTED.has(method)) {
    head += `content-length: ${body?.length ?? 0}\r\n`;
  }
  head += id;
  const bytes = Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
  const toHead = method === 'HEAD';
  return { bytes, idOffset: requestIds ? head.length - 2 - ID_DIGITS : 0, toHead, stream, statuses };
}

/** Writes a sequence number as ten digits. */
function writeDigits(bytes: Buffer, offset: number, seq: number): void {
  let rest = seq;
  for (let at = offset + ID_DIGITS - 1; at >= offset; at--) {
    const tenth = Math.floor(rest / 10);
    bytes[at] = DIGIT_0 + rest - tenth * 10;
    rest = tenth;
  }
}
