import type { Socket } from 'node:net';
import { httpAnswer, type SeenRequest, sleep } from '../support/servers.js';
import type { Expected } from './transport-bench.js';

export type Answer = (socket: Socket, request: SeenRequest) => void;

interface Fault extends Expected {
  readonly id: string;
  readonly what: string;
  readonly answer: Answer;
  /** On a connection that has carried a request, where that changes what can be known. */
  readonly reused?: Expected;
  readonly timeoutMs?: number;
}

export const OK = httpAnswer('{}');
export const write =
  (text: string): Answer =>
  (socket) =>
    void socket.write(text, 'latin1');
export const writeAndEnd =
  (text: string): Answer =>
  (socket) =>
    void socket.end(text, 'latin1');
/** Writes, and sends RST once the client has read it. */
const writeAndReset =
  (text: string): Answer =>
  (socket) => {
    socket.write(text, 'latin1');
    setTimeout(() => socket.resetAndDestroy(), 30);
  };
/** Writes the parts one by one, each in a packet of its own. */
export const drip =
  (parts: readonly string[], everyMs: number): Answer =>
  async (socket) => {
    for (const part of parts) {
      if (socket.destroyed) {
        return;
      }
      socket.write(part, 'latin1');
      await sleep(everyMs);
    }
  };
const endless =
  (text: string): Answer =>
  (socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(text, 'latin1')) {}
    };
    socket.on('drain', more);
    more();
  };

export const HEAD = 'HTTP/1.1 200 OK\r\n';
const STALE: Expected = { outcome: 'stale_connection', origin: 'network' };
export const FRAMING: Expected = { outcome: 'framing_error', origin: 'target' };
export const TRUNCATED: Expected = { outcome: 'truncated_body', origin: 'network', status: 200 };

export const status = (id: string, line: string, outcome: Expected['outcome'], more = ''): Fault => ({
  id,
  what: `status ${line}`,
  answer: (socket) => void socket.write(httpAnswer('no', `HTTP/1.1 ${line}\r\n${more}`)),
  outcome,
  origin: 'target',
  status: Number(line.split(' ')[0]),
});

