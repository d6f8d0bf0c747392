import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { MAX_ANSWER_BYTES } from '../../src/transports/transport.js';
import { grpcFrame, tcpSocketOf } from '../support/servers.js';
import type { Expected } from './transport-bench.js';

export type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Fault extends Expected {
  readonly id: string;
  readonly what: string;
  readonly answer: Answer;
}

export const OK_PATH = '/bench.Test/Ok';
export const FAULT_PATH = '/bench.Test/Fault';
export const HELLO = Buffer.from('hello');
export const GRPC: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc' };

/** Headers, frames and trailers, as a gRPC server sends them. */
export const reply =
  (frames: readonly Buffer[], trailers: OutgoingHttpHeaders = { 'grpc-status': '0' }, headers = GRPC): Answer =>
  (stream) => {
    stream.respond(headers, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    for (const frame of frames) {
      stream.write(frame);
    }
    stream.end();
  };
export const ok = reply([grpcFrame(HELLO)]);
/** One block of headers that ends the answer. */
export const headersOnly =
  (headers: OutgoingHttpHeaders): Answer =>
  (stream) =>
    stream.respond(headers, { endStream: true });
export const page =
  (status: number, type = 'text/html'): Answer =>
  (stream) => {
    stream.respond({ ':status': status, 'content-type': type });
    stream.end('<html><body>This is no gRPC at all</body></html>');
  };
export const reset =
  (code: number): Answer =>
  (stream) =>
    stream.close(code);

/** What a connection that broke may be called: the catalogue only says that it is the network's. */
export const BROKEN: Expected = {
  outcome: [
    'grpc_UNAVAILABLE',
    'stale_connection',
    'reset_before_response',
    'closed_before_response',
    'reset_mid_body',
    'truncated_body',
  ],
  origin: 'network',
};
const NOT_GRPC: Expected = { outcome: 'grpc_not_grpc', origin: 'target' };
const NO_STATUS: Expected = { outcome: 'grpc_no_status', origin: 'target' };
const NOT_UNARY: Expected = { outcome: 'stream_protocol', origin: 'target' };
const TOO_LARGE: Expected = { outcome: 'grpc_message_too_large', origin: 'local' };
const UNREADABLE: Expected = { outcome: 'decode_error', origin: 'target' };

export const CODES = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** Section 4.3 of the fault catalogue: what the server does, and the outcome it has to get. */
export const FAULTS: readonly Fault[] = [
  ...CODES.flatMap((name, index): Fault[] => {
    const status = index + 1;
    const trailers = { 'grpc-status': String(status), 'grpc-message': 'no%20more' };
    const outcome = `grpc_${name}` as const;
    return [
      {
        id: 'F35',
        what: `status ${status} alone`,
        answer: headersOnly({ ...GRPC, ...trailers }),
        outcome,
        origin: 'target',
        status,
      },
      {
        id: 'F35',
        what: `status ${status} after headers`,
        answer: reply([], trailers),
        outcome,
        origin: 'target',
        status,
      },
      {
        id: 'F35',
        what: `status ${status} after a message`,
        answer: reply([grpcFrame(HELLO)], trailers),
        outcome,
        origin: 'target',
        status,
      },
    ];
  }),
  ...['99', '-1', 'nonsense'].map(
    (code): Fault => ({
      id: 'F35',
      what: `status ${code}`,
      answer: headersOnly({ ...GRPC, 'grpc-status': code }),
      outcome: 'grpc_other',
      origin: 'target',
    }),
  ),
  {
    id: 'F35',
    what: 'status 8 with a pushback',
    answer: reply([], { 'grpc-status': '8', 'grpc-retry-pushback-ms': '10' }),
    outcome: 'grpc_RESOURCE_EXHAUSTED',
    origin: 'target',
    status: 8,
  },
  { id: 'F37', what: 'the connection is dropped', answer: (stream) => void tcpSocketOf(stream)?.destroy(), ...BROKEN },
  {
    id: 'F37',
    what: 'the connection is reset',
    answer: (stream) => void tcpSocketOf(stream)?.resetAndDestroy(),
    ...BROKEN,
  },
  {
    id: 'F37',
    what: 'the connection is dropped after headers',
    answer: (stream) => {
      stream.respond(GRPC);
      stream.write(grpcFrame(HELLO).subarray(0, 7));
      setTimeout(() => tcpSocketOf(stream)?.destroy(), 20);
    },
    ...BROKEN,
  },
  {
    id: 'F37',
    what: 'the connection is reset after headers',
    answer: (stream) => {
      stream.respond(GRPC);
      setTimeout(() => tcpSocketOf(stream)?.resetAndDestroy(), 20);
    },
    ...BROKEN,
  },
  { id: 'F38', what: '503 without a page', answer: headersOnly({ ':status': 503 }), ...NOT_GRPC, status: 503 },
  { id: 'F38', what: 'a 503 page', answer: page(503), ...NOT_GRPC, status: 503 },
  { id: 'F38', what: 'a 404 page', answer: page(404), ...NOT_GRPC, status: 404 },
  { id: 'F38', what: 'a page with 200', answer: page(200), ...NOT_GRPC, status: 200 },
  { id: 'F38', what: 'JSON with 200', answer: page(200, 'application/json'), ...NOT_GRPC, status: 200 },
  { id: 'F38', what: 'a page without a type', answer: headersOnly({ ':status': 200 }), ...NOT_GRPC, status: 200 },
  ...[
    [constants.NGHTTP2_PROTOCOL_ERROR, 'grpc_INTERNAL'],
    [constants.NGHTTP2_INTERNAL_ERROR, 'grpc_INTERNAL'],
    [constants.NGHTTP2_FLOW_CONTROL_ERROR, 'grpc_INTERNAL'],
    [constants.NGHTTP2_STREAM_CLOSED, 'grpc_INTERNAL'],
    [constants.NGHTTP2_HTTP_1_1_REQUIRED, 'grpc_INTERNAL'],
    [constants.NGHTTP2_CANCEL, 'grpc_CANCELLED'],
    [constants.NGHTTP2_ENHANCE_YOUR_CALM, 'grpc_RESOURCE_EXHAUSTED'],
    [constants.NGHTTP2_INADEQUATE_SECURITY, 'grpc_PERMISSION_DENIED'],
    [constants.NGHTTP2_REFUSED_STREAM, 'h2_refused'],
  ].map(
    ([code, outcome]): Fault => ({
      id: 'F39',
      what: `RST_STREAM ${code}`,
      answer: reset(code as number),
      outcome: outcome as Expected['outcome'],
      origin: 'network',
    }),
  ),
  {
    id: 'F40',
    what: 'GOAWAY 11 and the end of the connection',
    answer: ({ session }) => {
      session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session?.destroy();
    },
    outcome: ['grpc_RESOURCE_EXHAUSTED', 'grpc_UNAVAILABLE', 'h2_goaway'],
    origin: 'network',
  },
  {
    id: 'F41',
    what: 'the end after a message, without trailers',
    answer: (stream) => {
      stream.respond(GRPC);
      stream.end(grpcFrame(HELLO));
    },
    ...NO_STATUS,
  },
  {
    id: 'F41',
    what: 'the end after headers, without trailers',
    answer: (stream) => {
      stream.respond(GRPC);
      stream.end();
    },
    ...NO_STATUS,
  },
  { id: 'F41', what: 'trailers without a status', answer: reply([grpcFrame(HELLO)], { 'x-other': '1' }), ...NO_STATUS },
  { id: 'F41', what: 'headers alone without a status', answer: headersOnly(GRPC), ...NO_STATUS },
  { id: 'F42', what: 'no message', answer: reply([]), ...NOT_UNARY },
  { id: 'F42', what: 'no message, status alone', answer: headersOnly({ ...GRPC, 'grpc-status': '0' }), ...NOT_UNARY },
  { id: 'F42', what: 'two messages', answer: reply([grpcFrame(HELLO), grpcFrame(HELLO)]), ...NOT_UNARY },
  {
    id: 'F42',
    what: 'two messages in one packet',
    answer: reply([Buffer.concat([grpcFrame(HELLO), grpcFrame(HELLO)])]),
    ...NOT_UNARY,
  },
  { id: 'F43-cut', what: 'a cut length prefix', answer: reply([grpcFrame(HELLO).subarray(0, 3)]), ...UNREADABLE },
  { id: 'F43-cut', what: 'a cut message', answer: reply([grpcFrame(HELLO).subarray(0, 7)]), ...UNREADABLE },
  {
    id: 'F44',
    what: 'a message above our limit',
    answer: reply([grpcFrame(HELLO, { length: MAX_ANSWER_BYTES + 1 })]),
    ...TOO_LARGE,
  },
  {
    id: 'F44',
    what: 'a gzip bomb',
    answer: (stream, headers) => {
      const bomb = gzipSync(Buffer.alloc(MAX_ANSWER_BYTES + 1));
      reply([grpcFrame(bomb, { compressed: true })], undefined, { ...GRPC, 'grpc-encoding': 'gzip' })(stream, headers);
    },
    ...TOO_LARGE,
  },
  {
    id: 'F45',
    what: 'compressed without an encoding',
    answer: reply([grpcFrame(HELLO, { compressed: true })]),
    ...UNREADABLE,
  },
  {
    id: 'F45',
    what: 'compressed with an unknown encoding',
    answer: reply([grpcFrame(HELLO, { compressed: true })], undefined, { ...GRPC, 'grpc-encoding': 'snappy' }),
    ...UNREADABLE,
  },
];

/** Faults that end by our deadline. */
export const LATE_FAULTS: readonly Fault[] = [
  { id: 'F36', what: 'no headers', answer: () => {}, outcome: 'grpc_DEADLINE_EXCEEDED', origin: 'target' },
  {
    id: 'F36',
    what: 'headers only',
    answer: (stream) => void stream.respond(GRPC),
    outcome: 'grpc_DEADLINE_EXCEEDED',
    origin: 'target',
  },
  {
    id: 'F36',
    what: 'a message and no trailers',
    answer: (stream) => {
      stream.respond(GRPC);
      stream.write(grpcFrame(HELLO));
    },
    outcome: 'grpc_DEADLINE_EXCEEDED',
    origin: 'target',
  },
  {
    id: 'F36',
    what: 'GOAWAY 0 and then nothing',
    answer: ({ session }) => void session?.goaway(constants.NGHTTP2_NO_ERROR),
    outcome: 'grpc_DEADLINE_EXCEEDED',
    origin: 'target',
  },
];
