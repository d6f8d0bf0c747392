import type { WireResponse } from '../protocols/protocol.js';
import { MAX_ANSWER_BYTES, MAX_INTERIM_ANSWERS } from './transport.js';

/** A header block, or the trailers of a chunked body, may be this long: the limit of Node's own parser. */
export const MAX_HEAD_BYTES = 16_384;

/** What the bytes so far amount to: the answer needs more of them, is complete, or can never be one. */
export type Verdict = 'more' | 'complete' | 'failed';

/** Why bytes can never be an answer. */
export type ParseFailure = 'framing_error' | 'header_overflow' | 'body_too_large';

/**
 * The last whole head that was read, and what it said: servers send the same head again and again, and comparing words
 * takes a tenth of the time of reading bytes. Shared by all parsers of a transport.
 */
export interface HeadMemo {
  /** What the transport reads into, and the same bytes as words: only heads at its start are compared. */
  readonly buffer: Buffer;
  readonly words: Int32Array;
  readonly copy: Buffer;
  readonly copyWords: Int32Array;
  /** 0 when there is none. */
  headBytes: number;
  status: number;
  minorVersion: number;
  contentLength: number;
  transferEncoding: AnswerParser['transferEncoding'];
  closeAsked: boolean;
  keepAliveAsked: boolean;
}

/**
 * Where the reading of one answer stands. One object per connection, used again for each answer by `startAnswer`: all
 * fields are plain and always there, so that reading an answer makes no object.
 */
export interface AnswerParser {
  readonly memo: HeadMemo;
  /** The request was a HEAD: whatever the headers say, no body follows them. */
  toHead: boolean;
  /** What comes next: one of the states below. */
  state: number;
  /** Status of the answer, 0 until its head was read; interim answers do not show. */
  status: number;
  /** Whether the connection can carry another request after this answer. */
  keepAlive: boolean;
  /** Set with the verdict `failed`, with one sentence. */
  failure: ParseFailure | undefined;
  problem: string;
  /** After the verdict `complete`: where in the bytes that were given last the answer ends. */
  endOffset: number;
  /** Bytes of the body so far, without the framing of chunks. */
  bodyBytes: number;

  /** The head, while its bytes last, and the offset from its start of the first line that was not read. */
  headBytes: Buffer;
  headStart: number;
  headEnd: number;
  lineOffset: number;
  /** A head that comes in parts is put together here. */
  held: Buffer;
  heldBytes: number;
  /** A copy of a head that came before the end of its body. */
  kept: Buffer;
  interimAnswers: number;
  /** The status of the head that is being read. */
  headStatus: number;
  minorVersion: number;
  /** -1 when there is none. */
  contentLength: number;
  transferEncoding: 'none' | 'chunked' | 'other';
  closeAsked: boolean;
  keepAliveAsked: boolean;

  /** The body so far, in the bytes given last or put together in `assembled`. */
  body: Buffer;
  bodyStart: number;
  bodyEnd: number;
  assembled: Buffer;
  /** Bytes that are missing of the body or of a chunk. */
  missingBytes: number;
  /** Length of what surrounds chunks: the digits and extensions of one, or the trailers. */
  overheadBytes: number;
}

const HEAD = 0;
const BODY_OF_LENGTH = 1;
const BODY_TO_END = 2;
const COMPLETE = 3;
const CHUNK_SIZE = 4;
const CHUNK_EXTENSION = 5;
const CHUNK_SIZE_LF = 6;
const CHUNK_DATA = 7;
const CHUNK_DATA_CR = 8;
const CHUNK_DATA_LF = 9;
const TRAILER_START = 10;
const TRAILER_NAME = 11;
const TRAILER_VALUE = 12;
const TRAILER_LF = 13;
const LAST_LF = 14;
const FAILED = 15;

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** Returned where an offset would be. */
const INCOMPLETE = -1;
const BROKEN = -2;

const NOTHING = Buffer.alloc(0);
/** Heads up to this size are remembered. */
const MEMO_BYTES = 1_024;
/** A buffer for bodies is kept up to this size. */
const KEPT_BODY_BYTES = 2 ** 20;

