import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { gunzipSync, inflateSync } from 'node:zlib';
import { BenchError, errorCode } from '../errors.js';
import type { WireResponse } from '../protocols/protocol.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { createDeadlines, type Deadline, deadline } from './deadlines.js';
import {
  type AnswerHead,
  type AnswerHeadReader,
  type CallHead,
  callHeads,
  createAnswerHeadReader,
  percentDecoded,
  writeDigits,
  writeTimeout,
} from './grpc-headers.js';
import { handshakeCount } from './handshakes.js';
import {
  ConnectionError,
  createFrameReader,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  type FrameReader,
  frameOf,
  H2_CODES,
  type H2Code,
  h2CodeName,
  MAX_31_BITS,
  MAX_FRAME_BYTES,
  SETTING,
  settingsFrame,
  uint32,
} from './http2-frames.js';
import { closedFailure, type Failure, grpcOutcome, type Progress, socketFailure } from './outcomes.js';
import {
  ANY_CONNECTION,
  authority,
  type Completion,
  MAX_ANSWER_BYTES,
  MAX_INTERIM_ANSWERS,
  type Transport,
  type TransportOptions,
} from './transport.js';

/** What one read takes at most; all connections of a transport read into the same bytes. */
const READ_BYTES = 65_536;
/** What one write takes at most; connections share these bytes too, as long as the kernel takes all of them at once. */
const WRITE_BYTES = 262_144;
/** Idle time after which TCP asks whether the peer is still there. */
const PROBE_MS = 60_000;
const OPEN_TIMEOUT_US = 10 * US_PER_S;
const ID_DIGITS = 10;
/** Flag and length before a gRPC message. */
const PREFIX_BYTES = 5;
/** Bytes that may come before we say that there is room for more: half of the largest window. */
const WINDOW_STEP_BYTES = 2 ** 30;
/** The largest list of headers of an answer, as HTTP/2 counts it; what node:http2 takes too. */
const MAX_HEADER_LIST_BYTES = 65_536;
/** A header block in more bytes than this is not read: nothing of the connection can be after it. */
const MAX_BLOCK_BYTES = 4 * MAX_HEADER_LIST_BYTES;
/** More answers of ours than this that the peer does not read are a flood. */
const MAX_CONTROL_FRAMES = 10_000;
/** A message larger than this gets its memory as it comes, not when its length says so. */
const EAGER_BYTES = 2 ** 20;
/** How many connections in a row that carried nothing a call may lose, to a server that lets nobody stay. */
const MAX_MOVES = 3;
const FIRST_SLOTS = 64;
const EMPTY = Buffer.alloc(0);
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  // No answer fills a window of 2 GiB, so streams need no updates.
  settingsFrame([
    [SETTING.enablePush, 0],
    [SETTING.initialWindowBytes, MAX_31_BITS],
    [SETTING.maxHeaderListBytes, MAX_HEADER_LIST_BYTES],
  ]),
  frameOf(FRAME.windowUpdate, 0, 0, uint32(MAX_31_BITS - DEFAULT_WINDOW_BYTES)),
]);
/** No pushed streams, no error. */
const GOAWAY = frameOf(FRAME.goaway, 0, 0, Buffer.alloc(8));
const SETTINGS_ACK = frameOf(FRAME.settings, FLAG.ack, 0);

const NOT_GRPC: Failure = { outcome: 'grpc_not_grpc', origin: 'target' };
const NO_STATUS: Failure = { outcome: 'grpc_no_status', origin: 'target' };
const NOT_UNARY: Failure = { outcome: 'stream_protocol', origin: 'target' };
const UNREADABLE: Failure = { outcome: 'decode_error', origin: 'target' };
const MALFORMED: Failure = { outcome: 'framing_error', origin: 'target' };
const TOO_LONG: Failure = { outcome: 'header_overflow', origin: 'target' };
const TOO_LARGE: Failure = { outcome: 'grpc_message_too_large', origin: 'local' };
const LATE: Failure = { outcome: 'grpc_DEADLINE_EXCEEDED', origin: 'target' };
const REFUSED: Failure = { outcome: 'h2_refused', origin: 'network' };
const SENT_AWAY: Failure = { outcome: 'h2_goaway', origin: 'network' };
const NOT_SENDABLE: Failure = { outcome: 'unknown', origin: 'local' };
const UNCONNECTED: Progress = { connected: false, stale: false, answering: false };

/** What RST_STREAM means to gRPC (its "HTTP2 Transport Mapping"); other codes are INTERNAL. */
const RESETS: Partial<Record<H2Code, Failure>> = {
  REFUSED_STREAM: REFUSED,
  CANCEL: { outcome: 'grpc_CANCELLED', origin: 'network' },
  ENHANCE_YOUR_CALM: { outcome: 'grpc_RESOURCE_EXHAUSTED', origin: 'network' },
  INADEQUATE_SECURITY: { outcome: 'grpc_PERMISSION_DENIED', origin: 'network' },
};
const RESET_OTHERWISE: Failure = { outcome: 'grpc_INTERNAL', origin: 'network' };

type Done = (completion: Completion) => void;

/** What its owner writes into. */
type Filled<Record> = { -readonly [Key in keyof Record]: Record[Key] };

/** One call from `send` to its completion; then the object serves the next. */
interface Call {
  head: CallHead | undefined;
  body: Buffer;
  seq: number;
  done: Done | undefined;
  readonly deadline: Deadline;
  /** Where it is, or waits; undefined when it waits for any. */
  connection: Connection | undefined;
  /** Stream id; 0 while it waits. */
  id: number;
  /** The next in its queue. */
  next: Call | undefined;
  /** How many connections it lost in a row that had carried nothing. */
  moves: number;

  /** `startUs` stands: it waits for a connection that is being made. */
  started: boolean;
  startUs: number;
  /** Bytes of prefix and message that were written. */
  sentBytes: number;
  /** What the peer lets us send of it; only kept while something is unsent. */
  windowBytes: number;

  answering: boolean;
  interim: number;
  encoding: string | undefined;
  prefixBytes: number;
  compressed: boolean;
  /** The message so far; may be longer or of a former call. */
  message: Buffer;
  messageBytes: number;
  takenBytes: number;
  readonly response: Filled<WireResponse>;
  readonly completion: Filled<Completion>;
}

