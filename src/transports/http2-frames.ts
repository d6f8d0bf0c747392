/** HTTP/2 frames, RFC 9113 sections 4 and 6: what both ends write alike, and the reader of what comes. No sockets. */

/** Bytes before the payload of every frame. */
export const FRAME_HEAD_BYTES = 9;
/** The largest payload a peer may send that was told nothing else, and the least that every peer takes. */
export const MAX_FRAME_BYTES = 16_384;
/** The length of a frame that begins with `HTT`: a server of HTTP/1 that complains. */
const HTTP1_START = 0x485454;
/** Flow-control window of streams and connections where nothing else was said. */
export const DEFAULT_WINDOW_BYTES = 65_535;
/** The largest flow-control window, and the largest stream id. */
export const MAX_31_BITS = 2 ** 31 - 1;

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

export const SETTING = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowBytes: 4,
  maxFrameBytes: 5,
  maxHeaderListBytes: 6,
} as const;

/** Error codes by number, section 7. */
export const H2_CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const;

export type H2Code = (typeof H2_CODES)[number];

/** The name of an error code, for sentences. */
export function h2CodeName(code: number): string {
  return H2_CODES[code] ?? `code ${code}`;
}

/** The peer broke the protocol in a way that the connection does not survive. */
export class ConnectionError extends Error {
  readonly code: H2Code;

  constructor(code: H2Code, message: string) {
    super(message);
    this.code = code;
  }
}

/** Writes the head of a frame and returns where its payload begins. */
function writeFrameHead(
  out: Buffer,
  at: number,
  frame: { readonly bytes: number; readonly type: number; readonly flags: number; readonly streamId: number },
): number {
  out.writeUIntBE(frame.bytes, at, 3);
  out[at + 3] = frame.type;
  out[at + 4] = frame.flags;
  out.writeUInt32BE(frame.streamId, at + 5);
  return at + FRAME_HEAD_BYTES;
}

/** A whole frame. */
export function frameOf(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const out = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  out.set(payload, writeFrameHead(out, 0, { bytes: payload.length, type, flags, streamId }));
  return out;
}

/** A 32-bit number as a payload: of RST_STREAM and WINDOW_UPDATE. */
export function uint32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeUInt32BE(value);
  return out;
}