/** 1 for the bytes that a header name may have (RFC 9110, 5.6.2). */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  TOKEN[char.charCodeAt(0)] = 1;
}

const HTTP_1 = Buffer.from('HTTP/1.');
const CONTENT_LENGTH = Buffer.from('content-length');
const TRANSFER_ENCODING = Buffer.from('transfer-encoding');
const CONNECTION = Buffer.from('connection');
const CHUNKED = Buffer.from('chunked');
const CLOSE = Buffer.from('close');
const KEEP_ALIVE = Buffer.from('keep-alive');

/** A memo for heads that are read into `buffer`. */
export function headMemo(buffer: Buffer): HeadMemo {
  const copy = Buffer.allocUnsafeSlow(MEMO_BYTES);
  return {
    buffer,
    words: wordsOf(buffer),
    copy,
    copyWords: wordsOf(copy),
    headBytes: 0,
    status: 0,
    minorVersion: 1,
    contentLength: -1,
    transferEncoding: 'none',
    closeAsked: false,
    keepAliveAsked: false,
  };
}

/** The bytes four by four. Where they do not start at a word there are none, and nothing is compared. */
function wordsOf({ buffer, byteOffset, length }: Buffer): Int32Array {
  return byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, length >> 2) : new Int32Array(0);
}

/** A parser that waits for the first answer of a connection. */
export function answerParser(memo: HeadMemo): AnswerParser {
  return {
    memo,
    toHead: false,
    state: HEAD,
    status: 0,
    keepAlive: false,
    failure: undefined,
    problem: '',
    endOffset: 0,
    bodyBytes: 0,
    headBytes: NOTHING,
    headStart: 0,
    headEnd: 0,
    lineOffset: 0,
    held: NOTHING,
    heldBytes: 0,
    kept: NOTHING,
    interimAnswers: 0,
    headStatus: 0,
    minorVersion: 1,
    contentLength: -1,
    transferEncoding: 'none',
    closeAsked: false,
    keepAliveAsked: false,
    body: NOTHING,
    bodyStart: 0,
    bodyEnd: 0,
    assembled: NOTHING,
    missingBytes: 0,
    overheadBytes: 0,
  };
}

/** Forgets the last answer; the next is one to a HEAD, or to any other request. */
export function startAnswer(parser: AnswerParser, toHead = false): void {
  parser.toHead = toHead;
  parser.status = 0;
  parser.failure = undefined;
  parser.bodyBytes = 0;
  parser.interimAnswers = 0;
  parser.body = NOTHING;
  parser.bodyStart = 0;
  parser.bodyEnd = 0;
  if (parser.assembled.length > KEPT_BODY_BYTES) {
    parser.assembled = NOTHING;
  }
  startHead(parser);
}

function startHead(parser: AnswerParser): void {
  parser.state = HEAD;
  parser.heldBytes = 0;
  parser.lineOffset = 0;
  parser.contentLength = -1;
  parser.transferEncoding = 'none';
  parser.closeAsked = false;
  parser.keepAliveAsked = false;
}

/**
 * Reads the first `length` bytes of `bytes` as the next part of an answer. The bytes may be
 * overwritten after the call, but after the verdict `complete` `answerBody` and `answerHeaders` look at them.
 */
export function readAnswer(parser: AnswerParser, bytes: Buffer, length: number): Verdict {
  const verdict = readPart(parser, bytes, length);
  if (verdict === 'more' && parser.state !== HEAD && parser.headBytes === bytes) {
    keepHead(parser);
  }
  return verdict;
}

