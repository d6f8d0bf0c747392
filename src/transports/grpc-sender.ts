import type { Clock } from '../clock.js';
import { type Call, isUnsent, PREFIX_BYTES, shift } from './grpc-calls.js';
import type { Connection } from './grpc-connection.js';
import { type CallHead, writeDigits, writeTimeout } from './grpc-headers.js';
import {
  ConnectionError,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  frameOf,
  H2_CODES,
  type H2Code,
  MAX_31_BITS,
  MAX_FRAME_BYTES,
  uint32,
} from './http2-frames.js';

/** What one write takes at most; connections share these bytes, as long as the kernel takes all of them at once. */
const WRITE_BYTES = 262_144;
/** More answers of ours than this that the peer does not read are a flood. */
const MAX_CONTROL_FRAMES = 10_000;
const ID_DIGITS = 10;

/** What is written next, put together. */
export interface OutBuffer {
  bytes: Buffer;
  length: number;
  /** Buffers that the kernel has taken whole again. */
  readonly spares: Buffer[];
}

export function outBuffer(): OutBuffer {
  return { bytes: Buffer.allocUnsafeSlow(WRITE_BYTES), length: 0, spares: [] };
}

/** The sending side of one connection: what waits to go out, and what the peer lets us send. */
export interface Sender {
  /** Shared by all connections of a transport. */
  readonly out: OutBuffer;
  readonly clock: Clock;
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
}

/** Writes what is ready at the end of this turn. */
export function flushSoon(connection: Connection): void {
  // What is being read ends with a flush of its own.
  if (!connection.flushDue && !connection.reading) {
    connection.flushDue = true;
    queueMicrotask(connection.flush);
  }
}

/** Writes a frame that is no call's. */
export function control(connection: Connection, frame: Buffer): void {
  connection.control.push(frame);
  flushSoon(connection);
}

/** Answers a frame of the peer. */
export function acknowledge(connection: Connection, frame: Buffer): void {
  if (connection.control.length > MAX_CONTROL_FRAMES) {
    throw new ConnectionError('ENHANCE_YOUR_CALM', 'Flood of frames that want an answer');
  }
  control(connection, frame);
}

/** Tells the peer that a stream is over for us. */
export function resetStream(connection: Connection, id: number, code: H2Code): void {
  control(connection, frameOf(FRAME.reset, 0, id, uint32(H2_CODES.indexOf(code))));
}

/** Writes all that may be written now: control frames, what is left of messages, calls that wait. */
export function flush(connection: Connection): void {
  if (connection.phase !== 'up' || connection.taken) {
    return;
  }
  const { out } = connection;
  out.length = 0;
  if (
    (connection.control.length === 0 || writeControl(connection)) &&
    (connection.unsent.length === 0 || writeUnsent(connection))
  ) {
    writeCalls(connection);
  }
  if (out.length > 0) {
    emit(connection);
  }
}

/** The kernel has taken a write. */
export function writeEnded(connection: Connection, error: Error | null | undefined): void {
  if (--connection.writes === 0 && connection.taken) {
    connection.out.spares.push(connection.taken);
    connection.taken = undefined;
    if (!error) {
      flush(connection);
    }
  }
}

/** Writes what is ready: `out` holds it. Returns whether the kernel took it all, so that more can be written. */
function emit(connection: Connection): boolean {
  const { socket, out } = connection;
  const { bytes, length } = out;
  out.length = 0;
  connection.writes++;
  socket.write(bytes.subarray(0, length), connection.written);
  if (socket.writableLength === 0) {
    return true;
  }
  connection.taken = bytes;
  out.bytes = out.spares.pop() ?? Buffer.allocUnsafeSlow(WRITE_BYTES);
  return false;
}

function hasRoom(connection: Connection, bytes: number): boolean {
  return connection.out.length + bytes <= WRITE_BYTES || emit(connection);
}

