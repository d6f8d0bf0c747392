import { gunzipSync, inflateSync } from 'node:zlib';
import { errorCode } from '../errors.js';
import { type Call, EAGER_BYTES, isUnsent, PREFIX_BYTES } from './grpc-calls.js';
import { type Connection, cancel, finish, MALFORMED, MAX_HEADER_LIST_BYTES, NOT_GRPC } from './grpc-connection.js';
import { type AnswerHead, percentDecoded } from './grpc-headers.js';
import { resetStream } from './grpc-sender.js';
import { H2_CODES, type H2Code, h2CodeName } from './http2-frames.js';
import { type Failure, grpcOutcome } from './outcomes.js';
import { MAX_ANSWER_BYTES, MAX_INTERIM_ANSWERS } from './transport.js';

const NO_STATUS: Failure = { outcome: 'grpc_no_status', origin: 'target' };
const NOT_UNARY: Failure = { outcome: 'stream_protocol', origin: 'target' };
const UNREADABLE: Failure = { outcome: 'decode_error', origin: 'target' };
const TOO_LARGE: Failure = { outcome: 'grpc_message_too_large', origin: 'local' };
/** Headers of an answer that are more than anyone needs. */
export const TOO_LONG: Failure = { outcome: 'header_overflow', origin: 'target' };
/** The peer has not looked at the call. */
export const REFUSED: Failure = { outcome: 'h2_refused', origin: 'network' };

/** What RST_STREAM means to gRPC (its "HTTP2 Transport Mapping"); other codes are INTERNAL. */
const RESETS: Partial<Record<H2Code, Failure>> = {
  REFUSED_STREAM: REFUSED,
  CANCEL: { outcome: 'grpc_CANCELLED', origin: 'network' },
  ENHANCE_YOUR_CALM: { outcome: 'grpc_RESOURCE_EXHAUSTED', origin: 'network' },
  INADEQUATE_SECURITY: { outcome: 'grpc_PERMISSION_DENIED', origin: 'network' },
};
const RESET_OTHERWISE: Failure = { outcome: 'grpc_INTERNAL', origin: 'network' };

/** Takes a part of the DATA of an answer; `ended` with the last of the stream. */
export function takeData(call: Call, bytes: Buffer, from: number, to: number, ended: boolean): void {
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

/** Takes a whole header block of an answer: headers, interim headers or trailers. */
export function takeHead(call: Call, head: AnswerHead, ended: boolean): void {
  const { completion } = call;
  if (completion.firstByteUs === undefined) {
    completion.firstByteUs = (call.connection as Connection).readUs;
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

/** The peer broke a call off. */
export function takeReset(call: Call, code: number): void {
  const name = H2_CODES[code];
  finish(call, (name && RESETS[name]) ?? RESET_OTHERWISE, undefined, `RST_STREAM ${h2CodeName(code)}`);
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

/** The peer has ended the stream: what was not sent never will be. */
function endStream(call: Call): void {
  if (isUnsent(call)) {
    resetStream(call.connection as Connection, call.id, 'CANCEL');
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

function isKnownEncoding(encoding: string | undefined): boolean {
  return encoding === 'gzip' || encoding === 'deflate';
}