function readPart(parser: AnswerParser, bytes: Buffer, length: number): Verdict {
  let at = 0;
  while (parser.state === HEAD) {
    at = readHead(parser, bytes, at, length);
    if (at < 0) {
      return at === BROKEN ? 'failed' : 'more';
    }
  }
  switch (parser.state) {
    case COMPLETE:
      if (at < length && parser.contentLength !== 0 && !parser.toHead) {
        fail(parser, 'framing_error', `An answer with status ${parser.status} has a body`);
        return 'failed';
      }
      parser.endOffset = at;
      return 'complete';
    case BODY_OF_LENGTH: {
      const present = length - at;
      if (present >= parser.missingBytes) {
        const end = at + parser.missingBytes;
        takeBody(parser, bytes, at, end);
        parser.state = COMPLETE;
        parser.endOffset = end;
        return 'complete';
      }
      parser.missingBytes -= present;
      takeBody(parser, bytes, at, length);
      holdBody(parser);
      return 'more';
    }
    case BODY_TO_END:
      if (!takeBody(parser, bytes, at, length)) {
        return 'failed';
      }
      holdBody(parser);
      return 'more';
    case FAILED:
      return 'failed';
    default:
      return readChunks(parser, bytes, at, length);
  }
}

/** Whether the body has no other end than that of its connection: complete when the peer closes that in good order. */
export function endsWithConnection(parser: AnswerParser): boolean {
  return parser.state === BODY_TO_END;
}

/** The body of a complete answer, as it came: content encodings are left alone. Good as long as the bytes it was read from. */
export function answerBody(parser: AnswerParser): Buffer {
  return parser.body.subarray(parser.bodyStart, parser.bodyEnd);
}