/** Calls in order, linked by `next`. */
interface Queue {
  first: Call | undefined;
  last: Call | undefined;
  length: number;
}

interface Connection {
  readonly index: number;
  readonly socket: Socket;
  readonly reader: FrameReader;
  readonly heads: AnswerHeadReader;
  readonly dialledUs: number;
  phase: 'tcp' | 'tls' | 'http2' | 'up' | 'down';
  /** What the socket reported. */
  error: Error | undefined;
  /** Told when the connection is up, or why it is not, while `open` makes it. */
  opened: ((problem: unknown) => void) | undefined;
  /** The call that the connection was made for: with its deadline the attempt ends. */
  opener: Call | undefined;

  /** Calls for this connection that were not sent. */
  readonly queue: Queue;
  /** Open streams by half of their id, modulo the length, which is a power of two. */
  slots: (Call | undefined)[];
  active: number;
  lastId: number;
  /** Calls it has carried. */
  carried: number;
  /** Streams that the peer allows. */
  maxActive: number;
  /** The peer takes no new streams. */
  leaving: boolean;
  /** Why, when the peer said so. */
  goaway: string | undefined;

  /** Calls whose message is not out yet, in order: the windows are too small, or the kernel is slow. */
  readonly unsent: Call[];
  /** What the peer lets us send, on all streams and on a new one. */
  windowBytes: number;
  streamWindowBytes: number;
  peerFrameBytes: number;
  /** Frames that are no calls: acknowledgements, resets, window updates. */
  control: Buffer[];
  /** Written bytes that the kernel has not taken yet. */
  taken: Buffer | undefined;
  writes: number;
  readonly written: (error?: Error | null) => void;
  flushDue: boolean;
  readonly flush: () => void;

