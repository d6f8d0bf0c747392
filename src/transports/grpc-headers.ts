import type { WireRequest } from '../protocols/protocol.js';
import { createHpackDecoder, indexedField, literalField, NO_TABLE } from './hpack.js';
import { FLAG, FRAME, frameOf, MAX_FRAME_BYTES } from './http2-frames.js';

/** The HEADERS frame of all calls with one path and one set of headers; what differs from call to call is patched in. */
export interface CallHead {
  /** The frame of every call but the first of a connection. */
  readonly frame: Buffer;
  /** The frame of the first: one byte longer, in front. */
  readonly firstFrame: Buffer;
  /** Where in `frame` the nine bytes of grpc-timeout are. */
  readonly timeoutAt: number;
  /** Where in `frame` the ten digits of the request id are; -1 without. */
  readonly requestIdAt: number;
}

/** What the head of a call is made from. */
interface CallHeadOptions {
  readonly path: string;
  readonly authority: string;
  readonly secure: boolean;
  readonly requestIds: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** Written by us, or without a meaning in HTTP/2 (RFC 9113 section 8.2.2): the user's own are left out. */
const OUR_HEADERS: ReadonlySet<string> = new Set([
  ...['content-type', 'te', 'grpc-timeout', 'host', 'content-length'],
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'],
]);
const SECRET_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);
const NO_TIMEOUT = '00000000u';
const NO_REQUEST_ID = '0000000000';

/** Encodes the head of a call. Throws RangeError for what cannot be sent. */
function callHead({ path, authority, secure, requestIds, headers }: CallHeadOptions): CallHead {
  if (!/^\/[!-~]*$/.test(path)) {
    throw new RangeError(`${JSON.stringify(path)} is not the path of a gRPC method`);
  }
  const before = [
    indexedField(':method', 'POST'),
    indexedField(':scheme', secure ? 'https' : 'http'),
    literalField(':path', path),
    literalField(':authority', authority),
    literalField('grpc-timeout', NO_TIMEOUT),
  ];
  const bytesBefore = () => frameOf(0, 0, 0).length + Buffer.concat(before).length;
  const timeoutAt = bytesBefore() - NO_TIMEOUT.length;
  if (requestIds) {
    before.push(literalField('x-request-id', NO_REQUEST_ID));
  }
  const requestIdAt = requestIds ? bytesBefore() - NO_REQUEST_ID.length : -1;
  const after = [literalField('content-type', 'application/grpc'), literalField('te', 'trailers')];
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || !/^[ -~]*$/.test(value)) {
      throw new RangeError(`Header ${JSON.stringify(name)} cannot be sent: its name or value has illegal characters`);
    }
    if (!OUR_HEADERS.has(name) && !(requestIds && name === 'x-request-id')) {
      after.push(literalField(name, value, SECRET_HEADERS.has(name)));
    }
  }
  const block = Buffer.concat([...before, ...after]);
  if (block.length >= MAX_FRAME_BYTES) {
    throw new RangeError(`Headers of ${block.length} bytes: at most ${MAX_FRAME_BYTES - 1} can be sent`);
  }
  return {
    frame: frameOf(FRAME.headers, FLAG.endHeaders, 0, block),
    firstFrame: frameOf(FRAME.headers, FLAG.endHeaders, 0, Buffer.concat([NO_TABLE, block])),
    timeoutAt,
    requestIdAt,
  };
}

/** Writes a whole number as `digits` decimal digits. */
export function writeDigits(out: Buffer, at: number, value: number, digits: number): void {
  let rest = value;
  for (let place = at + digits - 1; place >= at; place--) {
    const tens = Math.floor(rest / 10);
    out[place] = 48 + rest - tens * 10;
    rest = tens;
  }
}

/** Writes the time until a deadline in the nine bytes of a grpc-timeout: eight digits and `u`, or `m` from 100 s on. */
export function writeTimeout(out: Buffer, at: number, us: number): void {
  const whole = us > 1 ? Math.ceil(us) : 1;
  const isLong = whole >= 1e8;
  writeDigits(out, at, isLong ? Math.min(Math.ceil(whole / 1000), 99_999_999) : whole, 8);
  out[at + 8] = isLong ? 0x6d : 0x75;
}