/** Section 4.1 of the fault catalogue: what the server does, and the outcome it has to get. */
export const FAULTS: readonly Fault[] = [
  {
    id: 'F05',
    what: 'RST before headers',
    answer: (socket) => void socket.resetAndDestroy(),
    outcome: 'reset_before_response',
    origin: 'network',
    reused: STALE,
  },
  {
    id: 'F05',
    what: 'RST after half a header line',
    answer: writeAndReset('HTTP/1.1 200 O'),
    outcome: 'reset_before_response',
    origin: 'network',
  },
  {
    id: 'F06',
    what: 'FIN before headers',
    answer: (socket) => void socket.destroy(),
    outcome: 'closed_before_response',
    origin: 'network',
    reused: STALE,
  },
  {
    id: 'F06',
    what: 'FIN after half a header line',
    answer: writeAndEnd('HTTP/1.1 200 O'),
    outcome: 'closed_before_response',
    origin: 'network',
  },
  {
    id: 'F06',
    what: 'FIN after half of the headers',
    answer: writeAndEnd(`${HEAD}content-type: text/plain\r\ncontent-le`),
    outcome: 'closed_before_response',
    origin: 'network',
  },
  {
    id: 'F08',
    what: 'RST inside a body with its length',
    answer: writeAndReset(`${HEAD}content-length: 100\r\n\r\n{"half":`),
    outcome: 'reset_mid_body',
    origin: 'network',
    status: 200,
  },
  {
    id: 'F08',
    what: 'RST inside a body with its length, on a connection to be closed',
    answer: writeAndReset(`${HEAD}connection: close\r\ncontent-length: 100\r\n\r\n{"half":`),
    outcome: 'reset_mid_body',
    origin: 'network',
    status: 200,
  },
  {
    id: 'F08',
    what: 'RST inside a chunked body',
    answer: writeAndReset(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`),
    outcome: 'reset_mid_body',
    origin: 'network',
    status: 200,
  },
  {
    id: 'F09',
    what: 'FIN short of the length',
    answer: writeAndEnd(`${HEAD}content-length: 9\r\n\r\nhalf`),
    ...TRUNCATED,
  },
  {
    id: 'F09',
    what: 'FIN short of the length, on a connection to be closed',
    answer: writeAndEnd(`${HEAD}connection: close\r\ncontent-length: 9\r\n\r\nhalf`),
    ...TRUNCATED,
  },
  { id: 'F09', what: 'FIN before the body', answer: writeAndEnd(`${HEAD}content-length: 9\r\n\r\n`), ...TRUNCATED },
  ...['', 'connection: close\r\n'].flatMap((close): Fault[] => [
    {
      id: 'F10',
      what: `FIN inside a chunk${close && ', on a connection to be closed'}`,
      answer: writeAndEnd(`${HEAD}${close}transfer-encoding: chunked\r\n\r\n9\r\nhalf`),
      ...TRUNCATED,
    },
    {
      id: 'F10',
      what: `FIN between chunks${close && ', on a connection to be closed'}`,
      answer: writeAndEnd(`${HEAD}${close}transfer-encoding: chunked\r\n\r\n4\r\nfour\r\n`),
      ...TRUNCATED,
    },
    {
      id: 'F10',
      what: `FIN inside the last chunk${close && ', on a connection to be closed'}`,
      answer: writeAndEnd(`${HEAD}${close}transfer-encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n`),
      ...TRUNCATED,
    },
  ]),
  {
    id: 'F11',
    what: 'RST of an HTTP/1.0 body that ends with its connection',
    answer: writeAndReset('HTTP/1.0 200 OK\r\n\r\n{"half":'),
    ...TRUNCATED,
  },
  {
    id: 'F11',
    what: 'RST of an HTTP/1.1 body that ends with its connection',
    answer: writeAndReset(`${HEAD}connection: close\r\n\r\n{"half":`),
    ...TRUNCATED,
  },
  {
    id: 'F11',
    what: 'RST of events that end with their connection',
    answer: writeAndReset(`${HEAD}content-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\n`),
    outcome: ['truncated_body', 'stream_truncated'],
    origin: 'network',
  },
  ...(
    [
      ['two lengths', `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `],
      ['a length and chunks', `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
      ['a negative length', `${HEAD}content-length: -2\r\n\r\n{}`],
      ['a length that is no number', `${HEAD}content-length: two\r\n\r\n{}`],
      ['a bad chunk size', `${HEAD}transfer-encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n`],
      ['a chunk longer than its size', `${HEAD}transfer-encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n`],
      ['status 42', 'HTTP/1.1 42 What\r\ncontent-length: 2\r\n\r\n{}'],
      ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
      ['HTTP/2', '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64'],
      ['a header without a colon', `${HEAD}what\r\ncontent-length: 2\r\n\r\n{}`],
      ['an upgrade that nobody asked for', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ] as const
  ).map(([what, bytes]): Fault => ({ id: 'F14', what, answer: write(bytes), ...FRAMING })),
  ...(
    [
      ['two lengths', `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `],
      ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ] as const
  ).map(([what, bytes]): Fault => ({ id: 'F14', what: `${what}, and FIN`, answer: writeAndEnd(bytes), ...FRAMING })),
  { id: 'F15', what: '204 with a body', answer: write('HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\n{}'), ...FRAMING },
  {
    id: 'F16',
    what: 'one header above 16 KB',
    answer: write(`${HEAD}x-long: ${'x'.repeat(20_000)}\r\ncontent-length: 2\r\n\r\n{}`),
    outcome: 'header_overflow',
    origin: 'target',
  },
  {
    id: 'F16',
    what: 'many headers above 16 KB',
    answer: write(`${HEAD}${'x-more: 0123456789\r\n'.repeat(1_500)}content-length: 2\r\n\r\n{}`),
    outcome: 'header_overflow',
    origin: 'target',
  },
  { id: 'F17', what: 'interim answers without end', answer: endless('HTTP/1.1 103 Early Hints\r\n\r\n'), ...FRAMING },
  status('F19', '999 What', 'http_other'),
  status('F19', '600 What', 'http_other'),
  status('F20', '400 Bad Request', 'http_4xx'),
  status('F20', '404 Not Found', 'http_4xx'),
  status('F20', '429 Too Many Requests', 'http_429', 'retry-after: 5\r\n'),
  status('F20', '500 Internal Server Error', 'http_5xx'),
  status('F20', '503 Service Unavailable', 'http_5xx', 'retry-after: 5\r\n'),
  status('F21', '301 Moved', 'http_3xx', 'location: /ok\r\n'),
  status('F21', '302 Found', 'http_3xx', 'location: /ok\r\n'),
  status('F21', '307 Temporary', 'http_3xx', 'location: /ok\r\n'),
  status('F21', '308 Permanent', 'http_3xx', 'location: http://127.0.0.1:1/elsewhere\r\n'),
  {
    id: 'F24',
    what: 'a body without end',
    answer: (socket, request) => {
      socket.write(`${HEAD}content-length: ${2 ** 40}\r\n\r\n`);
      endless('x'.repeat(2 ** 20))(socket, request);
    },
    outcome: 'body_too_large',
    origin: 'target',
    status: 200,
  },
  {
    id: 'F28a',
    what: 'half-close before any answer',
    answer: (socket) => void socket.end(),
    outcome: 'closed_before_response',
    origin: 'network',
    reused: STALE,
  },
];

/** Faults that end by our deadline. */
export const LATE_FAULTS: readonly (Fault & { readonly timeoutMs: number })[] = [
  {
    id: 'F22',
    what: 'headers never come',
    answer: () => {},
    outcome: 'timeout_ttfb',
    origin: 'target',
    timeoutMs: 300,
  },
  {
    id: 'F22',
    what: 'headers come byte by byte',
    answer: drip([...`${HEAD}x-slow: ${'.'.repeat(100)}`], 20),
    outcome: 'timeout_ttfb',
    origin: 'target',
    timeoutMs: 300,
  },
  {
    id: 'F22',
    what: 'nothing after an interim answer',
    answer: write('HTTP/1.1 103 Early Hints\r\n\r\n'),
    outcome: 'timeout_ttfb',
    origin: 'target',
    timeoutMs: 300,
  },
  {
    id: 'F23',
    what: 'the body stalls',
    answer: write(`${HEAD}content-length: 100\r\n\r\n{`),
    outcome: 'timeout_total',
    origin: 'target',
    status: 200,
    timeoutMs: 300,
  },
  {
    id: 'F23',
    what: 'the body comes byte by byte',
    answer: drip([`${HEAD}content-length: 100\r\n\r\n`, ...'.'.repeat(100)], 20),
    outcome: 'timeout_total',
    origin: 'target',
    status: 200,
    timeoutMs: 300,
  },
];

/** Answers that are fine, however they come. */
export const FINE: readonly {
  readonly what: string;
  readonly answer: Answer;
  readonly body: string;
  readonly id?: string;
}[] = [
  { what: 'with its length', answer: write(`${HEAD}content-length: 5\r\n\r\nhello`), body: 'hello' },
  { what: 'empty', answer: write(`${HEAD}content-length: 0\r\n\r\n`), body: '' },
  {
    what: 'in chunks, with a trailer',
    answer: write(`${HEAD}transfer-encoding: chunked\r\n\r\n2;x=1\r\nhe\r\n003\r\nllo\r\n0\r\nx-sum: 1\r\n\r\n`),
    body: 'hello',
  },
  { what: 'HTTP/1.1, ended by FIN', answer: writeAndEnd(`${HEAD}connection: close\r\n\r\nhello`), body: 'hello' },
  { id: 'F12', what: 'HTTP/1.0, ended by FIN', answer: writeAndEnd('HTTP/1.0 200 OK\r\n\r\nhello'), body: 'hello' },
  { what: '204', answer: write('HTTP/1.1 204 No Content\r\n\r\n'), body: '' },
  { what: 'created', answer: write('HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}'), body: '{}' },
  {
    what: 'with the length and the end of its connection',
    answer: writeAndEnd(`${HEAD}connection: close\r\ncontent-length: 5\r\n\r\nhello`),
    body: 'hello',
  },
  {
    what: 'byte by byte',
    answer: drip([...`${HEAD}Content-Length:5\r\nX-A:  b \r\n\r\nhello`], 2),
    body: 'hello',
  },
  {
    what: 'in chunks, byte by byte',
    answer: drip([...`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`], 2),
    body: 'hello',
  },
  {
    what: 'after an interim answer',
    answer: write(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${HEAD}content-length: 5\r\n\r\nhello`),
    body: 'hello',
  },
  {
    id: '100-continue',
    what: 'after 100 Continue',
    answer: write(`HTTP/1.1 100 Continue\r\n\r\n${HEAD}content-length: 5\r\n\r\nhello`),
    body: 'hello',
  },
  {
    id: 'F17',
    what: 'after 50 interim answers',
    answer: write(`${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50)}${HEAD}content-length: 5\r\n\r\nhello`),
    body: 'hello',
  },
];