/** A SETTINGS frame, by setting number. */
export function settingsFrame(settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([setting, value], index) => {
    payload.writeUInt16BE(setting, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frameOf(FRAME.settings, 0, 0, payload);
}

/** Where the frames of one connection go. */
interface FrameSink {
  /**
   * A part of a DATA frame, without padding: `bytes[from, to)`, which is good during the call and may be empty.
   * `windowBytes` is what it takes from the flow-control windows; `ended` comes with the last part.
   */
  data(streamId: number, bytes: Buffer, from: number, to: number, windowBytes: number, ended: boolean): void;
  /** Any other frame, whole: its payload is `bytes[from, to)`, good during the call. */
  frame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void;
}

/** Cuts a byte stream into frames. */
export interface FrameReader {
  /** Takes the next `length` bytes of the stream. Throws ConnectionError; after that or `stop` it must not be called again. */
  read(bytes: Buffer, length: number): void;
  /** No more frames, not even of the bytes that are being read. */
  stop(): void;
}

/** DATA goes on as it comes; other frames are held back until they are whole, which is at most MAX_FRAME_BYTES. */
export function createFrameReader(sink: FrameSink): FrameReader {
  let stopped = false;
  /** The beginning of a frame that is not whole. */
  let held: Buffer | undefined;
  let heldBytes = 0;
  /** The DATA frame that is being read: payload left, of which padding; -1 while the length of the padding is not known. */
  let dataId = 0;
  let dataEnds = false;
  let dataLeft = 0;
  let padding = 0;

  function payloadBytes(head: Buffer, at: number): number {
    const bytes = ((head[at] as number) << 16) | ((head[at + 1] as number) << 8) | (head[at + 2] as number);
    if (bytes > MAX_FRAME_BYTES) {
      const what =
        bytes === HTTP1_START
          ? 'an answer of HTTP/1'
          : `Frame of ${bytes} bytes: at most ${MAX_FRAME_BYTES} are allowed`;
      throw new ConnectionError('FRAME_SIZE_ERROR', what);
    }
    return bytes;
  }

  function beginData(head: Buffer, at: number, bytes: number): void {
    const flags = head[at + 4] as number;
    dataId = streamIdAt(head, at);
    dataEnds = (flags & FLAG.endStream) !== 0;
    dataLeft = bytes;
    padding = (flags & FLAG.padded) === 0 ? 0 : -1;
    if (padding < 0 && bytes === 0) {
      throw new ConnectionError('FRAME_SIZE_ERROR', 'Padded DATA frame without a padding length');
    }
  }

  /** Hands on what there is of the current DATA frame and returns where it ended. */
  function readData(bytes: Buffer, from: number, end: number): number {
    let at = from;
    let windowBytes = 0;
    if (padding < 0) {
      padding = bytes[at++] as number;
      windowBytes = 1;
      dataLeft--;
      if (padding > dataLeft) {
        throw new ConnectionError('PROTOCOL_ERROR', 'More padding than the DATA frame has bytes');
      }
    }
    const available = Math.min(dataLeft, end - at);
    const content = Math.max(0, Math.min(available, dataLeft - padding));
    dataLeft -= available;
    sink.data(dataId, bytes, at, at + content, windowBytes + available, dataEnds && dataLeft === 0);
    return at + available;
  }

  /** Completes the head and then the frame that is held; returns where it ended, or `end` when it is not whole yet. */
  function readHeld(bytes: Buffer, end: number): number {
    const frame = held as Buffer;
    let at = Math.min(end, Math.max(0, FRAME_HEAD_BYTES - heldBytes));
    bytes.copy(frame, heldBytes, 0, at);
    heldBytes += at;
    if (heldBytes < FRAME_HEAD_BYTES) {
      return at;
    }
    const length = payloadBytes(frame, 0);
    const type = frame[3] as number;
    if (type === FRAME.data) {
      heldBytes = 0;
      beginData(frame, 0, length);
      if (length === 0) {
        sink.data(dataId, bytes, at, at, 0, dataEnds);
      }
      return at;
    }
    const more = Math.min(end - at, FRAME_HEAD_BYTES + length - heldBytes);
    bytes.copy(frame, heldBytes, at, at + more);
    heldBytes += more;
    at += more;
    if (heldBytes === FRAME_HEAD_BYTES + length) {
      heldBytes = 0;
      sink.frame(type, frame[4] as number, streamIdAt(frame, 0), frame, FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length);
    }
    return at;
  }

  return {
    read(bytes, end) {
      let at = heldBytes > 0 ? readHeld(bytes, end) : 0;
      while (!stopped && at < end) {
        if (dataLeft > 0) {
          at = readData(bytes, at, end);
          continue;
        }
        if (end - at < FRAME_HEAD_BYTES) {
          break;
        }
        const length = payloadBytes(bytes, at);
        const type = bytes[at + 3] as number;
        const from = at + FRAME_HEAD_BYTES;
        const to = from + length;
        if (type === FRAME.data) {
          const flags = bytes[at + 4] as number;
          if (to <= end && (flags & FLAG.padded) === 0) {
            const streamId = streamIdAt(bytes, at);
            at = to;
            sink.data(streamId, bytes, from, to, length, (flags & FLAG.endStream) !== 0);
          } else {
            beginData(bytes, at, length);
            at = from;
          }
        } else if (to <= end) {
          const head = at;
          at = to;
          sink.frame(type, bytes[head + 4] as number, streamIdAt(bytes, head), bytes, from, to);
        } else {
          break;
        }
      }
      if (!stopped && at < end) {
        held ??= Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES + MAX_FRAME_BYTES);
        bytes.copy(held, 0, at, end);
        heldBytes = end - at;
      }
    },
    stop() {
      stopped = true;
    },
  };
}

/** The stream id in the frame head at `at`; its first bit means nothing. */
function streamIdAt(bytes: Buffer, at: number): number {
  return (
    (((bytes[at + 5] as number) & 0x7f) << 24) |
    ((bytes[at + 6] as number) << 16) |
    ((bytes[at + 7] as number) << 8) |
    (bytes[at + 8] as number)
  );
}
