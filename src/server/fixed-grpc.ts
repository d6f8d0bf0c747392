import { createServer as createHttp2Server } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { monotonicNs } from '../clock.js';
import { type FixedAnswerOptions, listen, writeTo } from './fixed-answer.js';
import type { HttpServer } from './http.js';
import type { TruthLog } from './truth-log.js';

/** RFC 9113: section 3.4, 6 and 6.5.2. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const FRAME = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, windowUpdate: 8 } as const;
const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4 } as const;
const INITIAL_WINDOW_SIZE = 4;
const HEAD_BYTES = 9;
const FIRST_WINDOW_BYTES = 65_535;
const MAX_WINDOW_BYTES = 2 ** 31 - 1;
const MAX_FRAME_BYTES = 16_384;
/** Frames that have to be read are few and small. */
const READ_FRAMES: readonly number[] = [FRAME.rstStream, FRAME.settings, FRAME.ping, FRAME.windowUpdate];
const NO_BYTES = Buffer.alloc(0);

/**
 * Unary gRPC without TLS: every call gets the message `content`, whatever it asks for. Without a truth log on a bare
 * socket, header blocks unread; with one, which needs the request's id, on Node's HTTP/2. Throws BenchError for an
 * address that cannot be had.
 */
export function createFixedGrpcServer({
  content,
  truthLog,
  ...address
}: FixedAnswerOptions<Buffer>): Promise<HttpServer> {
  const message = Buffer.concat([Buffer.from([0]), uint(content.length, 4), content]);
  if (truthLog) {
    return listen(loggingServer(message, truthLog), '--grpc-port', address, () => {});
  }
  const answer = answerOf(message);
  return listen(createServer({ noDelay: true }), '--grpc-port', address, (socket) => answerCalls(socket, answer));
}

function loggingServer(message: Buffer, truthLog: TruthLog) {
  return createHttp2Server().on('stream', (stream, headers) => {
    const receivedNs = monotonicNs();
    // Calls that are taken back are no fault.
    stream.on('error', () => {});
    stream.once('end', () => {
      truthLog.record({ id: headers['x-request-id'], receivedNs, sentNs: monotonicNs(), batch: 0, status: 0 });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.end(message);
    });
    stream.resume();
  });
}

/** The frames of an answer, and where in them the number of the stream stands. */
interface Answer {
  readonly bytes: Buffer;
  readonly streamAt: readonly number[];
  /** What of them counts against the client's windows. */
  readonly dataBytes: number;
}

function answerOf(message: Buffer): Answer {
  // Static index 8 is `:status: 200`, 31 the name content-type; the fields stay out of the dynamic table. RFC 7541.
  const headers = Buffer.concat([Buffer.from([0x88, 0x0f, 31 - 15]), hpackText('application/grpc')]);
  const trailers = Buffer.concat([Buffer.from([0x00]), hpackText('grpc-status'), hpackText('0')]);
  const frames = [
    frame(FRAME.headers, FLAG.endHeaders, 0, headers),
    frame(FRAME.data, 0, 0, message),
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 0, trailers),
  ];
  const ends = frames.map((_, index) => Buffer.concat(frames.slice(0, index)).length);
  return { bytes: Buffer.concat(frames), streamAt: ends.map((end) => end + 5), dataBytes: message.length };
}

/** A text of fewer than 127 characters, not Huffman coded. */
function hpackText(text: string): Buffer {
  return Buffer.from(String.fromCharCode(text.length) + text, 'latin1');
}

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  return Buffer.concat([uint(payload.length, 3), Buffer.from([type, flags]), uint(stream, 4), payload]);
}

