import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { US_PER_MS } from '../units.js';
import type { Deadlines } from './deadlines.js';
import type { Dialler } from './dialler.js';
import { type Call, type CallQueue, callQueue, isUnsent, resetCall } from './grpc-calls.js';
import { type AnswerHeadReader, createAnswerHeadReader } from './grpc-headers.js';
import type { Lanes } from './grpc-lanes.js';
import { flush, flushSoon, type OutBuffer, resetStream, type Sender, writeEnded } from './grpc-sender.js';
import type { HandshakeCount } from './handshakes.js';
import {
  ConnectionError,
  createFrameReader,
  DEFAULT_WINDOW_BYTES,
  FRAME,
  type FrameReader,
  frameOf,
  H2_CODES,
  type H2Code,
  MAX_31_BITS,
  MAX_FRAME_BYTES,
  SETTING,
  settingsFrame,
  uint32,
} from './http2-frames.js';
import { closedFailure, type Failure, type Progress, socketFailure } from './outcomes.js';
import type { Completion, TransportOptions } from './transport.js';

/** Bytes that may come before we say that there is room for more: half of the largest window. */
const WINDOW_STEP_BYTES = 2 ** 30;
/** The largest list of headers of an answer, as HTTP/2 counts it; what node:http2 takes too. */
export const MAX_HEADER_LIST_BYTES = 65_536;
const FIRST_SLOTS = 64;
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

/** Bytes of the peer that break the rules of HTTP/2. */
export const MALFORMED: Failure = { outcome: 'framing_error', origin: 'target' };
/** The peer speaks something else. */
export const NOT_GRPC: Failure = { outcome: 'grpc_not_grpc', origin: 'target' };
/** The peer takes no calls on this connection. */
export const SENT_AWAY: Failure = { outcome: 'h2_goaway', origin: 'network' };
const UNCONNECTED: Progress = { connected: false, stale: false, answering: false };

