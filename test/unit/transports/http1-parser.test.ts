import { request } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerBody,
  answerHeaders,
  answerParser,
  endsWithConnection,
  headMemo,
  MAX_HEAD_BYTES,
  type ParseFailure,
  readAnswer,
  startAnswer,
} from '../../../src/transports/http1-parser.js';
import { MAX_ANSWER_BYTES, MAX_INTERIM_ANSWERS } from '../../../src/transports/transport.js';

interface Read {
  readonly end: 'complete' | 'closed' | ParseFailure;
  readonly status?: number;
  readonly body?: string;
  readonly headers?: object;
  readonly keepAlive?: boolean;
  readonly surplusBytes?: number;
}

/** Reads answers as a transport does: all parts come into one buffer, which forgets a part when the next one comes. */
function reader() {
  const buffer = Buffer.alloc(2 ** 20);
  const parser = answerParser(headMemo(buffer));
  /** Reads an answer that comes in parts and is followed by FIN. */
  return (parts: readonly Buffer[], method: 'GET' | 'HEAD' = 'GET'): Read => {
    startAnswer(parser, method === 'HEAD');
    const whole = () => ({
      end: 'complete' as const,
      status: parser.status,
      body: answerBody(parser).toString('latin1'),
      headers: { ...answerHeaders(parser) },
      keepAlive: parser.keepAlive,
    });
    for (const [nth, part] of parts.entries()) {
      buffer.fill(nth % 2 === 0 ? 'H' : '\r\n');
      part.copy(buffer);
      const verdict = readAnswer(parser, buffer, part.length);
      if (verdict === 'failed') {
        expect(parser.problem).not.toBe('');
        return { end: parser.failure as ParseFailure };
      }
      if (verdict === 'complete') {
        const rest = parts.slice(nth + 1).reduce((bytes, { length }) => bytes + length, 0);
        return { ...whole(), surplusBytes: part.length - parser.endOffset + rest };
      }
    }
    return endsWithConnection(parser) ? { ...whole(), surplusBytes: 0 } : { end: 'closed' };
  };
}

/** Cuts bytes at offsets. */
function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const at = [0, ...[...new Set(offsets)].sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, nth) => bytes.subarray(at[nth], end));
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const keptOpen = (status: number, body: string, surplusBytes = 0): Read => ({
  end: 'complete',
  status,
  body,
  keepAlive: true,
  surplusBytes,
});
const toBeClosed = (status: number, body: string): Read => ({ ...keptOpen(status, body), keepAlive: false });
const FRAMING: Read = { end: 'framing_error' };
const CLOSED: Read = { end: 'closed' };