/** The headers of a complete answer; lower-case names, values as latin1. Good as long as the bytes they were read from. */
export function answerHeaders(parser: AnswerParser): WireResponse['headers'] {
  const headers: Record<string, string | string[]> = Object.create(null);
  const text = parser.headBytes.toString('latin1', parser.headStart, parser.headEnd - 4);
  for (const line of text.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    const known = headers[name];
    headers[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
  }
  return headers;
}

function fail(parser: AnswerParser, failure: ParseFailure, problem: string): typeof BROKEN {
  parser.state = FAILED;
  parser.failure = failure;
  parser.problem = problem;
  return BROKEN;
}

/** Reads the head from `from`; returns where it ends, with the state that follows it, or BROKEN or INCOMPLETE. */
function readHead(parser: AnswerParser, bytes: Buffer, from: number, to: number): number {
  const heldBefore = parser.heldBytes;
  let end: number;
  if (heldBefore === 0) {
    parser.headBytes = bytes;
    parser.headStart = from;
    end = recall(parser, bytes, from, to);
    if (end === INCOMPLETE) {
      end = readLines(parser, bytes, from, to);
      remember(parser, bytes, from, end);
    }
  } else {
    // One byte above the limit is enough to see that it is passed.
    const taken = Math.min(to - from, MAX_HEAD_BYTES + 1 - heldBefore);
    bytes.copy(parser.held, heldBefore, from, from + taken);
    parser.heldBytes = heldBefore + taken;
    parser.headBytes = parser.held;
    parser.headStart = 0;
    end = readLines(parser, parser.held, 0, parser.heldBytes);
  }
  if (end === BROKEN) {
    return BROKEN;
  }
  const present = end === INCOMPLETE ? heldBefore + to - from : end - parser.headStart;
  if (present > MAX_HEAD_BYTES) {
    return fail(parser, 'header_overflow', `The headers are longer than ${MAX_HEAD_BYTES} bytes`);
  }
  if (end === INCOMPLETE) {
    if (heldBefore === 0 && to > from) {
      if (parser.held.length === 0) {
        parser.held = Buffer.allocUnsafe(MAX_HEAD_BYTES + 1);
      }
      bytes.copy(parser.held, 0, from, to);
      parser.heldBytes = to - from;
    }
    return INCOMPLETE;
  }
  parser.headEnd = end;
  if (!decideBody(parser)) {
    return BROKEN;
  }
  return heldBefore === 0 ? end : from + end - heldBefore;
}

/** Takes a copy of a head whose bytes go before its body has come: `answerHeaders` is asked at the end. */
function keepHead(parser: AnswerParser): void {
  const { headBytes, headStart, headEnd } = parser;
  const size = headEnd - headStart;
  if (parser.kept.length < size) {
    parser.kept = Buffer.allocUnsafeSlow(size);
  }
  headBytes.copy(parser.kept, 0, headStart, headEnd);
  parser.headBytes = parser.kept;
  parser.headStart = 0;
  parser.headEnd = size;
}

/** Takes over what the last head said when this one is the same; returns where it ends, or INCOMPLETE. */
function recall(parser: AnswerParser, bytes: Buffer, from: number, to: number): number {
  const { memo } = parser;
  const { words, copyWords, headBytes } = memo;
  if (from !== 0 || headBytes === 0 || to < headBytes || bytes !== memo.buffer) {
    return INCOMPLETE;
  }
  const wholeWords = headBytes >> 2;
  for (let nth = 0; nth < wholeWords; nth++) {
    if (words[nth] !== copyWords[nth]) {
      return INCOMPLETE;
    }
  }
  for (let nth = wholeWords << 2; nth < headBytes; nth++) {
    if (bytes[nth] !== memo.copy[nth]) {
      return INCOMPLETE;
    }
  }
  parser.headStatus = memo.status;
  parser.minorVersion = memo.minorVersion;
  parser.contentLength = memo.contentLength;
  parser.transferEncoding = memo.transferEncoding;
  parser.closeAsked = memo.closeAsked;
  parser.keepAliveAsked = memo.keepAliveAsked;
  return headBytes;
}

function remember(parser: AnswerParser, bytes: Buffer, from: number, end: number): void {
  const { memo } = parser;
  if (from !== 0 || end <= 0 || end > MEMO_BYTES || memo.words.length === 0 || bytes !== memo.buffer) {
    return;
  }
  bytes.copy(memo.copy, 0, 0, end);
  memo.headBytes = end;
  memo.status = parser.headStatus;
  memo.minorVersion = parser.minorVersion;
  memo.contentLength = parser.contentLength;
  memo.transferEncoding = parser.transferEncoding;
  memo.closeAsked = parser.closeAsked;
  memo.keepAliveAsked = parser.keepAliveAsked;
}

/** Reads whole lines; returns the offset after the empty one, or INCOMPLETE or BROKEN. */
function readLines(parser: AnswerParser, bytes: Buffer, from: number, to: number): number {
  let at = from + parser.lineOffset;
  if (at === from) {
    at = readStatusLine(parser, bytes, from, to);
    if (at < 0) {
      return at;
    }
  }
  for (;;) {
    const line = at;
    parser.lineOffset = line - from;
    while (at < to && TOKEN[bytes[at] as number] === 1) {
      at++;
    }
    if (at >= to) {
      return INCOMPLETE;
    }
    const colon = at;
    // A line that continues the one before it (obsolete since 2014) is refused, as Node's parser does.
    if (bytes[at] !== COLON || at === line) {
      if (at === line && bytes[at] === CR) {
        if (at + 1 >= to) {
          return INCOMPLETE;
        }
        return bytes[at + 1] === LF ? at + 2 : fail(parser, 'framing_error', 'A CR in the headers has no LF');
      }
      return fail(parser, 'framing_error', 'A header line has no name');
    }
    at++;
    let byte = 0;
    while (at < to) {
      byte = bytes[at] as number;
      if ((byte < SPACE && byte !== TAB) || byte === 0x7f) {
        break;
      }
      at++;
    }
    if (at >= to || (byte === CR && at + 1 >= to)) {
      return INCOMPLETE;
    }
    if (byte !== CR || bytes[at + 1] !== LF) {
      return fail(parser, 'framing_error', 'A header has a control character');
    }
    const nameBytes = colon - line;
    if ((nameBytes === 14 || nameBytes === 17 || nameBytes === 10) && !readHeader(parser, bytes, line, colon, at)) {
      return BROKEN;
    }
    at += 2;
  }
}

/** Reads `HTTP/1.x NNN reason`; returns where the next line starts, or INCOMPLETE or BROKEN. */
function readStatusLine(parser: AnswerParser, bytes: Buffer, from: number, to: number): number {
  // Byte by byte, because what is no HTTP may never have a line end.
  const prefix = Math.min(HTTP_1.length, to - from);
  for (let nth = 0; nth < prefix; nth++) {
    if (bytes[from + nth] !== HTTP_1[nth]) {
      return fail(parser, 'framing_error', 'The answer is not HTTP/1.1');
    }
  }
  let at = from + 7;
  if (at >= to) {
    return INCOMPLETE;
  }
  const minor = (bytes[at] as number) - DIGIT_0;
  if (minor !== 1 && minor !== 0) {
    return fail(parser, 'framing_error', 'The answer is not HTTP/1.1');
  }
  while (at < to && bytes[at] !== CR && bytes[at] !== LF && at - from < MAX_HEAD_BYTES) {
    at++;
  }
  if (at >= to || at - from >= MAX_HEAD_BYTES || (bytes[at] === CR && at + 1 >= to)) {
    return INCOMPLETE;
  }
  // `HTTP/1.1 200` is the shortest: the reason and the space before it may be missing.
  const status = at >= from + 12 ? statusAt(bytes, from + 9) : 0;
  const spaced = bytes[from + 8] === SPACE && (at === from + 12 || bytes[from + 12] === SPACE);
  if (status < 100 || !spaced || bytes[at] !== CR || bytes[at + 1] !== LF) {
    return fail(parser, 'framing_error', 'The status line is broken');
  }
  parser.minorVersion = minor;
  parser.headStatus = status;
  return at + 2;
}

/** A number of three digits, 0 where there is none. */
function statusAt(bytes: Buffer, at: number): number {
  let status = 0;
  for (let nth = 0; nth < 3; nth++) {
    const digit = (bytes[at + nth] as number) - DIGIT_0;
    if (digit < 0 || digit > 9) {
      return 0;
    }
    status = status * 10 + digit;
  }
  return status;
}

/** Takes note of a header that decides about body or connection; false when it is broken. */
function readHeader(parser: AnswerParser, bytes: Buffer, line: number, colon: number, lineEnd: number): boolean {
  let start = colon + 1;
  let end = lineEnd;
  while (start < end && isBlank(bytes[start] as number)) {
    start++;
  }
  while (end > start && isBlank(bytes[end - 1] as number)) {
    end--;
  }
  if (equals(bytes, line, colon, CONTENT_LENGTH)) {
    return readContentLength(parser, bytes, start, end);
  }
  if (equals(bytes, line, colon, TRANSFER_ENCODING)) {
    readTransferEncoding(parser, bytes, start, end);
  } else if (equals(bytes, line, colon, CONNECTION)) {
    readConnection(parser, bytes, start, end);
  }
  return true;
}

function readContentLength(parser: AnswerParser, bytes: Buffer, start: number, end: number): boolean {
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < DIGIT_0 || byte > DIGIT_9) {
      length = -1;
      break;
    }
    // Grows to a large float at most, which is too large in any case.
    length = length * 10 + byte - DIGIT_0;
  }
  if (start === end || length < 0) {
    fail(parser, 'framing_error', 'The content-length is no number');
    return false;
  }
  if (parser.contentLength >= 0) {
    fail(parser, 'framing_error', 'The answer has two content-lengths');
    return false;
  }
  parser.contentLength = length;
  return true;
}

