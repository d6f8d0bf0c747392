import { REFUSED, TOO_LONG, takeData, takeHead, takeReset } from './grpc-answers.js';
import { type Call, isUnsent } from './grpc-calls.js';
import {
  type Connection,
  callAt,
  cameUp,
  cancel,
  down,
  type FrameHandlers,
  finish,
  MALFORMED,
  MAX_HEADER_LIST_BYTES,
} from './grpc-connection.js';
import type { AnswerHead } from './grpc-headers.js';
import { acknowledge, control } from './grpc-sender.js';
import {
  ConnectionError,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  frameOf,
  h2CodeName,
  MAX_31_BITS,
  MAX_FRAME_BYTES,
  SETTING,
} from './http2-frames.js';

/** A header block in more bytes than this is not read: nothing of the connection can be after it. */
const MAX_BLOCK_BYTES = 4 * MAX_HEADER_LIST_BYTES;
/** No pushed streams, no error. */
const GOAWAY = frameOf(FRAME.goaway, 0, 0, Buffer.alloc(8));
const SETTINGS_ACK = frameOf(FRAME.settings, FLAG.ack, 0);

/** What each frame of the peer does to a connection and its calls, RFC 9113 section 6. */
export const FRAME_HANDLERS: FrameHandlers = { data: onData, frame: onFrame };

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
  if (call !== undefined) {
    takeData(call, bytes, from, to, ended);
  }
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

function outOfOrder(connection: Connection): void {
  throw connection.block
    ? new ConnectionError('PROTOCOL_ERROR', 'Header block that is not finished')
    : new ConnectionError('PROTOCOL_ERROR', 'The first frame is not SETTINGS');
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

/** A whole header block. It is read also when its call is over: it may change the table. */
function onBlock(connection: Connection, id: number, ended: boolean, bytes: Buffer, from: number, to: number): void {
  let head: AnswerHead;
  try {
    head = connection.heads.read(bytes, from, to);
  } catch (error) {
    throw new ConnectionError('COMPRESSION_ERROR', (error as Error).message);
  }
  const call = callAt(connection, id);
  if (call !== undefined) {
    takeHead(call, head, ended);
  }
}

function onSettings(connection: Connection, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
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
      throw new ConnectionError(more === 0 ? 'PROTOCOL_ERROR' : 'FLOW_CONTROL_ERROR', `Window update by ${more} bytes`);
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
  } else if (isUnsent(call) && call.windowBytes > MAX_31_BITS) {
    cancel(call, 'FLOW_CONTROL_ERROR', MALFORMED, undefined, `Window update by ${more} bytes`);
  }
}

function onReset(connection: Connection, id: number, code: number): void {
  const call = callAt(connection, id);
  if (call !== undefined) {
    takeReset(call, code);
  }
}

function onGoaway(connection: Connection, lastId: number, code: number): void {
  connection.goaway = `GOAWAY ${h2CodeName(code)}`;
  control(connection, GOAWAY);
  connection.lanes.retire(connection, connection.goaway);
  for (const call of connection.slots.filter((one) => one !== undefined && one.id > lastId)) {
    finish(call as Call, REFUSED, undefined, connection.goaway);
  }
  if (connection.active === 0) {
    down(connection, undefined, connection.goaway);
  }
}

function expectFrame(rightStream: boolean, rightSize: boolean, name: string): void {
  if (!rightStream) {
    throw new ConnectionError('PROTOCOL_ERROR', `${name} on the wrong stream`);
  }
  if (!rightSize) {
    throw new ConnectionError('FRAME_SIZE_ERROR', `${name} of the wrong size`);
  }
}
