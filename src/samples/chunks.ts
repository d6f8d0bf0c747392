import type { FileHandle } from 'node:fs/promises';

/** Bytes before those of a chunk that its reader may write on: the beginning of a record that the chunk goes on with. */
export const HEADROOM_BYTES = 1 << 16;
const CHUNK_BYTES = 1 << 20;

/** Bytes of an area that a file is read into, the headroom included. */
export const AREA_BYTES = HEADROOM_BYTES + CHUNK_BYTES;

/** Two areas: while the rows of one are counted, the other one fills. */
export type ReadAreas = readonly [Uint8Array, Uint8Array];

/** Areas in ordinary memory. */
export function readAreas(): ReadAreas {
  return [new Uint8Array(AREA_BYTES), new Uint8Array(AREA_BYTES)];
}

/** A part of an input, valid until the next one is asked for. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** How many bytes before it in its buffer may be overwritten. */
  readonly headroomBytes: number;
}

/** The bytes of an open file from where it stands. The handle stays open. */
export async function* chunksOfFile(file: FileHandle, areas: ReadAreas): AsyncGenerator<Chunk> {
  const fill = (area: Uint8Array) => file.read(area, HEADROOM_BYTES, CHUNK_BYTES, null);
  let [area, other] = areas;
  let filling = fill(area);
  try {
    for (;;) {
      const { bytesRead } = await filling;
      if (bytesRead === 0) {
        return;
      }
      const bytes = area.subarray(HEADROOM_BYTES, HEADROOM_BYTES + bytesRead);
      [area, other] = [other, area];
      filling = fill(area);
      yield { bytes, headroomBytes: HEADROOM_BYTES };
    }
  } finally {
    // Who stops in the middle closes the file: not while it is being read.
    await Promise.allSettled([filling]);
  }
}

/** The bytes of a stream, copied into an area: only there the scanner in WebAssembly can see them. */
export async function* chunksOfStream(stream: NodeJS.ReadableStream, area: Uint8Array): AsyncGenerator<Chunk> {
  for await (const piece of stream) {
    const whole = typeof piece === 'string' ? Buffer.from(piece) : piece;
    for (let from = 0; from < whole.length; from += CHUNK_BYTES) {
      const part = whole.subarray(from, from + CHUNK_BYTES);
      area.set(part, HEADROOM_BYTES);
      yield { bytes: area.subarray(HEADROOM_BYTES, HEADROOM_BYTES + part.length), headroomBytes: HEADROOM_BYTES };
    }
  }
}
