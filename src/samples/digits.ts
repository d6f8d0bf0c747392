/**
 * Text into bytes without strings. Everything is written four bytes at a time, the last of which may be too many: what
 * comes next writes over them, and the buffer needs room for three bytes more than its text.
 */

export const COMMA = 0x2c;

const THOUSAND = 1_000;
const MILLION = 1_000_000;
const BILLION = 1_000_000_000;

/** `000` to `999`, and the same without leading zeros, each as the four bytes of one store. */
const TRIPLES = Int32Array.from({ length: THOUSAND }, (_, value) => packed(String(value).padStart(3, '0')));
const SHORTS = Int32Array.from({ length: THOUSAND }, (_, value) => packed(String(value)));

function packed(text: string): number {
  return Buffer.from(text.padEnd(4)).readInt32LE();
}

/** A text that is written often. */
export interface Word {
  readonly length: number;
  /** Its bytes, four to a number. */
  readonly quads: Int32Array;
}

/** Prepares a text of plain ASCII. */
export function word(text: string): Word {
  const quads = Math.ceil(text.length / 4);
  const padded = text.padEnd(4 * quads);
  return {
    length: text.length,
    quads: Int32Array.from({ length: quads }, (_, index) => packed(padded.slice(4 * index, 4 * index + 4))),
  };
}

/** Writes a word; returns the offset after it. */
export function putWord(bytes: DataView, at: number, { length, quads }: Word): number {
  for (let index = 0; index < quads.length; index++) {
    bytes.setInt32(at + 4 * index, quads[index] as number, true);
  }
  return at + length;
}

/**
 * Writes a whole number from 0 to 2^53 in decimal digits at `at`; returns the offset after them. So short that it becomes
 * a part of its caller: what it calls gets whole numbers of 32 bits, where doubles would be objects on the heap.
 */
export function putWhole(bytes: DataView, at: number, value: number): number {
  if (value < BILLION) {
    return putBelowBillion(bytes, at, value | 0);
  }
  const billions = Math.floor(value / BILLION) | 0;
  return putBillions(bytes, at, billions, (value - billions * BILLION) | 0);
}

function putBillions(bytes: DataView, at: number, billions: number, rest: number): number {
  const millions = (rest / MILLION) | 0;
  const after = putBelowBillion(bytes, at, billions);
  bytes.setInt32(after, TRIPLES[millions] as number, true);
  return putSix(bytes, after + 3, rest - millions * MILLION);
}

function putBelowBillion(bytes: DataView, at: number, value: number): number {
  if (value < THOUSAND) {
    return putShort(bytes, at, value);
  }
  if (value < MILLION) {
    const thousands = (value / THOUSAND) | 0;
    const after = putShort(bytes, at, thousands);
    bytes.setInt32(after, TRIPLES[value - thousands * THOUSAND] as number, true);
    return after + 3;
  }
  const millions = (value / MILLION) | 0;
  return putSix(bytes, putShort(bytes, at, millions), value - millions * MILLION);
}

/** A number below 1000 without leading zeros. */
function putShort(bytes: DataView, at: number, value: number): number {
  bytes.setInt32(at, SHORTS[value] as number, true);
  return at + (value < 10 ? 1 : value < 100 ? 2 : 3);
}

function putSix(bytes: DataView, at: number, value: number): number {
  const thousands = (value / THOUSAND) | 0;
  bytes.setInt32(at, TRIPLES[thousands] as number, true);
  bytes.setInt32(at + 3, TRIPLES[value - thousands * THOUSAND] as number, true);
  return at + 6;
}

/** Copies what was written from `from` to `to` to a place behind it; returns the offset after it. */
export function putAgain(bytes: DataView, at: number, from: number, to: number): number {
  for (let offset = 0; offset < to - from; offset += 4) {
    bytes.setInt32(at + offset, bytes.getInt32(from + offset, true), true);
  }
  return at + to - from;
}
