import { US_PER_MS } from '../units.js';
import type { BodyPieces, Decoded } from './protocol.js';

/** A stream with at least so many of its content chunks within so long of the first was held back on the way. */
const BUFFERED_RATIO = 0.9;
const BUFFERED_US = US_PER_MS;

/** What of a decoded answer tells when its tokens came. */
type TokenTimes = Pick<Decoded, 'chunks' | 'firstTokenUs' | 'lastTokenUs' | 'gapsUs'>;

/** Tells of offsets in a body, asked in rising order, when the body had come up to there; undefined when nobody noted it. */
export function arrivalTimes(pieces: BodyPieces | undefined): (endByte: number) => number | undefined {
  let piece = 0;
  return (endByte) => {
    while (pieces !== undefined && (pieces.endBytes[piece] as number) < endByte) {
      piece++;
    }
    return pieces?.atUs[piece];
  };
}

/**
 * When the content of a stream came, from the arrival of each chunk that had some; µs of the run's clock. Absent without
 * content. Where nearly all came within a millisecond of the first, a proxy or the server had collected them: the times
 * are those of the collection, and are withheld.
 */
export function tokenTimes(chunksUs: readonly number[]): TokenTimes {
  const [firstUs] = chunksUs;
  const lastUs = chunksUs.at(-1);
  if (firstUs === undefined || lastUs === undefined) {
    return { chunks: 0 };
  }
  const chunks = chunksUs.length;
  const together = chunksUs.filter((atUs) => atUs - firstUs <= BUFFERED_US).length;
  if (chunks > 1 && together >= BUFFERED_RATIO * chunks) {
    return { chunks };
  }
  const gapsUs = chunksUs.slice(1).map((atUs, index) => atUs - (chunksUs[index] as number));
  return { chunks, firstTokenUs: firstUs, lastTokenUs: lastUs, gapsUs };
}