/** Takes the frames of a connection as its reader cuts them; may throw ConnectionError. */
export interface FrameHandlers {
  data(
    connection: Connection,
    id: number,
    bytes: Buffer,
    from: number,
    to: number,
    windowBytes: number,
    ended: boolean,
  ): void;
  frame(connection: Connection, type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void;
}

/** What the connections of one transport have in common. */
export interface Shared {
  readonly options: TransportOptions;
  readonly clock: Clock;
  readonly connect: Dialler;
  readonly deadlines: Deadlines;
  readonly handshakes: HandshakeCount;
  /** All connections read into the same bytes. */
  readonly readBuffer: Buffer;
  readonly out: OutBuffer;
  /** Call objects that nobody uses. */
  readonly idleCalls: Call[];
  /** All that are not closed yet: also those that only finish what they have. */
  readonly sockets: Set<Socket>;
  readonly frames: FrameHandlers;
  closed: boolean;
}

/** One HTTP/2 connection with its streams. */
export interface Connection extends Sender {
  readonly shared: Shared;
  readonly lanes: Lanes;
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
  readonly queue: CallQueue;
  /** Open streams by half of their id, modulo the length, which is a power of two. */
  slots: (Call | undefined)[];
  active: number;
  lastId: number;
  /** Calls it has carried. */
  carried: number;
  /** Streams at a time that the peer allows. */
  maxActive: number;
  /** Calls that it may carry in all. */
  readonly maxCarried: number;
  /** It gets no new calls. */
  leaving: boolean;
  /** Why, when the peer said so. */
  goaway: string | undefined;

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

/** Begins a connection; `opener` is the call that it is made for. */
export function dial(shared: Shared, lanes: Lanes, index: number, opener: Call | undefined): Connection {
  const { clock, readBuffer, frames } = shared;
  const { target } = shared.options;
  const onread = { buffer: readBuffer, callback: (bytes: number) => received(connection, bytes) };
  const dialledUs = clock.nowUs();
  const socket = shared.connect(onread);
  const connection: Connection = {
    shared,
    lanes,
    index,
    socket,
    reader: createFrameReader({
      data: (id, bytes, from, to, windowBytes, ended) =>
        frames.data(connection, id, bytes, from, to, windowBytes, ended),
      frame: (type, flags, id, bytes, from, to) => frames.frame(connection, type, flags, id, bytes, from, to),
    }),
    heads: createAnswerHeadReader(),
    dialledUs,
    phase: 'tcp',
    error: undefined,
    opened: undefined,
    opener,
    queue: callQueue(),
    slots: new Array(FIRST_SLOTS).fill(undefined),
    active: 0,
    lastId: -1,
    carried: 0,
    maxActive: MAX_31_BITS,
    maxCarried: shared.options.fresh ? 1 : Number.POSITIVE_INFINITY,
    leaving: false,
    goaway: undefined,
    out: shared.out,
    clock,
    unsent: [],
    windowBytes: DEFAULT_WINDOW_BYTES,
    streamWindowBytes: DEFAULT_WINDOW_BYTES,
    peerFrameBytes: MAX_FRAME_BYTES,
    control: [],
    taken: undefined,
    writes: 0,
    written: (error) => writeEnded(connection, error),
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
  shared.sockets.add(socket);
  socket
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
      shared.sockets.delete(socket);
      lost(connection);
    });
  return connection;
}

/** The handshakes of TCP and TLS are over. */
function connected(connection: Connection): void {
  if (connection.phase === 'down') {
    return;
  }
  connection.phase = 'http2';
  connection.socket.write(PREFACE);
  const nowUs = connection.clock.nowUs();
  if (nowUs >= 0 && !connection.opened) {
    connection.shared.handshakes.add((nowUs - connection.dialledUs) / US_PER_MS);
  }
}

function received(connection: Connection, bytes: number): boolean {
  const nowUs = connection.clock.nowUs();
  connection.heardUs = nowUs;
  connection.readUs = nowUs;
  connection.reading = true;
  try {
    connection.reader.read(connection.shared.readBuffer, bytes);
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

/** The first SETTINGS of the peer came: calls can go out. */
export function cameUp(connection: Connection): void {
  const { opened } = connection;
  connection.opener = undefined;
  connection.opened = undefined;
  opened?.(undefined);
  connection.lanes.cameUp(connection);
}

/** The socket ended. */
function lost(connection: Connection): void {
  const { error, phase } = connection;
  if (phase === 'down' || connection.shared.closed) {
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
export function down(connection: Connection, failure: Failure | undefined, detail: string): void {
  if (connection.phase === 'down') {
    return;
  }
  const { lanes } = connection;
  const wasUp = connection.phase === 'up';
  hangUp(connection);
  const { opened, error } = connection;
  connection.opened = undefined;
  opened?.(error ?? new Error(detail));
  const broken = connection.slots.filter((call) => call !== undefined).sort((a, b) => a.id - b.id);
  lanes.leave(connection);
  const nowUs = connection.clock.nowUs();
  const waiting = lanes.stranded(connection, wasUp);
  for (const call of broken) {
    connection.readUs = nowUs;
    finish(call, failure ?? brokenFailure(connection, call), undefined, detail);
  }
  for (const call of waiting) {
    if (!wasUp) {
      finishUnsent(connection.shared, call, failure as Failure, detail);
    } else {
      lanes.move(call, connection, detail);
    }
  }
  lanes.assignAgain();
}

/** Closes the socket, without a word to the calls. */
export function hangUp(connection: Connection): void {
  connection.phase = 'down';
  connection.reader.stop();
  connection.socket.destroy();
  connection.unsent.length = 0;
}

function brokenFailure(connection: Connection, call: Call): Failure {
  const { answering } = call;
  // Had the peer sent anything since, it would not have closed an idle connection.
  const stale = call.completion.reused && !answering && connection.heardUs < call.startUs;
  const progress: Progress = { connected: true, stale, answering };
  const failure = connection.error && socketFailure(connection.error, progress);
  return failure ?? (connection.goaway === undefined ? closedFailure(progress) : SENT_AWAY);
}

/** The open call of a stream; undefined when it is over. Throws ConnectionError for a stream that never was. */
export function callAt(connection: Connection, id: number): Call | undefined {
  const call = connection.slots[(id >>> 1) & (connection.slots.length - 1)];
  if (call !== undefined && call.id === id) {
    return call;
  }
  if (id > connection.lastId || (id & 1) === 0) {
    throw new ConnectionError('PROTOCOL_ERROR', `Frame for stream ${id}, which was never opened`);
  }
  return undefined;
}

/** Ends a call whose stream is still open: tells the peer. */
export function cancel(call: Call, code: H2Code, failure: Failure, status: number | undefined, detail: string): void {
  const connection = call.connection as Connection;
  resetStream(connection, call.id, code);
  finish(call, failure, status, detail);
}

/** Hands over how a call on a stream ended, and takes its object back. */
export function finish(
  call: Call,
  failure: Failure | undefined,
  status: number | undefined,
  detail: string | undefined,
): void {
  const connection = call.connection as Connection;
  call.completion.endUs = connection.readUs;
  connection.slots[(call.id >>> 1) & (connection.slots.length - 1)] = undefined;
  connection.active--;
  if (isUnsent(call)) {
    const place = connection.unsent.indexOf(call);
    if (place >= 0) {
      connection.unsent.splice(place, 1);
    }
  }
  if (connection.queue.first !== undefined || connection.lanes.anyQueue.first !== undefined) {
    flushSoon(connection);
  }
  handOver(connection.shared, call, failure, status, detail);
  const isSpent = connection.leaving || connection.carried >= connection.maxCarried;
  if (isSpent && connection.active === 0 && connection.phase === 'up') {
    down(connection, undefined, '');
  }
}

/** The same for a call that never had a stream. */
export function finishUnsent(shared: Shared, call: Call, failure: Failure, detail: string): void {
  call.completion.endUs = shared.clock.nowUs();
  handOver(shared, call, failure, undefined, detail);
}

function handOver(
  { deadlines, idleCalls }: Shared,
  call: Call,
  failure: Failure | undefined,
  status: number | undefined,
  detail: string | undefined,
): void {
  const { completion } = call;
  deadlines.clear(call.deadline);
  completion.outcome = failure === undefined ? 'ok' : failure.outcome;
  completion.origin = failure?.origin;
  completion.status = status;
  completion.detail = detail;
  completion.startUs = call.startUs;
  completion.bytesIn = call.takenBytes;
  const done = call.done as (completion: Completion) => void;
  try {
    done(completion);
  } catch (error) {
    // The rest of what was read is not to be lost by it.
    queueMicrotask(() => {
      throw error;
    });
  }
  resetCall(call);
  idleCalls.push(call);
}