const ANSWERS: readonly (readonly [what: string, bytes: string, read: Read])[] = [
  ['with a length', `${OK}content-length: 5\r\n\r\nhello`, keptOpen(200, 'hello')],
  ['with a length of 0', `${OK}content-length: 0\r\n\r\n`, keptOpen(200, '')],
  ['with odd case and blanks', `${OK}CONTENT-Length:\t 0005 \r\n\r\nhello`, keptOpen(200, 'hello')],
  ['without a reason', 'HTTP/1.1 404\r\ncontent-length: 2\r\n\r\nno', keptOpen(404, 'no')],
  ['with an empty reason', 'HTTP/1.1 404 \r\ncontent-length: 2\r\n\r\nno', keptOpen(404, 'no')],
  ['with status 999', 'HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n', keptOpen(999, '')],
  ['204', 'HTTP/1.1 204 No\r\n\r\n', keptOpen(204, '')],
  ['304 with the length of what it stands for', 'HTTP/1.1 304 No\r\ncontent-length: 9\r\n\r\n', keptOpen(304, '')],
  ['to be closed', `${OK}connection: close\r\ncontent-length: 2\r\n\r\n{}`, toBeClosed(200, '{}')],
  ['to be closed, in a list', `${OK}connection: x, Close\r\ncontent-length: 2\r\n\r\n{}`, toBeClosed(200, '{}')],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}', toBeClosed(200, '{}')],
  [
    'HTTP/1.0 to be kept',
    'HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\n{}',
    keptOpen(200, '{}'),
  ],
  ['that ends with its connection', `${OK}\r\nhello`, toBeClosed(200, 'hello')],
  ['that ends with its connection, empty', `${OK}\r\n`, toBeClosed(200, '')],
  ['of another encoding, to the end', `${OK}transfer-encoding: gzip\r\n\r\nhello`, toBeClosed(200, 'hello')],
  ['in chunks', `${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`, keptOpen(200, 'hello')],
  ['in one chunk', `${CHUNKED}A\r\n0123456789\r\n0\r\n\r\n`, keptOpen(200, '0123456789')],
  ['in no chunks', `${CHUNKED}0\r\n\r\n`, keptOpen(200, '')],
  ['in chunks with zeros', `${CHUNKED}0002\r\n{}\r\n000\r\n\r\n`, keptOpen(200, '{}')],
  ['in chunks with extensions', `${CHUNKED}2;a=1;b="c d"\r\n{}\r\n0;last\r\n\r\n`, keptOpen(200, '{}')],
  ['in chunks with trailers', `${CHUNKED}2\r\n{}\r\n0\r\nx-sum: 1\r\nx-two:\r\n\r\n`, keptOpen(200, '{}')],
  [
    'in chunks of an encoding',
    `${OK}transfer-encoding: gzip, Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    keptOpen(200, '{}'),
  ],
  [
    'after interim answers',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: a\r\n\r\n${OK}content-length: 2\r\n\r\n{}`,
    keptOpen(200, '{}'),
  ],
  ['followed by more', `${OK}content-length: 2\r\n\r\n{}HTTP/1.1 201 Evil\r\n`, keptOpen(200, '{}', 19)],
  ['in chunks, followed by more', `${CHUNKED}2\r\n{}\r\n0\r\n\r\nmore`, keptOpen(200, '{}', 4)],

  ['that never came', '', CLOSED],
  ['cut in its status line', 'HTTP/1.1 20', CLOSED],
  ['cut in its headers', `${OK}content-length: 5\r`, CLOSED],
  ['cut in its body', `${OK}content-length: 5\r\n\r\nhell`, CLOSED],
  ['cut after an interim answer', 'HTTP/1.1 100 Continue\r\n\r\n', CLOSED],
  ['cut in a chunk', `${CHUNKED}5\r\nhel`, CLOSED],
  ['cut between chunks', `${CHUNKED}5\r\nhello\r\n`, CLOSED],
  ['cut in the last chunk', `${CHUNKED}5\r\nhello\r\n0\r\n`, CLOSED],

  ['of two lengths', `${OK}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `, FRAMING],
  ['of two equal lengths', `${OK}content-length: 2\r\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['of a list of lengths', `${OK}content-length: 2, 2\r\n\r\n{}`, FRAMING],
  ['of a negative length', `${OK}content-length: -2\r\n\r\n{}`, FRAMING],
  ['of a signed length', `${OK}content-length: +2\r\n\r\n{}`, FRAMING],
  ['of an empty length', `${OK}content-length:\r\n\r\n{}`, FRAMING],
  ['of a length in hexadecimal', `${OK}content-length: 0x2\r\n\r\n{}`, FRAMING],
  ['of a length and chunks', `${OK}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`, FRAMING],
  ['of chunks and a length', `${OK}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['of status 204 with a length', 'HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\n{}', FRAMING],
  ['of status 42', 'HTTP/1.1 42 What\r\n\r\n', FRAMING],
  ['of status 042', 'HTTP/1.1 042 What\r\n\r\n', FRAMING],
  ['of status 2000', 'HTTP/1.1 2000 What\r\n\r\n', FRAMING],
  ['with a CR in its status line', 'HTTP/1.1 200\rOK\r\n\r\n', FRAMING],
  ['without a status', 'HTTP/1.1\r\n\r\n', FRAMING],
  ['of another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', FRAMING],
  ['of HTTP/2', '\0\0\x12\x04\0\0\0\0\0', FRAMING],
  ['of HTTP/2 in letters', 'HTTP/2.0 200 OK\r\n\r\n', FRAMING],
  ['of HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', FRAMING],
  ['of TLS', '\x15\x03\x01\0\x02\x02\x16', FRAMING],
  ['with line ends of one byte', 'HTTP/1.1 200 OK\ncontent-length: 2\n\n{}', FRAMING],
  ['with one line end of one byte', `${OK}x: y\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['with a CR in a header', `${OK}x: a\rb\r\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['with a NUL in a header', `${OK}x: a\0b\r\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['with a header without a colon', `${OK}what\r\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['with a header without a name', `${OK}: what\r\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['with a blank before a colon', `${OK}content-length : 2\r\n\r\n{}`, FRAMING],
  ['with a header over two lines', `${OK}x: a\r\n b\r\ncontent-length: 2\r\n\r\n{}`, FRAMING],
  ['that switches protocols', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', FRAMING],
  ['with a chunk size of letters', `${CHUNKED}xyz\r\n{}\r\n0\r\n\r\n`, FRAMING],
  ['with an empty chunk size', `${CHUNKED}\r\n{}\r\n0\r\n\r\n`, FRAMING],
  ['with a negative chunk size', `${CHUNKED}-2\r\n{}\r\n0\r\n\r\n`, FRAMING],
  ['with a chunk longer than its size', `${CHUNKED}2\r\n{}{}\r\n0\r\n\r\n`, FRAMING],
  ['with a chunk size that ends with LF', `${CHUNKED}2\n{}\r\n0\r\n\r\n`, FRAMING],
  ['with a trailer without a colon', `${CHUNKED}2\r\n{}\r\n0\r\nwhat\r\n\r\n`, FRAMING],
  ['with a body above the limit', `${OK}content-length: ${MAX_ANSWER_BYTES + 1}\r\n\r\n`, { end: 'body_too_large' }],
  ['with a length without end', `${OK}content-length: ${'9'.repeat(400)}\r\n\r\n`, { end: 'body_too_large' }],
  ['with a chunk above the limit', `${CHUNKED}fffffffffffffffff\r\n`, { end: 'body_too_large' }],
];

describe('an HTTP/1.1 answer', () => {
  const read = reader();

  describe.each(ANSWERS)('%s', (_what, text, expected) => {
    const bytes = Buffer.from(text, 'latin1');

    it('at once', () => {
      expect(read([bytes])).toMatchObject(expected);
      // The second time its head may be known.
      expect(read([bytes])).toMatchObject(expected);
    });

    it('cut at every byte', () => {
      for (let at = 1; at < bytes.length; at++) {
        expect(read(cut(bytes, [at])), `cut at ${at}`).toMatchObject(expected);
      }
    });

    it('byte by byte', () => {
      expect(read([...bytes].map((byte) => Buffer.of(byte)))).toMatchObject(expected);
    });

    it('cut anywhere', () => {
      const offsets = fc.array(fc.nat(bytes.length), { maxLength: 8 });
      fc.assert(
        fc.property(offsets, (at) => {
          expect(read(cut(bytes, at))).toMatchObject(expected);
        }),
        { numRuns: 50, seed: 1 },
      );
    });
  });

  it('has its headers when somebody asks', () => {
    const text = `${OK}Server-Timing: a;dur=1\r\nX-Two: 1\r\nx-two:\t2 \r\nX-TWO: 3\r\n__proto__: x\r\ncontent-length: 0\r\n\r\n`;
    const headers = { 'server-timing': 'a;dur=1', 'x-two': ['1', '2', '3'], 'content-length': '0' };
    for (const parts of [cut(Buffer.from(text), []), cut(Buffer.from(text), [30, 60])]) {
      const seen = read(parts).headers;
      expect(seen).toMatchObject(headers);
      expect(Object.hasOwn(seen ?? {}, '__proto__')).toBe(true);
    }
  });

  it.each([
    ['a body of a length', `content-length: 5\r\nx: y\r\n\r\nhello`],
    ['chunks', 'transfer-encoding: chunked\r\nx: y\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['a body to the end of the connection', 'x: y\r\n\r\nhello'],
  ])('has its headers after %s that came later, wherever it is cut', (_body, rest) => {
    const read = reader();
    const bytes = Buffer.from(`HTTP/1.1 100 Continue\r\nx: z\r\n\r\n${OK}${rest}`);
    for (let at = 1; at < bytes.length; at++) {
      expect(read(cut(bytes, [at])), `cut at ${at}`).toMatchObject({ headers: { x: 'y' }, body: 'hello' });
    }
  });

  it('has the headers of the answer and not of an interim one', () => {
    const text = `HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n${OK}x: y\r\ncontent-length: 0\r\n\r\n`;
    expect(read([Buffer.from(text)]).headers).toEqual({ x: 'y', 'content-length': '0' });
  });

  it('is not taken for one with a similar head', () => {
    for (const length of [5, 6, 5, 4, 4, 10, 5]) {
      const body = 'x'.repeat(length);
      const bytes = Buffer.from(`${OK}content-length: ${length}\r\n\r\n${body}`);
      expect(read([bytes])).toMatchObject(keptOpen(200, body));
    }
    expect(read([Buffer.from(`${OK}content-length: 5\r`)])).toEqual(CLOSED);
  });

  it('has headers up to a limit', () => {
    const head = (bytes: number) => {
      const rest = `${OK}x: \r\ncontent-length: 0\r\n\r\n`;
      return Buffer.from(`${OK}x: ${'x'.repeat(bytes - rest.length)}\r\ncontent-length: 0\r\n\r\n`);
    };
    for (const offsets of [[], [1], [MAX_HEAD_BYTES - 1], [100, 5_000, MAX_HEAD_BYTES]]) {
      expect(read(cut(head(MAX_HEAD_BYTES), offsets))).toMatchObject(keptOpen(200, ''));
      expect(read(cut(head(MAX_HEAD_BYTES + 1), offsets))).toEqual({ end: 'header_overflow' });
      expect(read(cut(head(5 * MAX_HEAD_BYTES), offsets))).toEqual({ end: 'header_overflow' });
    }
    for (const long of [`${CHUNKED}2;`, `${CHUNKED}0\r\n`, `${CHUNKED}0`, 'HTTP/1.1 200 ', OK]) {
      const bytes = Buffer.from(`${long}${(long.endsWith('0') ? '0' : 'x').repeat(2 * MAX_HEAD_BYTES)}`);
      expect(read([bytes]), long).toEqual({ end: 'header_overflow' });
      expect(read(cut(bytes, [long.length, 9_000, 17_000])), long).toEqual({ end: 'header_overflow' });
    }
  });

  it('may come after so many interim answers and no more', () => {
    const interim = (count: number) =>
      Buffer.from(`${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(count)}${OK}content-length: 0\r\n\r\n`);
    expect(read([interim(MAX_INTERIM_ANSWERS)])).toMatchObject(keptOpen(200, ''));
    expect(read([interim(MAX_INTERIM_ANSWERS + 1)])).toEqual(FRAMING);
  });

  it('has a body up to a limit, however it is framed', () => {
    const mebibyte = Buffer.alloc(2 ** 20, 'x');
    const megabytes = Array.from({ length: MAX_ANSWER_BYTES / 2 ** 20 }, () => mebibyte);
    expect(read([Buffer.from(`${OK}\r\n`), ...megabytes])).toMatchObject({ end: 'complete' });
    expect(read([Buffer.from(`${OK}\r\n`), ...megabytes, Buffer.of(1)])).toEqual({ end: 'body_too_large' });
    const chunk = [Buffer.from('100000\r\n'), mebibyte, Buffer.from('\r\n')];
    const chunks = megabytes.flatMap(() => chunk);
    expect(read([Buffer.from(CHUNKED), ...chunks, Buffer.from('0\r\n\r\n')])).toMatchObject({ end: 'complete' });
    expect(read([Buffer.from(CHUNKED), ...chunks, Buffer.from('1\r\nx\r\n')])).toEqual({ end: 'body_too_large' });
  });
});

interface Judged {
  readonly ok: boolean;
  readonly status?: number;
  readonly body?: string;
}

/** What Node's own client makes of the bytes, followed by FIN. */
function judge(bytes: Buffer, method: 'GET' | 'HEAD'): Promise<Judged> {
  return new Promise((resolve) => {
    const stream = new Duplex({
      read() {},
      write(_chunk, _encoding, written) {
        written();
        stream.push(bytes);
        stream.push(null);
      },
    });
    let judged: Judged = { ok: false };
    const sent = request({ createConnection: () => stream, host: 'x', method, maxHeaderSize: MAX_HEAD_BYTES });
    sent
      .on('response', (response) => {
        let body = '';
        response
          .setEncoding('latin1')
          .on('data', (text) => {
            body += text;
          })
          .on('error', () => {})
          .on('end', () => {
            judged = { ok: response.complete, status: response.statusCode as number, body };
          });
      })
      .on('upgrade', (_response, socket) => socket.destroy())
      .on('error', () => {})
      .on('close', () => setImmediate(() => resolve(judged)))
      .end();
  });
}

/** Where this parser refuses what Node's takes, on purpose. */
const STRICTER: readonly (readonly [why: string, applies: (text: string) => boolean])[] = [
  ['another version, or empty lines before it', (text) => !/^HTTP\/1\.[01] /.test(text)],
  ['another version after an interim answer', (text) => /\r\n\r\n[\r\n]*(\r\n|HTTP\/(?!1\.[01] ))/.test(text)],
  ['a status below 100', (text) => /HTTP\/1\.[01] 0\d\d/.test(text)],
  ['protocols switched unasked', (text) => /HTTP\/1\.[01] 101/.test(text)],
  ['bytes after an answer that has no body', (text) => /HTTP\/1\.[01] (204|304)[\s\S]*?\r\n\r\n[\s\S]/.test(text)],
  [
    'a length on an answer that has no body',
    (text) => /HTTP\/1\.[01] 204[\s\S]*\r\ncontent-length:[ \t]*0*[1-9]/i.test(text),
  ],
];

/** Where Node's parser refuses what this one takes, on purpose. */
const KINDER: readonly (readonly [why: string, applies: (text: string) => boolean])[] = [
  ['an interim answer of HTTP/1.0', (text) => /HTTP\/1\.0 1\d\d/.test(text)],
  [
    'framing headers on an interim answer',
    (text) => /HTTP\/1\.[01] 1\d\d([\s\S](?!\r\n\r\n))*(connection|content-length|transfer-encoding):/i.test(text),
  ],
  ['a chunk extension of any text', (text) => /\r\n[0-9a-f]+;/i.test(text)],
  ['blanks after a length', (text) => /content-length:[ \t]*\d+[ \t]+\r/i.test(text)],
  [
    'framing headers among the trailers',
    (text) => /\r\n0+\r\n[\s\S]*(content-length|transfer-encoding|connection)/i.test(text),
  ],
];

const word = fc.constantFrom('x', 'x-a', 'Server', 'Date', 'etag', 'content-type', 'Content-Encoding', 'keep-alive');
const value = fc.oneof(
  fc.constantFrom('', '1', 'close', 'gzip', 'timeout=5', 'a, b', '  spaced\t', 'caf\xe9', '"quoted; text"'),
  fc.string({ maxLength: 12 }),
);
const framing = fc.oneof(
  { weight: 6, arbitrary: fc.constant('right' as const) },
  { weight: 1, arbitrary: fc.constantFrom('wrong' as const, 'none' as const, 'both' as const) },
);
const oddHeader = fc.constantFrom(
  'content-length: 5',
  'Content-Length: -1',
  'content-length: 1e1',
  'transfer-encoding: chunked',
  'Transfer-Encoding: identity',
  'transfer-encoding: chunked, gzip',
  'transfer-encoding: gzip, chunked',
  'connection: close',
  'Connection: keep-alive, Upgrade',
  'upgrade: h2c',
  'content-length : 3',
  ' folded',
  'no colon',
);

/** Answers that are right, odd or broken. */
const answers = fc
  .record({
    interim: fc.array(fc.constantFrom('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\n'), {
      maxLength: 3,
    }),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
    status: fc.oneof(fc.constantFrom(200, 200, 201, 204, 304, 404, 503, 999), fc.integer({ min: 100, max: 999 })),
    reason: fc.constantFrom(' OK', ' ', '', ' Not  so OK', ' \xe9'),
    headers: fc.array(fc.tuple(word, value), { maxLength: 5 }),
    odd: fc.option(oddHeader, { freq: 4, nil: undefined }),
    connection: fc.option(fc.constantFrom('close', 'keep-alive', 'Close', 'x, close'), { nil: undefined }),
    body: fc.string({ unit: fc.constantFrom('{', '}', '\r', '\n', '0', 'a', '\xff', 'H'), maxLength: 40 }),
    chunked: fc.boolean(),
    chunkBytes: fc.integer({ min: 1, max: 20 }),
    extension: fc.constantFrom('', '', '', ';a=1', ';a="b c"', ';a'),
    trailer: fc.constantFrom('', '', 'x-sum: 1\r\n', 'x:\r\ny: z\r\n', 'broken\r\n'),
    framing,
    surplus: fc.constantFrom('', '', '', '', 'HTTP/1.1 200 OK\r\n\r\n', 'x', '\r\n'),
  })
  .map((parts) => {
    const { body, chunked, framing: frame } = parts;
    const lines = parts.headers.map(([name, text]) => `${name}: ${text}`);
    const length = frame === 'wrong' ? body.length + 3 : body.length;
    const bodiless = parts.status < 200 || parts.status === 204 || parts.status === 304;
    if (frame !== 'none' && !bodiless) {
      if (chunked || frame === 'both') {
        lines.push('Transfer-Encoding: chunked');
      }
      if (!chunked || frame === 'both') {
        lines.splice(lines.length / 2, 0, `Content-Length: ${length}`);
      }
    }
    if (parts.connection) {
      lines.push(`Connection: ${parts.connection}`);
    }
    if (parts.odd) {
      lines.splice(lines.length / 2, 0, parts.odd);
    }
    const head = [`${parts.version} ${parts.status}${parts.reason}`, ...lines, '', ''].join('\r\n');
    const pieces = body.match(new RegExp(`[\\s\\S]{1,${parts.chunkBytes}}`, 'g')) ?? [];
    const inChunks = pieces.map((piece) => `${piece.length.toString(16)}${parts.extension}\r\n${piece}\r\n`).join('');
    const carried = chunked ? `${inChunks}0\r\n${parts.trailer}\r\n` : body;
    return `${parts.interim.join('')}${head}${bodiless ? '' : carried}${parts.surplus}`;
  });

const methods = fc.constantFrom('GET', 'GET', 'GET', 'HEAD');
const damage = fc.option(
  fc.record({
    kind: fc.constantFrom('flip', 'drop', 'insert', 'end'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(0x0d, 0x0a, 0x20, 0x3a, 0x30, 0x39)),
  }),
  { freq: 2, nil: undefined },
);

/** The same bytes with one thing wrong. */
function damaged(text: string, wrong: { kind: string; at: number; byte: number } | undefined): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (wrong === undefined || bytes.length === 0) {
    return bytes;
  }
  const at = Math.min(bytes.length - 1, Math.floor(wrong.at * bytes.length));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
  switch (wrong.kind) {
    case 'flip':
      return Buffer.concat([before, Buffer.of(wrong.byte), after]);
    case 'drop':
      return Buffer.concat([before, after]);
    case 'insert':
      return Buffer.concat([before, Buffer.of(wrong.byte), bytes.subarray(at)]);
    default:
      return Buffer.from(before);
  }
}

describe('any bytes', () => {
  it('are read as the parser of Node reads them', async () => {
    const read = reader();
    const counts = { bothOk: 0, bothNot: 0, stricter: 0, kinder: 0 };
    await fc.assert(
      fc.asyncProperty(
        answers,
        damage,
        fc.array(fc.nat(200), { maxLength: 5 }),
        methods,
        async (text, wrong, offsets, method) => {
          const bytes = damaged(text, wrong);
          const node = await judge(bytes, method);
          const seen = bytes.toString('latin1');
          for (const parts of [
            [bytes],
            cut(
              bytes,
              offsets.filter((at) => at < bytes.length),
            ),
          ]) {
            const ours = read(parts, method);
            const ok = ours.end === 'complete';
            if (ok && node.ok) {
              expect({ status: ours.status, body: ours.body }).toEqual({ status: node.status, body: node.body });
              counts.bothOk++;
            } else if (ok === node.ok) {
              counts.bothNot++;
            } else {
              const reasons = ok ? KINDER : STRICTER;
              const why = reasons.find(([, applies]) => applies(seen));
              expect(
                why,
                `${ok ? 'only ours takes' : `only Node takes (${ours.end})`} ${JSON.stringify(seen)}`,
              ).toBeDefined();
              counts[ok ? 'kinder' : 'stricter']++;
            }
          }
        },
      ),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 5_000), seed: Number(process.env.FUZZ_SEED ?? 1) },
    );
    // Neither side may have refused everything.
    expect(counts.bothOk).toBeGreaterThan(1_000);
    expect(counts.bothNot).toBeGreaterThan(1_000);
    expect(counts.stricter + counts.kinder).toBeLessThan(counts.bothOk / 4);
  });

  it('never stop the parser', () => {
    const read = reader();
    const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), fc.constantFrom('', OK, CHUNKED), (parts, start) => {
        const { end } = read([Buffer.from(start), ...parts].filter(({ length }) => length > 0));
        expect(['complete', 'closed', 'framing_error', 'header_overflow', 'body_too_large']).toContain(end);
      }),
      { numRuns: 5_000, seed: 2 },
    );
  });
});