  reading: boolean;
  /** When bytes came last. */
  heardUs: number;
  /** The end of a call that ends now. */
  readUs: number;
  /** Bytes of DATA that no window update was sent for. */
  unacknowledgedBytes: number;
  /** A header block that goes on in CONTINUATION frames, and what it cost so far. */
  block: Buffer[] | undefined;
  blockId: number;
  blockEnds: boolean;
  blockBytes: number;
}

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
  const servername = isIP(target.host) ? undefined : target.host;
  const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const headOf = callHeads({
    authority: authority(target.host, target.port),
    secure: target.secure,
    requestIds: options.requestIds,
    headers: options.headers,
  });
  const deadlines = createDeadlines(clock);
  /** Where calls go, by their number. */
  const lanes: (Connection | undefined)[] = [];
  /** All that are not closed yet: also those that only finish what they have. */
  const sockets = new Set<Socket>();
  /** Calls for any connection, while none has room. */
  const anyQueue: Queue = { first: undefined, last: undefined, length: 0 };
  const idleCalls: Call[] = [];
  let out: Buffer = Buffer.allocUnsafeSlow(WRITE_BYTES);
  let outBytes = 0;
  const spareOuts: Buffer[] = [];
  let closed = false;
  const handshakes = handshakeCount();

  return {
    async open(count) {
      const opening = Array.from({ length: Math.min(count, maxConnections) }, (_, index) => openedConnection(index));
      await Promise.all(opening);
    },
    send(request, slip, done) {
      if (closed) {
        return;
      }
      const call = idleCalls.pop() ?? newCall();
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
      assign(call, slip.connection);
    },
    handshakes,
    async close() {
      closed = true;
      deadlines.close();
      const closing = [...sockets].map((socket) => new Promise<void>((resolve) => socket.once('close', resolve)));
      for (const socket of sockets) {
        socket.destroy();
      }
      await Promise.all(closing);
    },
  };

  function newCall(): Call {
    const response: Filled<WireResponse> = { status: 0, headers: {}, body: EMPTY };
    const call: Call = {
      head: undefined,
      body: EMPTY,
      seq: 0,
      done: undefined,
      deadline: deadline(() => expire(call)),
      connection: undefined,
      id: 0,
      next: undefined,
      moves: 0,
      started: false,
      startUs: 0.5,
      sentBytes: 0,
      windowBytes: 0,
      answering: false,
      interim: 0,
      encoding: undefined,
      prefixBytes: 0,
      compressed: false,
      message: EMPTY,
      messageBytes: 0,
      takenBytes: 0,
      response,
      completion: {
        outcome: 'ok',
        origin: undefined,
        status: undefined,
        startUs: 0.5,
        firstByteUs: undefined,
        endUs: 0.5,
        bytesIn: 0,
        reused: false,
        response: undefined,
        detail: undefined,
      },
    };
    return call;
  }

  function failSoon(call: Call, detail: string): void {
    call.startUs = clock.nowUs();
    queueMicrotask(() => {
      if (!closed) {
        finish(call, NOT_SENDABLE, undefined, detail);
      }
    });
  }

  function assign(call: Call, connection: number): void {
    if (connection !== ANY_CONNECTION) {
      const index = connection % maxConnections;
      wait(lanes[index] ?? dial(index, call), call);
      return;
    }
    let best: Connection | undefined;
    let dialling = false;
    for (let index = 0; index < lanes.length; index++) {
      const lane = lanes[index];
      if (!lane) {
        continue;
      }
      if (lane.phase !== 'up') {
        dialling = true;
      } else if (load(lane) < lane.maxActive && (!best || load(lane) < load(best))) {
        best = lane;
      }
    }
    const vacant = best || dialling ? maxConnections : vacantLane();
    if (best) {
      wait(best, call);
      return;
    }
    if (vacant < maxConnections) {
      wait(dial(vacant, call), call);
      return;
    }
    if (dialling) {
      start(call);
    }
    push(anyQueue, call);
  }

  function vacantLane(): number {
    let index = 0;
    while (lanes[index]) {
      index++;
    }
    return index;
  }

  /** Lets calls that wait for any connection have one, where that takes a new one. */
  function assignAgain(): void {
    if (anyQueue.first && !lanes.some((lane) => lane && lane.phase !== 'up')) {
      const index = vacantLane();
      if (index < maxConnections) {
        const call = shift(anyQueue) as Call;
        wait(dial(index, call), call);
      }
    }
  }

  function load(connection: Connection): number {
    return connection.active + connection.queue.length;
  }

  function start(call: Call): void {
    if (!call.started) {
      call.started = true;
      call.startUs = clock.nowUs();
    }
  }

  function wait(connection: Connection, call: Call): void {
    call.connection = connection;
    push(connection.queue, call);
    if (connection.phase === 'up') {
      flushSoon(connection);
    } else {
      start(call);
    }
  }

  function flushSoon(connection: Connection): void {
    // What is being read ends with a flush of its own.
    if (!connection.flushDue && !connection.reading) {
      connection.flushDue = true;
      queueMicrotask(connection.flush);
    }
  }

  async function openedConnection(index: number): Promise<void> {
    let cancel = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const connection = lanes[index] ?? dial(index, undefined);
        if (connection.phase === 'up') {
          resolve();
          return;
        }
        connection.opened = (problem) => (problem === undefined ? resolve() : reject(problem));
        cancel = clock.at(clock.nowUs() + OPEN_TIMEOUT_US, () => {
          down(connection, { outcome: 'connect_timeout', origin: 'network' }, 'No connection within 10 s');
        });
      });
    } catch (cause) {
      const why = errorCode(cause) ?? (cause as Error).message;
      throw new BenchError(
        'unreachable',
        `Cannot open a connection to ${authority(target.host, target.port)}: ${why}`,
        {
          cause,
        },
      );
    } finally {
      cancel();
    }
  }

  function dial(index: number, opener: Call | undefined): Connection {
    const onread = { buffer: readBuffer, callback: (bytes: number) => received(connection, bytes) };
    const where = { host: target.address, port: target.port, onread };
    const tls = { ...(servername && { servername }), ...(options.ca !== undefined && { ca: options.ca }) };
    const dialledUs = clock.nowUs();
    const socket: Socket = target.secure ? connectTls({ ...where, ...tls, ALPNProtocols: ['h2'] }) : connectTcp(where);
    const connection: Connection = {
      index,
      socket,
      reader: createFrameReader({
        data: (id, bytes, from, to, windowBytes, ended) => onData(connection, id, bytes, from, to, windowBytes, ended),
        frame: (type, flags, id, bytes, from, to) => onFrame(connection, type, flags, id, bytes, from, to),
      }),
      heads: createAnswerHeadReader(),
      dialledUs,
      phase: 'tcp',
      error: undefined,
      opened: undefined,
      opener,
      queue: { first: undefined, last: undefined, length: 0 },
      slots: new Array(FIRST_SLOTS).fill(undefined),
      active: 0,
      lastId: -1,
      carried: 0,
      maxActive: MAX_31_BITS,
      leaving: false,
      goaway: undefined,
      unsent: [],
      windowBytes: DEFAULT_WINDOW_BYTES,
      streamWindowBytes: DEFAULT_WINDOW_BYTES,
      peerFrameBytes: MAX_FRAME_BYTES,
      control: [],
      taken: undefined,
      writes: 0,
      written(error) {
        if (--connection.writes === 0 && connection.taken) {
          spareOuts.push(connection.taken);
          connection.taken = undefined;
          if (!error) {
            flush(connection);
          }
        }
      },
      flushDue: false,
      flush() {
        connection.flushDue = false;
        flush(connection);
      },
      reading: false,
      heardUs: dialledUs,
      readUs: dialledUs,
      unacknowledgedBytes: 0,
      block: undefined,
      blockId: 0,
      blockEnds: false,
      blockBytes: 0,
    };
    lanes[index] = connection;
    sockets.add(socket);
    socket
      .setNoDelay(true)
      .setKeepAlive(true, PROBE_MS)
      .on('error', (error) => {
        connection.error ??= error;
      })
      .on('connect', () => {
        connection.phase = 'tls';
        if (!target.secure) {
          connected(connection);
        }
      })
      .on('secureConnect', () => connected(connection))
      .on('end', () => lost(connection))
      .on('close', () => {
        sockets.delete(socket);
        lost(connection);
      });
    if (target.secure) {
      // Nothing but this makes a TLS socket read to its end.
      socket.resume();
    }
    return connection;
  }

  function connected(connection: Connection): void {
    if (connection.phase === 'down') {
      return;
    }
    connection.phase = 'http2';
    connection.socket.write(PREFACE);
    const nowUs = clock.nowUs();
    if (nowUs >= 0 && !connection.opened) {
      handshakes.add((nowUs - connection.dialledUs) / US_PER_MS);
    }
  }

  /** The socket ended. */
  function lost(connection: Connection): void {
    const { error, phase } = connection;
    if (phase === 'down' || closed) {
      return;
    }
    if (phase === 'up') {
      down(connection, undefined, error?.message ?? connection.goaway ?? 'The connection was closed');
      return;
    }
    const failure = socketFailure(error, UNCONNECTED) ?? {
      outcome: phase === 'tls' ? 'tls_protocol' : 'connect_reset',
      origin: 'network',
    };
    down(connection, failure, error?.message ?? 'The connection was closed before it was up');
  }

  /** The peer broke the rules of HTTP/2, or does not speak it. */
  function offended(connection: Connection, { code, message }: ConnectionError): void {
    if (connection.phase === 'up') {
      connection.socket.write(frameOf(FRAME.goaway, 0, 0, Buffer.concat([uint32(0), uint32(H2_CODES.indexOf(code))])));
      down(connection, MALFORMED, message);
    } else {
      down(connection, NOT_GRPC, `Not HTTP/2: ${message}`);
    }
  }

  /**
   * Ends a connection. Its calls end with `failure`, or with what an end at that moment means for each; those that were
   * not sent go to the next connection when this one had been up.
   */
  function down(connection: Connection, failure: Failure | undefined, detail: string): void {
    if (connection.phase === 'down') {
      return;
    }
    const wasUp = connection.phase === 'up';
    connection.phase = 'down';
    connection.reader.stop();
    connection.socket.destroy();
    connection.unsent.length = 0;
    const { opened, error } = connection;
    connection.opened = undefined;
    opened?.(error ?? new Error(detail));
    const broken = connection.slots.filter((call) => call !== undefined).sort((a, b) => a.id - b.id);
    leave(connection);
    const nowUs = clock.nowUs();
    if (!wasUp && !lanes.some((lane) => lane)) {
      // The calls for any connection waited for this one.
      for (let call = shift(anyQueue); call; call = shift(anyQueue)) {
        push(connection.queue, call);
      }
    }
    const waiting: Call[] = [];
    for (let call = shift(connection.queue); call; call = shift(connection.queue)) {
      waiting.push(call);
    }
    for (const call of broken) {
      connection.readUs = nowUs;
      finish(call, failure ?? brokenFailure(connection, call), undefined, detail);
    }
    for (const call of waiting) {
      if (!wasUp) {
        finish(call, failure as Failure, undefined, detail);
      } else {
        move(call, connection, detail);
      }
    }
    assignAgain();
  }

  function brokenFailure(connection: Connection, call: Call): Failure {
    const { answering } = call;
    // Had the peer sent anything since, it would not have closed an idle connection.
    const stale = call.completion.reused && !answering && connection.heardUs < call.startUs;
    const progress: Progress = { connected: true, stale, answering };
    const failure = connection.error && socketFailure(connection.error, progress);
    return failure ?? (connection.goaway === undefined ? closedFailure(progress) : SENT_AWAY);
  }

  /** Takes a connection away from new calls. */
  function leave(connection: Connection): void {
    connection.leaving = true;
    if (lanes[connection.index] === connection) {
      lanes[connection.index] = undefined;
    }
  }

  /** Gives a call that was not sent to the next connection. */
  function move(call: Call, { index, carried }: Connection, detail: string): void {
    if (closed) {
      return;
    }
    call.moves = carried > 0 ? 0 : call.moves + 1;
    if (call.moves > MAX_MOVES) {
      finish(call, SENT_AWAY, undefined, detail);
      return;
    }
    call.started = false;
    wait(lanes[index] ?? dial(index, call), call);
  }

  /** The peer takes no new streams, or there are no more stream ids. */
  function retire(connection: Connection, detail: string): void {
    if (!connection.leaving) {
      leave(connection);
      for (let call = shift(connection.queue); call; call = shift(connection.queue)) {
        move(call, connection, detail);
      }
      assignAgain();
    }
  }

  /** Hands over how a call ended, and takes its object back. */
  function finish(
    call: Call,
    failure: Failure | undefined,
    status: number | undefined,
    detail: string | undefined,
  ): void {
    const { completion, connection } = call;
    deadlines.clear(call.deadline);
    completion.outcome = failure === undefined ? 'ok' : failure.outcome;
    completion.origin = failure?.origin;
    completion.status = status;
    completion.detail = detail;
    completion.startUs = call.startUs;
    completion.bytesIn = call.takenBytes;
    if (call.id > 0 && connection) {
      completion.endUs = connection.readUs;
      connection.slots[(call.id >>> 1) & (connection.slots.length - 1)] = undefined;
      connection.active--;
      if (call.sentBytes < PREFIX_BYTES + call.body.length) {
        const place = connection.unsent.indexOf(call);
        if (place >= 0) {
          connection.unsent.splice(place, 1);
        }
      }
      if (connection.queue.first !== undefined || anyQueue.first !== undefined) {
        flushSoon(connection);
      }
    } else {
      completion.endUs = clock.nowUs();
    }
    const done = call.done as Done;
    try {
      done(completion);
    } catch (error) {
      // The rest of what was read is not to be lost by it.
      queueMicrotask(() => {
        throw error;
      });
    }
    recycle(call);
    if (connection?.leaving && connection.active === 0 && connection.phase === 'up') {
      down(connection, undefined, '');
    }
  }

  function recycle(call: Call): void {
    const { completion } = call;
    call.done = undefined;
    call.connection = undefined;
    call.id = 0;
    call.moves = 0;
    call.started = false;
    call.sentBytes = 0;
    call.answering = false;
    call.interim = 0;
    call.encoding = undefined;
    call.prefixBytes = 0;
    call.takenBytes = 0;
    if (call.message.length > EAGER_BYTES) {
      call.message = EMPTY;
      call.response.body = EMPTY;
    }
    completion.firstByteUs = undefined;
    completion.reused = false;
    completion.response = undefined;
    idleCalls.push(call);
  }

  /** Ends a call whose stream is still open: tells the peer. */
  function cancel(call: Call, code: H2Code, failure: Failure, status: number | undefined, detail: string): void {
    resetStream(call.connection as Connection, call.id, code);
    finish(call, failure, status, detail);
  }

  function resetStream(connection: Connection, id: number, code: H2Code): void {
    control(connection, frameOf(FRAME.reset, 0, id, uint32(H2_CODES.indexOf(code))));
  }

  function expire(call: Call): void {
    const { connection } = call;
    const nowUs = clock.nowUs();
    if (call.id > 0 && connection) {
      connection.readUs = nowUs;
      cancel(call, 'CANCEL', LATE, undefined, 'No complete answer before the deadline');
      return;
    }
    unlink(connection ? connection.queue : anyQueue, call);
    const phase = connection?.phase ?? lanes.find((lane) => lane)?.phase;
    if (phase === 'up') {
      // It never left: its connection had no stream for it.
      call.startUs = nowUs;
      finish(call, LATE, undefined, 'No free stream before the deadline');
      return;
    }
    if (connection?.opener === call) {
      // An attempt that has waited for so long is given up; the others that wait for it get a new one.
      const { queue, index } = connection;
      connection.phase = 'down';
      connection.reader.stop();
      connection.socket.destroy();
      leave(connection);
      let heir: Connection | undefined;
      for (let waiting = shift(queue); waiting; waiting = shift(queue)) {
        heir ??= dial(index, waiting);
        wait(heir, waiting);
      }
    }
    finish(
      call,
      { outcome: phase === 'tls' && target.secure ? 'tls_timeout' : 'connect_timeout', origin: 'network' },
      undefined,
      'No connection before the deadline',
    );
    assignAgain();
  }

  function control(connection: Connection, frame: Buffer): void {
    connection.control.push(frame);
    flushSoon(connection);
  }

  /** Answers a frame of the peer. */
  function acknowledge(connection: Connection, frame: Buffer): void {
    if (connection.control.length > MAX_CONTROL_FRAMES) {
      throw new ConnectionError('ENHANCE_YOUR_CALM', 'Flood of frames that want an answer');
    }
    control(connection, frame);
  }

  /** Writes what is ready: `out` holds it. Returns whether the kernel took it all, so that more can be written. */
  function emit(connection: Connection): boolean {
    const { socket } = connection;
    const buffer = out;
    const bytes = outBytes;
    outBytes = 0;
    connection.writes++;
    socket.write(buffer.subarray(0, bytes), connection.written);
    if (socket.writableLength === 0) {
      return true;
    }
    connection.taken = buffer;
    out = spareOuts.pop() ?? Buffer.allocUnsafeSlow(WRITE_BYTES);
    return false;
  }

  function hasRoom(connection: Connection, bytes: number): boolean {
    return outBytes + bytes <= WRITE_BYTES || emit(connection);
  }

  /** Writes all that may be written now: control frames, what is left of messages, calls that wait. */
  function flush(connection: Connection): void {
    if (connection.phase !== 'up' || connection.taken) {
      return;
    }
    outBytes = 0;
    if (
      (connection.control.length === 0 || writeControl(connection)) &&
      (connection.unsent.length === 0 || writeUnsent(connection))
    ) {
      writeCalls(connection);
    }
    if (outBytes > 0) {
      emit(connection);
    }
  }

  function writeControl(connection: Connection): boolean {
    const frames = connection.control;
    for (let index = 0; index < frames.length; index++) {
      const frame = frames[index] as Buffer;
      if (!hasRoom(connection, frame.length)) {
        frames.splice(0, index);
        return false;
      }
      out.set(frame, outBytes);
      outBytes += frame.length;
    }
    frames.length = 0;
    return true;
  }

  /** Goes on with messages in order, as far as the windows let it. */
  function writeUnsent(connection: Connection): boolean {
    const { unsent } = connection;
    let left = 0;
    for (let index = 0; index < unsent.length; index++) {
      const call = unsent[index] as Call;
      if (connection.taken || !writeMessage(connection, call)) {
        unsent[left++] = call;
      }
    }
    unsent.length = left;
    return connection.taken === undefined;
  }

  function writeCalls(connection: Connection): void {
    const { queue } = connection;
    let nowUs = Number.NEGATIVE_INFINITY;
    while (connection.active < connection.maxActive && !connection.leaving) {
      const call = queue.first ?? anyQueue.first;
      if (call === undefined) {
        return;
      }
      const head = call.head as CallHead;
      // The first call of a connection has one byte more; a message too large for one write goes out in pieces.
      const bytes = head.firstFrame.length + FRAME_HEAD_BYTES + PREFIX_BYTES + call.body.length;
      if (!hasRoom(connection, bytes < WRITE_BYTES ? bytes : head.firstFrame.length)) {
        return;
      }
      shift(queue.first === call ? queue : anyQueue);
      if (nowUs === Number.NEGATIVE_INFINITY) {
        nowUs = clock.nowUs();
      }
      if (!call.started) {
        call.startUs = nowUs;
      }
      call.connection = connection;
      openStream(connection, call);
      writeHead(connection, call, call.deadline.atUs - nowUs);
      writeFirst(connection, call);
      if (connection.taken) {
        return;
      }
    }
  }

  function openStream(connection: Connection, call: Call): void {
    if (++connection.active * 2 > connection.slots.length) {
      growSlots(connection);
    }
    const { slots } = connection;
    // Ids need not be dense: one whose place is taken by a slow call is skipped.
    let id = connection.lastId + 2;
    while (slots[(id >>> 1) & (slots.length - 1)] !== undefined) {
      id += 2;
    }
    slots[(id >>> 1) & (slots.length - 1)] = call;
    connection.lastId = id;
    call.id = id;
    call.completion.reused = connection.carried++ > 0;
    if (id > MAX_31_BITS - 2 * slots.length) {
      retire(connection, 'No stream ids left');
    }
  }

  function growSlots(connection: Connection): void {
    const old = connection.slots;
    const slots: (Call | undefined)[] = new Array(old.length * 2).fill(undefined);
    for (const call of old) {
      if (call) {
        slots[(call.id >>> 1) & (slots.length - 1)] = call;
      }
    }
    connection.slots = slots;
  }

  function writeHead(connection: Connection, call: Call, timeoutUs: number): void {
    const { frame, firstFrame, timeoutAt, requestIdAt } = call.head as CallHead;
    const isFirst = connection.carried === 1;
    out.set(isFirst ? firstFrame : frame, outBytes);
    const shiftBytes = outBytes + (isFirst ? 1 : 0);
    const { id } = call;
    out[outBytes + 5] = id >>> 24;
    out[outBytes + 6] = id >>> 16;
    out[outBytes + 7] = id >>> 8;
    out[outBytes + 8] = id;
    writeTimeout(out, shiftBytes + timeoutAt, timeoutUs);
    if (requestIdAt > 0) {
      writeDigits(out, shiftBytes + requestIdAt, call.seq, ID_DIGITS);
    }
    outBytes = shiftBytes + frame.length;
  }

  /** Writes the message behind its head when it fits into one frame, else as much of it as may go. */
  function writeFirst(connection: Connection, call: Call): void {
    const { body } = call;
    const bytes = PREFIX_BYTES + body.length;
    if (
      bytes <= connection.peerFrameBytes &&
      bytes <= WRITE_BYTES - outBytes - FRAME_HEAD_BYTES &&
      bytes <= connection.windowBytes &&
      bytes <= connection.streamWindowBytes &&
      connection.unsent.length === 0
    ) {
      connection.windowBytes -= bytes;
      call.sentBytes = bytes;
      const at = writeDataHead(call.id, bytes, true);
      writePrefix(at, body.length);
      out.set(body, at + PREFIX_BYTES);
      outBytes = at + bytes;
      return;
    }
    call.windowBytes = connection.streamWindowBytes;
    if (connection.unsent.length > 0 || !writeMessage(connection, call)) {
      connection.unsent.push(call);
    }
  }

  function writeDataHead(id: number, bytes: number, ends: boolean): number {
    const at = outBytes;
    out[at] = bytes >>> 16;
    out[at + 1] = bytes >>> 8;
    out[at + 2] = bytes;
    out[at + 3] = FRAME.data;
    out[at + 4] = ends ? FLAG.endStream : 0;
    out[at + 5] = id >>> 24;
    out[at + 6] = id >>> 16;
    out[at + 7] = id >>> 8;
    out[at + 8] = id;
    return at + FRAME_HEAD_BYTES;
  }

  function writePrefix(at: number, bytes: number): void {
    out[at] = 0;
    out[at + 1] = bytes >>> 24;
    out[at + 2] = bytes >>> 16;
    out[at + 3] = bytes >>> 8;
    out[at + 4] = bytes;
  }

  /** Writes DATA frames of a message; returns whether that was all of it. */
  function writeMessage(connection: Connection, call: Call): boolean {
    const { body, id } = call;
    const total = PREFIX_BYTES + body.length;
    while (call.sentBytes < total) {
      const allowed = Math.min(connection.windowBytes, call.windowBytes, connection.peerFrameBytes);
      if (allowed <= 0 || !hasRoom(connection, FRAME_HEAD_BYTES + Math.min(allowed, MAX_FRAME_BYTES))) {
        return false;
      }
      const from = call.sentBytes;
      const bytes = Math.min(allowed, total - from, WRITE_BYTES - outBytes - FRAME_HEAD_BYTES);
      const at = writeDataHead(id, bytes, from + bytes === total);
      if (from >= PREFIX_BYTES) {
        body.copy(out, at, from - PREFIX_BYTES, from - PREFIX_BYTES + bytes);
      } else {
        const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
        prefix[0] = 0;
        prefix.writeUInt32BE(body.length, 1);
        const prefixBytes = prefix.copy(out, at, from, Math.min(PREFIX_BYTES, from + bytes));
        body.copy(out, at + prefixBytes, 0, bytes - prefixBytes);
      }
      outBytes = at + bytes;
      call.sentBytes += bytes;
      call.windowBytes -= bytes;
      connection.windowBytes -= bytes;
    }
    return true;
  }

  function received(connection: Connection, bytes: number): boolean {
    const nowUs = clock.nowUs();
    connection.heardUs = nowUs;
    connection.readUs = nowUs;
    connection.reading = true;
    try {
      connection.reader.read(readBuffer, bytes);
    } catch (error) {
      connection.reading = false;
      if (!(error instanceof ConnectionError)) {
        throw error;
      }
      offended(connection, error);
    }
    connection.reading = false;
    if (connection.phase === 'up') {
      if (connection.unacknowledgedBytes >= WINDOW_STEP_BYTES) {
        connection.control.push(frameOf(FRAME.windowUpdate, 0, 0, uint32(connection.unacknowledgedBytes)));
        connection.unacknowledgedBytes = 0;
      }
      flush(connection);
    }
    return true;
  }

  /** The open call of a stream; undefined when it is over. */
  function callAt(connection: Connection, id: number): Call | undefined {
    const call = connection.slots[(id >>> 1) & (connection.slots.length - 1)];
    if (call !== undefined && call.id === id) {
      return call;
    }
    if (id > connection.lastId || (id & 1) === 0) {
      throw new ConnectionError('PROTOCOL_ERROR', `Frame for stream ${id}, which was never opened`);
    }
    return undefined;
  }

  function onData(
    connection: Connection,
    id: number,
    bytes: Buffer,
    from: number,
    to: number,
    windowBytes: number,
    ended: boolean,
  ): void {
    if (connection.phase !== 'up' || connection.block) {
      outOfOrder(connection);
    }
    connection.unacknowledgedBytes += windowBytes;
    const call = callAt(connection, id);
    if (call === undefined) {
      return;
    }
    if (!call.answering) {
      cancel(call, 'PROTOCOL_ERROR', MALFORMED, undefined, 'DATA before the headers of the answer');
      return;
    }
    if (from < to && !takeMessage(call, bytes, from, to)) {
      return;
    }
    if (ended) {
      endStream(call);
      finish(call, NO_STATUS, undefined, 'The answer ended without trailers');
    }
  }

  function outOfOrder(connection: Connection): void {
    throw connection.block
      ? new ConnectionError('PROTOCOL_ERROR', 'Header block that is not finished')
      : new ConnectionError('PROTOCOL_ERROR', 'The first frame is not SETTINGS');
  }

  /** The peer has ended the stream: what was not sent never will be. */
  function endStream(call: Call): void {
    if (call.sentBytes < PREFIX_BYTES + call.body.length) {
      resetStream(call.connection as Connection, call.id, 'CANCEL');
    }
  }

  /** Takes bytes of the message. Returns whether the call goes on. */
  function takeMessage(call: Call, bytes: Buffer, from: number, to: number): boolean {
    let at = from;
    if (call.prefixBytes < PREFIX_BYTES) {
      if (call.prefixBytes === 0 && to - at >= PREFIX_BYTES && bytes[at] === 0) {
        call.prefixBytes = PREFIX_BYTES;
        call.compressed = false;
        call.messageBytes = bytes.readUInt32BE(at + 1);
        at += PREFIX_BYTES;
      }
      for (; call.prefixBytes < PREFIX_BYTES && at < to; at++) {
        const byte = bytes[at] as number;
        if (call.prefixBytes++ === 0) {
          if (byte > 1 || (byte === 1 && !isKnownEncoding(call.encoding))) {
            cancel(call, 'CANCEL', UNREADABLE, undefined, `Compressed message of encoding ${call.encoding ?? 'none'}`);
            return false;
          }
          call.compressed = byte === 1;
          call.messageBytes = 0;
        } else {
          call.messageBytes = call.messageBytes * 256 + byte;
        }
      }
      if (call.prefixBytes < PREFIX_BYTES) {
        return true;
      }
      if (call.messageBytes > MAX_ANSWER_BYTES) {
        cancel(call, 'CANCEL', TOO_LARGE, undefined, `Message of ${call.messageBytes} bytes`);
        return false;
      }
      if (call.message.length !== call.messageBytes) {
        call.message = Buffer.allocUnsafe(Math.min(call.messageBytes, EAGER_BYTES));
      }
    }
    const more = to - at;
    const taken = call.takenBytes;
    const total = taken + more;
    if (total > call.messageBytes) {
      cancel(call, 'CANCEL', NOT_UNARY, undefined, 'More than one message in the answer');
      return false;
    }
    if (total > call.message.length) {
      const larger = Buffer.allocUnsafe(Math.min(call.messageBytes, Math.max(total, call.message.length * 2)));
      larger.set(call.message.subarray(0, taken));
      call.message = larger;
    }
    bytes.copy(call.message, taken, at, to);
    call.takenBytes = total;
    return true;
  }

  function onFrame(
    connection: Connection,
    type: number,
    flags: number,
    id: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): void {
    if (connection.phase !== 'up' || connection.block) {
      if (connection.block ? type !== FRAME.continuation : type !== FRAME.settings || (flags & FLAG.ack) !== 0) {
        outOfOrder(connection);
      }
    }
    switch (type) {
      case FRAME.headers:
        onHeaders(connection, flags, id, bytes, from, to);
        return;
      case FRAME.continuation:
        onContinuation(connection, flags, id, bytes, from, to);
        return;
      case FRAME.settings:
        onSettings(connection, flags, id, bytes, from, to);
        return;
      case FRAME.windowUpdate:
        onWindowUpdate(connection, id, bytes, from, to);
        return;
      case FRAME.ping:
        expectFrame(id === 0, to - from === 8, 'PING');
        if ((flags & FLAG.ack) === 0) {
          acknowledge(connection, frameOf(FRAME.ping, FLAG.ack, 0, bytes.subarray(from, to)));
        }
        return;
      case FRAME.reset:
        expectFrame(id !== 0, to - from === 4, 'RST_STREAM');
        onReset(connection, id, bytes.readUInt32BE(from));
        return;
      case FRAME.goaway:
        expectFrame(id === 0, to - from >= 8, 'GOAWAY');
        onGoaway(connection, bytes.readUInt32BE(from) & MAX_31_BITS, bytes.readUInt32BE(from + 4));
        return;
      case FRAME.priority:
        expectFrame(id !== 0, to - from === 5, 'PRIORITY');
        return;
      case FRAME.pushPromise:
        throw new ConnectionError('PROTOCOL_ERROR', 'PUSH_PROMISE, which was not allowed');
    }
  }

  function onHeaders(connection: Connection, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    let start = from;
    let end = to;
    if ((flags & FLAG.padded) !== 0) {
      expectFrame(true, start < end, 'HEADERS');
      end -= bytes[start++] as number;
    }
    if ((flags & FLAG.priority) !== 0) {
      start += 5;
    }
    if (start > end) {
      throw new ConnectionError('PROTOCOL_ERROR', 'HEADERS with more padding than bytes');
    }
    const ended = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) {
      onBlock(connection, id, ended, bytes, start, end);
    } else {
      connection.block = [Buffer.from(bytes.subarray(start, end))];
      connection.blockId = id;
      connection.blockEnds = ended;
      connection.blockBytes = to - from;
    }
  }

  function onContinuation(
    connection: Connection,
    flags: number,
    id: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): void {
    const { block } = connection;
    if (!block || id !== connection.blockId) {
      throw new ConnectionError('PROTOCOL_ERROR', 'CONTINUATION without a header block');
    }
    block.push(Buffer.from(bytes.subarray(from, to)));
    connection.blockBytes += FRAME_HEAD_BYTES + to - from;
    if (connection.blockBytes > MAX_BLOCK_BYTES) {
      const call = callAt(connection, id);
      if (call) {
        finish(call, TOO_LONG, undefined, `Headers in more than ${MAX_BLOCK_BYTES} bytes`);
      }
      throw new ConnectionError('ENHANCE_YOUR_CALM', `Headers in more than ${MAX_BLOCK_BYTES} bytes`);
    }
    if ((flags & FLAG.endHeaders) !== 0) {
      const whole = Buffer.concat(block);
      connection.block = undefined;
      onBlock(connection, id, connection.blockEnds, whole, 0, whole.length);
    }
  }

  /** A whole header block: headers, interim headers or trailers. */
  function onBlock(connection: Connection, id: number, ended: boolean, bytes: Buffer, from: number, to: number): void {
    let head: AnswerHead;
    try {
      head = connection.heads.read(bytes, from, to);
    } catch (error) {
      throw new ConnectionError('COMPRESSION_ERROR', (error as Error).message);
    }
    const call = callAt(connection, id);
    if (call === undefined) {
      return;
    }
    const { completion } = call;
    if (completion.firstByteUs === undefined) {
      completion.firstByteUs = connection.readUs;
    }
    const { httpStatus } = head;
    if (head.listBytes > MAX_HEADER_LIST_BYTES) {
      cancel(call, 'CANCEL', TOO_LONG, undefined, `Headers of ${head.listBytes} bytes`);
    } else if (head.malformed !== undefined || (httpStatus === 0) !== call.answering || (!ended && call.answering)) {
      cancel(call, 'PROTOCOL_ERROR', MALFORMED, undefined, head.malformed ?? 'Headers where none can be');
    } else if (call.answering) {
      endCall(call, head);
    } else if (httpStatus < 200) {
      if (ended || httpStatus === 101 || ++call.interim > MAX_INTERIM_ANSWERS) {
        cancel(call, 'PROTOCOL_ERROR', MALFORMED, undefined, `Interim answer ${httpStatus} where none can be`);
      }
    } else if (httpStatus !== 200 || !head.grpc) {
      const detail = `HTTP ${httpStatus}${head.grpc ? '' : ' without the content type of gRPC'}`;
      if (ended) {
        endStream(call);
        finish(call, NOT_GRPC, httpStatus, head.message === undefined ? detail : percentDecoded(head.message));
      } else {
        cancel(call, 'CANCEL', NOT_GRPC, httpStatus, detail);
      }
    } else {
      call.answering = true;
      call.encoding = head.encoding;
      if (ended) {
        endCall(call, head);
      }
    }
  }

  /** The last header block of an answer: its status decides. */
  function endCall(call: Call, { code, message }: AnswerHead): void {
    endStream(call);
    if (code === '0') {
      if (call.prefixBytes === PREFIX_BYTES && call.takenBytes === call.messageBytes) {
        succeed(call);
      } else if (call.prefixBytes > 0) {
        finish(call, UNREADABLE, 0, 'The message was cut short');
      } else {
        finish(call, NOT_UNARY, 0, 'No message in the answer');
      }
      return;
    }
    if (code === undefined) {
      finish(call, NO_STATUS, undefined, 'Trailers without a status');
      return;
    }
    const status = /^\d{1,9}$/.test(code) ? Number(code) : undefined;
    const detail = message ? percentDecoded(message) : undefined;
    finish(call, { outcome: grpcOutcome(status ?? -1), origin: 'target' }, status, detail);
  }

  function succeed(call: Call): void {
    const { response } = call;
    // The same object as last time where the length is the same.
    response.body = call.message;
    if (call.compressed) {
      try {
        const unpack = call.encoding === 'gzip' ? gunzipSync : inflateSync;
        response.body = unpack(call.message, { maxOutputLength: MAX_ANSWER_BYTES });
      } catch (error) {
        const isLarge = errorCode(error) === 'ERR_BUFFER_TOO_LARGE';
        finish(call, isLarge ? TOO_LARGE : UNREADABLE, 0, (error as Error).message);
        return;
      }
      call.takenBytes = response.body.length;
    }
    call.completion.response = response;
    finish(call, undefined, 0, undefined);
  }

  function onSettings(
    connection: Connection,
    flags: number,
    id: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): void {
    const isAck = (flags & FLAG.ack) !== 0;
    expectFrame(id === 0, isAck ? to === from : (to - from) % 6 === 0, 'SETTINGS');
    if (isAck) {
      return;
    }
    for (let at = from; at < to; at += 6) {
      setSetting(connection, bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    }
    const isFirst = connection.phase !== 'up';
    connection.phase = 'up';
    acknowledge(connection, SETTINGS_ACK);
    if (isFirst) {
      cameUp(connection);
    }
  }

  function cameUp(connection: Connection): void {
    const { opened, queue } = connection;
    connection.opener = undefined;
    connection.opened = undefined;
    // Calls beyond what the peer allows did not only wait for the connection.
    let rank = 0;
    for (let call = queue.first; call; call = call.next) {
      call.started = rank++ < connection.maxActive;
    }
    for (let call = anyQueue.first; call; call = call.next) {
      call.started &&= rank++ < connection.maxActive;
    }
    opened?.(undefined);
    if (queue.length + anyQueue.length > connection.maxActive) {
      assignAgain();
    }
  }

  function setSetting(connection: Connection, setting: number, value: number): void {
    switch (setting) {
      case SETTING.enablePush:
        if (value !== 0) {
          throw new ConnectionError('PROTOCOL_ERROR', 'A server cannot enable push');
        }
        return;
      case SETTING.maxConcurrentStreams:
        connection.maxActive = value;
        return;
      case SETTING.initialWindowBytes: {
        if (value > MAX_31_BITS) {
          throw new ConnectionError('FLOW_CONTROL_ERROR', `Initial window of ${value} bytes`);
        }
        const more = value - connection.streamWindowBytes;
        connection.streamWindowBytes = value;
        for (const call of connection.unsent) {
          call.windowBytes += more;
          if (call.windowBytes > MAX_31_BITS) {
            throw new ConnectionError('FLOW_CONTROL_ERROR', 'Window of a stream is too large');
          }
        }
        return;
      }
      case SETTING.maxFrameBytes:
        if (value < MAX_FRAME_BYTES || value >= 2 ** 24) {
          throw new ConnectionError('PROTOCOL_ERROR', `Frames of ${value} bytes`);
        }
        connection.peerFrameBytes = value;
        return;
    }
  }

  function onWindowUpdate(connection: Connection, id: number, bytes: Buffer, from: number, to: number): void {
    expectFrame(true, to - from === 4, 'WINDOW_UPDATE');
    const more = bytes.readUInt32BE(from) & MAX_31_BITS;
    if (id === 0) {
      connection.windowBytes += more;
      if (more === 0 || connection.windowBytes > MAX_31_BITS) {
        throw new ConnectionError(
          more === 0 ? 'PROTOCOL_ERROR' : 'FLOW_CONTROL_ERROR',
          `Window update by ${more} bytes`,
        );
      }
      return;
    }
    const call = callAt(connection, id);
    if (call === undefined) {
      return;
    }
    call.windowBytes += more;
    if (more === 0) {
      cancel(call, 'PROTOCOL_ERROR', MALFORMED, undefined, 'Window update by 0 bytes');
    } else if (call.sentBytes < PREFIX_BYTES + call.body.length && call.windowBytes > MAX_31_BITS) {
      cancel(call, 'FLOW_CONTROL_ERROR', MALFORMED, undefined, `Window update by ${more} bytes`);
    }
  }

  function onReset(connection: Connection, id: number, code: number): void {
    const call = callAt(connection, id);
    if (call) {
      const name = H2_CODES[code];
      finish(call, (name && RESETS[name]) ?? RESET_OTHERWISE, undefined, `RST_STREAM ${h2CodeName(code)}`);
    }
  }

  function onGoaway(connection: Connection, lastId: number, code: number): void {
    connection.goaway = `GOAWAY ${h2CodeName(code)}`;
    control(connection, GOAWAY);
    retire(connection, connection.goaway);
    for (const call of connection.slots.filter((one) => one !== undefined && one.id > lastId)) {
      finish(call as Call, REFUSED, undefined, connection.goaway);
    }
    if (connection.active === 0) {
      down(connection, undefined, connection.goaway);
    }
  }
}