function readTransferEncoding(parser: AnswerParser, bytes: Buffer, start: number, end: number): void {
  // Only a last coding of `chunked` says where the body ends (RFC 9112, 6.3).
  const chunked =
    equals(bytes, start, end, CHUNKED) || /(^|,)[ \t]*chunked$/i.test(bytes.toString('latin1', start, end));
  parser.transferEncoding = chunked ? 'chunked' : 'other';
}

function readConnection(parser: AnswerParser, bytes: Buffer, start: number, end: number): void {
  if (equals(bytes, start, end, KEEP_ALIVE)) {
    parser.keepAliveAsked = true;
  } else if (equals(bytes, start, end, CLOSE)) {
    parser.closeAsked = true;
  } else {
    const options = bytes
      .toString('latin1', start, end)
      .toLowerCase()
      .split(/[ \t]*,[ \t]*/);
    parser.closeAsked ||= options.includes('close');
    parser.keepAliveAsked ||= options.includes('keep-alive');
  }
}

/** Chooses the state that follows a head; false when head and body cannot go together. */
function decideBody(parser: AnswerParser): boolean {
  const { headStatus: status, contentLength, transferEncoding } = parser;
  if (status < 200) {
    return nextHead(parser, status);
  }
  parser.status = status;
  parser.keepAlive = !parser.closeAsked && (parser.minorVersion === 1 || parser.keepAliveAsked);
  if (transferEncoding !== 'none' && contentLength >= 0) {
    // Two readers could see two different answers.
    fail(parser, 'framing_error', 'The answer has a content-length and a transfer-encoding');
    return false;
  }
  if (parser.toHead) {
    parser.state = COMPLETE;
  } else if (status === 204 || status === 304) {
    if (status === 204 && contentLength > 0) {
      fail(parser, 'framing_error', 'An answer with status 204 has a body');
      return false;
    }
    parser.state = COMPLETE;
  } else if (transferEncoding === 'chunked') {
    // HTTP/1.0 has no chunks: who sends them there cannot be trusted with another request.
    parser.keepAlive &&= parser.minorVersion === 1;
    parser.missingBytes = 0;
    parser.overheadBytes = 0;
    parser.state = CHUNK_SIZE;
  } else if (transferEncoding === 'none' && contentLength >= 0) {
    if (contentLength > MAX_ANSWER_BYTES) {
      fail(parser, 'body_too_large', `The body is longer than ${MAX_ANSWER_BYTES} bytes`);
      return false;
    }
    parser.missingBytes = contentLength;
    parser.state = contentLength === 0 ? COMPLETE : BODY_OF_LENGTH;
  } else {
    parser.keepAlive = false;
    parser.state = BODY_TO_END;
  }
  return true;
}