/** The server's side of one connection: reads what flow control and keep-alive need, passes over all else. */
function answerCalls(socket: Socket, { bytes: answer, streamAt, dataBytes }: Answer): void {
  let held: Buffer = NO_BYTES;
  let prefaceLeftBytes = PREFACE.length;
  /** Of a frame that is passed over, and the stream that ends with it; 0 for none. */
  let skipBytes = 0;
  let ending = 0;
  let sendWindowBytes = FIRST_WINDOW_BYTES;
  let unacknowledgedBytes = 0;
  let waiting: number[] = [];

  // Streams may bring as much as they like; the connection's window is opened as wide and kept so.
  const settings = frame(
    FRAME.settings,
    0,
    0,
    Buffer.concat([uint(INITIAL_WINDOW_SIZE, 2), uint(MAX_WINDOW_BYTES, 4)]),
  );
  socket.write(Buffer.concat([settings, windowUpdate(MAX_WINDOW_BYTES - FIRST_WINDOW_BYTES)]));

  socket.on('data', (chunk: Buffer) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const at = readFrames(bytes);
    held = bytes.subarray(at);
    if (unacknowledgedBytes > MAX_WINDOW_BYTES / 2) {
      socket.write(windowUpdate(unacknowledgedBytes));
      unacknowledgedBytes = 0;
    }
    answerWaiting();
  });

  /** Reads whole frames; returns where the first unfinished one begins. */
  function readFrames(bytes: Buffer): number {
    let at = Math.min(prefaceLeftBytes, bytes.length);
    prefaceLeftBytes -= at;
    for (;;) {
      const skipped = Math.min(skipBytes, bytes.length - at);
      at += skipped;
      skipBytes -= skipped;
      if (skipBytes === 0 && ending !== 0) {
        waiting.push(ending);
        ending = 0;
      }
      if (bytes.length - at < HEAD_BYTES) {
        return at;
      }
      const length = bytes.readUIntBE(at, 3);
      const type = bytes[at + 3] as number;
      const flags = bytes[at + 4] as number;
      const stream = bytes.readUInt32BE(at + 5) & MAX_WINDOW_BYTES;
      if (length > MAX_FRAME_BYTES) {
        socket.destroy();
        return bytes.length;
      }
      if (READ_FRAMES.includes(type)) {
        if (bytes.length - at < HEAD_BYTES + length) {
          return at;
        }
        at += HEAD_BYTES + length;
        control(type, flags, stream, bytes.subarray(at - length, at));
      } else {
        at += HEAD_BYTES;
        skipBytes = length;
        unacknowledgedBytes += type === FRAME.data ? length : 0;
        ending = type <= FRAME.headers && (flags & FLAG.endStream) !== 0 ? stream : 0;
      }
    }
  }

  function control(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FRAME.windowUpdate && stream === 0) {
      sendWindowBytes += payload.readUInt32BE(0) & MAX_WINDOW_BYTES;
    } else if (type === FRAME.rstStream) {
      waiting = waiting.filter((one) => one !== stream);
    } else if (type === FRAME.ping && (flags & FLAG.ack) === 0) {
      socket.write(frame(FRAME.ping, FLAG.ack, 0, payload));
    } else if (type === FRAME.settings && (flags & FLAG.ack) === 0) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        if (payload.readUInt16BE(at) === INITIAL_WINDOW_SIZE && payload.readUInt32BE(at + 2) < dataBytes) {
          // A stream with less room than one answer would have to be continued: not for such a server.
          socket.destroy();
        }
      }
      socket.write(frame(FRAME.settings, FLAG.ack, 0, NO_BYTES));
    }
  }

  /** All in one write. */
  function answerWaiting(): void {
    const count = Math.min(waiting.length, Math.floor(sendWindowBytes / dataBytes));
    if (count === 0) {
      return;
    }
    const out = Buffer.allocUnsafe(count * answer.length);
    for (let index = 0; index < count; index++) {
      const from = index * answer.length;
      answer.copy(out, from);
      for (const place of streamAt) {
        out.writeUInt32BE(waiting[index] as number, from + place);
      }
    }
    waiting = waiting.slice(count);
    sendWindowBytes -= count * dataBytes;
    writeTo(socket, out);
  }
}

function windowUpdate(bytes: number): Buffer {
  return frame(FRAME.windowUpdate, 0, 0, uint(bytes, 4));
}