function writeControl(connection: Connection): boolean {
  const { control: frames, out } = connection;
  for (let index = 0; index < frames.length; index++) {
    const frame = frames[index] as Buffer;
    if (!hasRoom(connection, frame.length)) {
      frames.splice(0, index);
      return false;
    }
    out.bytes.set(frame, out.length);
    out.length += frame.length;
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
  const { queue, clock } = connection;
  const { anyQueue } = connection.lanes;
  let nowUs = Number.NEGATIVE_INFINITY;
  while (
    connection.active < connection.maxActive &&
    connection.carried < connection.maxCarried &&
    !connection.leaving
  ) {
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
    connection.lanes.retire(connection, 'No stream ids left');
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
  const { out } = connection;
  const { bytes, length } = out;
  const { frame, firstFrame, timeoutAt, requestIdAt } = call.head as CallHead;
  const isFirst = connection.carried === 1;
  bytes.set(isFirst ? firstFrame : frame, length);
  const shiftBytes = length + (isFirst ? 1 : 0);
  const { id } = call;
  bytes[length + 5] = id >>> 24;
  bytes[length + 6] = id >>> 16;
  bytes[length + 7] = id >>> 8;
  bytes[length + 8] = id;
  writeTimeout(bytes, shiftBytes + timeoutAt, timeoutUs);
  if (requestIdAt > 0) {
    writeDigits(bytes, shiftBytes + requestIdAt, call.seq, ID_DIGITS);
  }
  out.length = shiftBytes + frame.length;
}

/** Writes the message behind its head when it fits into one frame, else as much of it as may go. */
function writeFirst(connection: Connection, call: Call): void {
  const { out } = connection;
  const { body } = call;
  const bytes = PREFIX_BYTES + body.length;
  if (
    bytes <= connection.peerFrameBytes &&
    bytes <= WRITE_BYTES - out.length - FRAME_HEAD_BYTES &&
    bytes <= connection.windowBytes &&
    bytes <= connection.streamWindowBytes &&
    connection.unsent.length === 0
  ) {
    connection.windowBytes -= bytes;
    call.sentBytes = bytes;
    const at = writeDataHead(out, call.id, bytes, true);
    writePrefix(out.bytes, at, body.length);
    out.bytes.set(body, at + PREFIX_BYTES);
    out.length = at + bytes;
    return;
  }
  call.windowBytes = connection.streamWindowBytes;
  if (connection.unsent.length > 0 || !writeMessage(connection, call)) {
    connection.unsent.push(call);
  }
}

/** Writes the head of a DATA frame; returns where its payload goes. */
function writeDataHead({ bytes: out, length: at }: OutBuffer, id: number, bytes: number, ends: boolean): number {
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

function writePrefix(out: Buffer, at: number, bytes: number): void {
  out[at] = 0;
  out[at + 1] = bytes >>> 24;
  out[at + 2] = bytes >>> 16;
  out[at + 3] = bytes >>> 8;
  out[at + 4] = bytes;
}

/** Writes DATA frames of a message; returns whether that was all of it. */
function writeMessage(connection: Connection, call: Call): boolean {
  const { out } = connection;
  const { body, id } = call;
  const total = PREFIX_BYTES + body.length;
  while (isUnsent(call)) {
    const allowed = Math.min(connection.windowBytes, call.windowBytes, connection.peerFrameBytes);
    if (allowed <= 0 || !hasRoom(connection, FRAME_HEAD_BYTES + Math.min(allowed, MAX_FRAME_BYTES))) {
      return false;
    }
    const from = call.sentBytes;
    const bytes = Math.min(allowed, total - from, WRITE_BYTES - out.length - FRAME_HEAD_BYTES);
    const at = writeDataHead(out, id, bytes, from + bytes === total);
    if (from >= PREFIX_BYTES) {
      body.copy(out.bytes, at, from - PREFIX_BYTES, from - PREFIX_BYTES + bytes);
    } else {
      const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
      writePrefix(prefix, 0, body.length);
      const prefixBytes = prefix.copy(out.bytes, at, from, Math.min(PREFIX_BYTES, from + bytes));
      body.copy(out.bytes, at + prefixBytes, 0, bytes - prefixBytes);
    }
    out.length = at + bytes;
    call.sentBytes += bytes;
    call.windowBytes -= bytes;
    connection.windowBytes -= bytes;
  }
  return true;
}