/** After an interim answer another head follows; false for one that nobody asked for, and for a flood. */
function nextHead(parser: AnswerParser, status: number): boolean {
  if (status === 101) {
    fail(parser, 'framing_error', 'The server switched protocols unasked');
    return false;
  }
  if (++parser.interimAnswers > MAX_INTERIM_ANSWERS) {
    fail(parser, 'framing_error', `More than ${MAX_INTERIM_ANSWERS} interim answers`);
    return false;
  }
  startHead(parser);
  return true;
}

function readChunks(parser: AnswerParser, bytes: Buffer, from: number, to: number): Verdict {
  let at = from;
  while (at < to) {
    if (parser.state === CHUNK_DATA) {
      const end = Math.min(to, at + parser.missingBytes);
      if (!takeBody(parser, bytes, at, end)) {
        return 'failed';
      }
      parser.missingBytes -= end - at;
      at = end;
      if (parser.missingBytes === 0) {
        parser.state = CHUNK_DATA_CR;
      }
      continue;
    }
    if (!readChunkByte(parser, bytes[at++] as number)) {
      return 'failed';
    }
    if (parser.state === COMPLETE) {
      parser.endOffset = at;
      return 'complete';
    }
  }
  holdBody(parser);
  return 'more';
}

/** Takes one byte of what is around the data of chunks; false when it cannot stand there. */
function readChunkByte(parser: AnswerParser, byte: number): boolean {
  if (++parser.overheadBytes > MAX_HEAD_BYTES) {
    fail(parser, 'header_overflow', `Chunk extensions or trailers are longer than ${MAX_HEAD_BYTES} bytes`);
    return false;
  }
  switch (parser.state) {
    case CHUNK_SIZE:
      return readChunkSize(parser, byte);
    case CHUNK_EXTENSION:
      parser.state = byte === CR ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
      return byte === CR || isText(byte) || broken(parser, 'A chunk extension has a control character');
    case CHUNK_SIZE_LF:
      parser.overheadBytes = 0;
      parser.state = parser.missingBytes === 0 ? TRAILER_START : CHUNK_DATA;
      return byte === LF || broken(parser, 'A chunk size has no line end');
    case CHUNK_DATA_CR:
      parser.state = CHUNK_DATA_LF;
      return byte === CR || broken(parser, 'A chunk is longer than its size');
    case CHUNK_DATA_LF:
      parser.overheadBytes = 0;
      parser.state = CHUNK_SIZE;
      return byte === LF || broken(parser, 'A chunk is longer than its size');
    case TRAILER_START:
      parser.state = byte === CR ? LAST_LF : TRAILER_NAME;
      return byte === CR || TOKEN[byte] === 1 || broken(parser, 'A trailer line has no name');
    case TRAILER_NAME:
      parser.state = byte === COLON ? TRAILER_VALUE : TRAILER_NAME;
      return byte === COLON || TOKEN[byte] === 1 || broken(parser, 'A trailer line has no name');
    case TRAILER_VALUE:
      parser.state = byte === CR ? TRAILER_LF : TRAILER_VALUE;
      return byte === CR || isText(byte) || broken(parser, 'A trailer has a control character');
    case TRAILER_LF:
      parser.state = TRAILER_START;
      return byte === LF || broken(parser, 'A CR in the trailers has no LF');
    default:
      parser.state = COMPLETE;
      return byte === LF || broken(parser, 'A CR in the trailers has no LF');
  }
}