function isKnownEncoding(encoding: string | undefined): boolean {
  return encoding === 'gzip' || encoding === 'deflate';
}

function expectFrame(rightStream: boolean, rightSize: boolean, name: string): void {
  if (!rightStream) {
    throw new ConnectionError('PROTOCOL_ERROR', `${name} on the wrong stream`);
  }
  if (!rightSize) {
    throw new ConnectionError('FRAME_SIZE_ERROR', `${name} of the wrong size`);
  }
}

function push(queue: Queue, call: Call): void {
  call.next = undefined;
  if (queue.last) {
    queue.last.next = call;
  } else {
    queue.first = call;
  }
  queue.last = call;
  queue.length++;
}

function shift(queue: Queue): Call | undefined {
  const call = queue.first;
  if (call !== undefined) {
    queue.first = call.next;
    if (queue.last === call) {
      queue.last = undefined;
    }
    call.next = undefined;
    queue.length--;
  }
  return call;
}

/** Takes a call out of the middle: those at the front expire first, so it is not far. */
function unlink(queue: Queue, call: Call): void {
  if (queue.first === call) {
    shift(queue);
    return;
  }
  for (let before = queue.first; before; before = before.next) {
    if (before.next === call) {
      before.next = call.next;
      queue.last = queue.last === call ? before : queue.last;
      call.next = undefined;
      queue.length--;
      return;
    }
  }
}
