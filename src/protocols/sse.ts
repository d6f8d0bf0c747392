/** One event of a `text/event-stream`. */
interface ServerEvent {
  /** `message` unless the server named it. */
  readonly type: string;
  /** Its `data:` lines, joined with line feeds. */
  readonly data: string;
  /** How many bytes of the body it takes to know it: up to the first byte of the line end that ends its blank line. */
  readonly endByte: number;
  /** Whether its blank line came; false for what stands behind the last one. */
  readonly ended: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/**
 * The events of a body in order. Lines end with LF, CRLF or CR, also mixed; comments, `id` and `retry` are passed over,
 * and so is an event without data. Source: WHATWG HTML, 9.2.6, but for the last event: that of a body which ends without
 * a blank line is given too, as not ended.
 */
export function* serverEvents(body: Buffer): Generator<ServerEvent> {
  let type = '';
  let data: string[] = [];
  for (const { start, end, knownByte } of lines(body)) {
    if (start === end) {
      if (data.length > 0) {
        yield { type: type || 'message', data: data.join('\n'), endByte: knownByte, ended: true };
      }
      type = '';
      data = [];
      continue;
    }
    const colon = body.subarray(start, end).indexOf(COLON);
    const nameEnd = colon < 0 ? end : start + colon;
    const name = body.toString('latin1', start, nameEnd);
    if (name === 'data' || name === 'event') {
      // One space after the colon is no part of the value.
      const valueStart = Math.min(end, nameEnd + (body[nameEnd + 1] === SPACE ? 2 : 1));
      const value = body.toString('utf8', valueStart, end);
      if (name === 'data') {
        data.push(value);
      } else {
        type = value;
      }
    }
  }
  if (data.length > 0) {
    yield { type: type || 'message', data: data.join('\n'), endByte: body.length, ended: false };
  }
}

interface Line {
  readonly start: number;
  /** Where its line end begins. */
  readonly end: number;
  /** How many bytes it takes to know that the line is over. */
  readonly knownByte: number;
}

function* lines(body: Buffer): Generator<Line> {
  let start = BYTE_ORDER_MARK.every((byte, index) => body[index] === byte) ? BYTE_ORDER_MARK.length : 0;
  let lf = find(body, LF, start);
  let cr = find(body, CR, start);
  while (start < body.length) {
    const end = Math.min(lf, cr, body.length);
    yield { start, end, knownByte: Math.min(end + 1, body.length) };
    start = end + (cr === end && lf === end + 1 ? 2 : 1);
    // Each is looked for again only once it was passed: a body may have but one of the two.
    lf = lf < start ? find(body, LF, start) : lf;
    cr = cr < start ? find(body, CR, start) : cr;
  }
}

/** Where a byte comes next; Infinity when it does not. */
function find(body: Buffer, byte: number, from: number): number {
  const at = body.indexOf(byte, from);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}