/** What a unary call has to know of a header block of its answer, headers or trailers. */
export interface AnswerHead {
  /** HTTP status; 0 in trailers. */
  readonly httpStatus: number;
  /** The content type is gRPC's. */
  readonly grpc: boolean;
  /** `grpc-status` as received; undefined without. */
  readonly code: string | undefined;
  /** `grpc-encoding`: how messages with the compressed flag are; undefined without. */
  readonly encoding: string | undefined;
  /** `grpc-message` as received, percent-encoded; undefined without. */
  readonly message: string | undefined;
  /** Why HTTP/2 does not allow the block. */
  readonly malformed: string | undefined;
  /** Size as SETTINGS_MAX_HEADER_LIST_SIZE counts it. */
  readonly listBytes: number;
}

/** Reads the header blocks of one connection. */
export interface AnswerHeadReader {
  /** Throws RangeError when the block cannot be read: then no later one can. */
  read(bytes: Buffer, from: number, to: number): AnswerHead;
}

interface KnownBlock {
  readonly bytes: Buffer;
  readonly head: AnswerHead;
}

const KNOWN_BLOCKS = 8;
const KNOWN_BLOCK_BYTES = 256;

/**
 * Most answers of a server have the same headers and trailers, byte for byte, once its dynamic table has settled. Blocks
 * that leave the table as it is are known again by their bytes until another block changes it.
 */
export function createAnswerHeadReader(): AnswerHeadReader {
  const decoder = createHpackDecoder();
  const known: KnownBlock[] = [];
  let oldest = 0;

  function decode(bytes: Buffer, from: number, to: number): AnswerHead {
    let httpStatus = 0;
    let grpc = false;
    let code: string | undefined;
    let encoding: string | undefined;
    let message: string | undefined;
    let malformed: string | undefined;
    let listBytes = 0;
    let regular = false;
    const same = decoder.decode(bytes, from, to, (name, value) => {
      listBytes += name.length + value.length + 32;
      if (name.startsWith(':')) {
        if (name !== ':status' || regular || httpStatus !== 0 || !/^[1-9]\d\d$/.test(value)) {
          malformed ??= 'Pseudo-header that an answer cannot have';
        }
        httpStatus = Number(value);
        return;
      }
      regular = true;
      if (name === 'content-type') {
        grpc = /^application\/grpc(?:[+;]|$)/i.test(value);
      } else if (name === 'grpc-status') {
        code ??= value;
      } else if (name === 'grpc-encoding') {
        encoding = value;
      } else if (name === 'grpc-message') {
        message ??= value;
      } else if (name === 'connection' || name === 'transfer-encoding' || name === '' || /[A-Z]/.test(name)) {
        malformed ??= 'Header that HTTP/2 does not allow';
      }
    });
    const head = { httpStatus, grpc, code, encoding, message, malformed, listBytes };
    if (!same) {
      known.length = 0;
      oldest = 0;
    } else if (to - from <= KNOWN_BLOCK_BYTES) {
      known[oldest] = { bytes: Buffer.from(bytes.subarray(from, to)), head };
      oldest = (oldest + 1) % KNOWN_BLOCKS;
    }
    return head;
  }

  return {
    read(bytes, from, to) {
      const length = to - from;
      for (let index = 0; index < known.length; index++) {
        const block = known[index] as KnownBlock;
        const own = block.bytes;
        if (own.length !== length) {
          continue;
        }
        let place = 0;
        while (place < length && own[place] === bytes[from + place]) {
          place++;
        }
        if (place === length) {
          return block.head;
        }
      }
      return decode(bytes, from, to);
    },
  };
}

/** A grpc-message as text: `%` and two hexadecimal digits stand for a byte of UTF-8, anything else for itself. */
export function percentDecoded(message: string): string {
  return message.includes('%')
    ? message.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
    : message;
}

/** The path and headers that heads were made from are told apart by identity: requests of one kind share theirs. */
export function callHeads(options: Omit<CallHeadOptions, 'path'>): (request: WireRequest) => CallHead {
  const byPath = new Map<string, WeakMap<object, CallHead>>();
  let lastPath = '';
  let lastHeaders: object | undefined;
  let last: CallHead | undefined;
  return ({ path, headers }) => {
    if (last && headers === lastHeaders && path === lastPath) {
      return last;
    }
    let byHeaders = byPath.get(path);
    if (!byHeaders) {
      byHeaders = new WeakMap();
      byPath.set(path, byHeaders);
    }
    const head = byHeaders.get(headers) ?? callHead({ ...options, path, headers: { ...options.headers, ...headers } });
    byHeaders.set(headers, head);
    lastPath = path;
    lastHeaders = headers;
    last = head;
    return head;
  };
}
