import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  createFrameReader,
  FLAG,
  FRAME,
  frameOf,
  MAX_FRAME_BYTES,
  settingsFrame,
  uint32,
} from '../../../src/transports/http2-frames.js';

interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: string;
}

/** What a reader makes of bytes that come in pieces; the parts of one DATA frame are put together. */
function framesOf(pieces: readonly Buffer[]): {
  readonly seen: Seen[];
  readonly windowBytes: number;
  readonly ends: number[];
} {
  const seen: Seen[] = [];
  const ends: number[] = [];
  let windowBytes = 0;
  let data: { id: number; payload: string } | undefined;
  const reader = createFrameReader({
    data(id, bytes, from, to, own, ended) {
      windowBytes += own;
      const payload = bytes.toString('hex', from, to);
      data = { id, payload: (data?.id === id ? data.payload : '') + payload };
      if (ended) {
        ends.push(id);
        seen.push({ type: FRAME.data, flags: FLAG.endStream, ...data });
        data = undefined;
      }
    },
    frame(type, flags, id, bytes, from, to) {
      seen.push({ type, flags, id, payload: bytes.toString('hex', from, to) });
    },
  });
  // As on a socket: one buffer for all reads, and rubbish behind what was read.
  const shared = Buffer.alloc(70_000);
  for (const piece of pieces) {
    shared.fill(0xee);
    piece.copy(shared);
    reader.read(shared, piece.length);
  }
  return { seen, windowBytes, ends };
}

const padded = (content: Buffer, padding: number) =>
  Buffer.concat([Buffer.of(padding), content, Buffer.alloc(padding)]);
const STREAM = [
  settingsFrame([[4, 70_000]]),
  frameOf(FRAME.settings, FLAG.ack, 0),
  frameOf(FRAME.headers, FLAG.endHeaders, 1, Buffer.from('88be', 'hex')),
  frameOf(FRAME.data, FLAG.endStream, 1, Buffer.from('hello')),
  frameOf(FRAME.data, FLAG.endStream | FLAG.padded, 3, padded(Buffer.from('padded'), 7)),
  frameOf(FRAME.data, FLAG.endStream | FLAG.padded, 5, padded(Buffer.alloc(0), 0)),
  frameOf(FRAME.data, FLAG.endStream | FLAG.padded, 5, padded(Buffer.alloc(0), 3)),
  frameOf(FRAME.data, FLAG.endStream, 7),
  frameOf(99, 0xff, 0x7fffffff, Buffer.from('unknown')),
  frameOf(FRAME.windowUpdate, 0, 0, uint32(1)),
];
const BYTES = Buffer.concat(STREAM);
const WHOLE = framesOf([BYTES]);

describe('the frame reader', () => {
  it('cuts a stream into its frames', () => {
    expect(WHOLE.seen.map(({ type }) => type)).toEqual([4, 4, 1, 0, 0, 0, 0, 0, 99, 8]);
    expect(
      WHOLE.seen.filter(({ type }) => type === 0).map(({ payload }) => Buffer.from(payload, 'hex').toString()),
    ).toEqual(['hello', 'padded', '', '', '']);
    expect(WHOLE.ends).toEqual([1, 3, 5, 5, 7]);
    // Padding counts: 5, 1 + 6 + 7, 1, 1 + 3, 0.
    expect(WHOLE.windowBytes).toBe(24);
  });

  it('does so wherever the stream is split', () => {
    for (let at = 0; at <= BYTES.length; at++) {
      expect(framesOf([BYTES.subarray(0, at), BYTES.subarray(at)])).toEqual(WHOLE);
    }
    expect(framesOf([...BYTES].map((byte) => Buffer.of(byte)))).toEqual(WHOLE);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const pieces: Buffer[] = [];
        for (let at = 0, nth = 0; at < BYTES.length; nth++) {
          const bytes = sizes[nth % sizes.length] as number;
          pieces.push(BYTES.subarray(at, at + bytes));
          at += bytes;
        }
        expect(framesOf(pieces)).toEqual(WHOLE);
      }),
    );
  });

  it('takes frames of the largest size, split anywhere', () => {
    const content = Buffer.alloc(MAX_FRAME_BYTES, 'abc');
    for (const type of [FRAME.data, FRAME.headers]) {
      const bytes = frameOf(type, FLAG.endStream, 1, content);
      for (const at of [1, 8, 9, 10, 5_000, bytes.length - 1]) {
        expect(framesOf([bytes.subarray(0, at), bytes.subarray(at)]).seen).toEqual([
          { type, flags: FLAG.endStream, id: 1, payload: content.toString('hex') },
        ]);
      }
    }
  });

  it.each([
    ['a frame above the limit', frameOf(FRAME.headers, 0, 1, Buffer.alloc(MAX_FRAME_BYTES + 1)), 'FRAME_SIZE_ERROR'],
    ['HTTP/1.1', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 'FRAME_SIZE_ERROR'],
    ['more padding than bytes', frameOf(FRAME.data, FLAG.padded, 1, Buffer.of(2, 0)), 'PROTOCOL_ERROR'],
    ['a padded frame without bytes', frameOf(FRAME.data, FLAG.padded, 1), 'FRAME_SIZE_ERROR'],
  ])('refuses %s, at once or in pieces', (_what, bytes, code) => {
    for (const pieces of [[bytes], [...bytes.subarray(0, 40)].map((byte) => Buffer.of(byte))]) {
      expect(() => framesOf(pieces)).toThrow(expect.objectContaining({ code }) as ConnectionError);
      expect(() => framesOf(pieces)).toThrow(ConnectionError);
    }
  });

  it('stops in the middle of what it reads', () => {
    let frames = 0;
    const reader = createFrameReader({
      data: () => {},
      frame: () => {
        frames++;
        reader.stop();
      },
    });
    reader.read(BYTES, BYTES.length);
    expect(frames).toBe(1);
  });
});