function readChunkSize(parser: AnswerParser, byte: number): boolean {
  const digit = hexDigit(byte);
  if (digit >= 0) {
    parser.missingBytes = parser.missingBytes * 16 + digit;
    if (parser.missingBytes > MAX_ANSWER_BYTES) {
      fail(parser, 'body_too_large', `The body is longer than ${MAX_ANSWER_BYTES} bytes`);
      return false;
    }
    return true;
  }
  parser.state = byte === CR ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
  const sized = parser.overheadBytes > 1;
  return (sized && (byte === CR || byte === SEMICOLON)) || broken(parser, 'A chunk size is no number');
}

function broken(parser: AnswerParser, problem: string): false {
  fail(parser, 'framing_error', problem);
  return false;
}

/** Takes bytes of the body as they lie; false when the body grew too large. */
function takeBody(parser: AnswerParser, bytes: Buffer, from: number, to: number): boolean {
  const before = parser.bodyBytes;
  const total = before + to - from;
  if (total > MAX_ANSWER_BYTES) {
    fail(parser, 'body_too_large', `The body is longer than ${MAX_ANSWER_BYTES} bytes`);
    return false;
  }
  if (before === 0) {
    parser.body = bytes;
    parser.bodyStart = from;
    parser.bodyEnd = to;
  } else {
    holdBody(parser);
    reserveBody(parser, total);
    bytes.copy(parser.assembled, before, from, to);
    parser.body = parser.assembled;
    parser.bodyEnd = total;
  }
  parser.bodyBytes = total;
  return true;
}

/** Copies what is there of the body, since the bytes it lies in do not last. */
function holdBody(parser: AnswerParser): void {
  if (parser.bodyBytes > 0 && parser.body !== parser.assembled) {
    const { body, bodyStart, bodyEnd } = parser;
    reserveBody(parser, parser.bodyBytes);
    body.copy(parser.assembled, 0, bodyStart, bodyEnd);
    parser.body = parser.assembled;
    parser.bodyStart = 0;
    parser.bodyEnd = parser.bodyBytes;
  }
}

/** Makes room for so many bytes of body: grows with what came, not with what the server promised. */
function reserveBody(parser: AnswerParser, bytes: number): void {
  const { assembled, bodyBytes } = parser;
  if (assembled.length >= bytes) {
    return;
  }
  const roomBytes = Math.min(MAX_ANSWER_BYTES, Math.max(bytes, 2 * assembled.length, 4_096));
  const larger = Buffer.allocUnsafeSlow(roomBytes);
  if (parser.body === assembled) {
    assembled.copy(larger, 0, 0, bodyBytes);
    parser.body = larger;
  }
  parser.assembled = larger;
}

/** Whether bytes are a word, given in lower case, in any case. */
function equals(bytes: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start !== word.length) {
    return false;
  }
  for (let nth = 0; nth < word.length; nth++) {
    if (((bytes[start + nth] as number) | 0x20) !== word[nth]) {
      return false;
    }
  }
  return true;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** Whether a byte may stand in the value of a header: no control character but the tab. */
function isText(byte: number): boolean {
  return byte === TAB || (byte >= SPACE && byte !== 0x7f);
}

/** The value of a hexadecimal digit, -1 for other bytes. */
function hexDigit(byte: number): number {
  if (byte >= DIGIT_0 && byte <= DIGIT_9) {
    return byte - DIGIT_0;
  }
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
