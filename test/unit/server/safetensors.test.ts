import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSafetensors, readSafetensors, tensorOf } from '../../../src/server/safetensors.js';
import { safetensorsBytes } from '../../../training/write-safetensors.js';

/** A file from its parts, built without the project's writer. */
function fileOf(header: unknown, dataBytes: readonly number[]): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.from(dataBytes)]);
}

const ONE = [0x00, 0x00, 0x80, 0x3f];
const MINUS_TWO = [0x00, 0x00, 0x00, 0xc0];
const PAIR = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };

const directory = mkdtempSync(join(tmpdir(), 'safetensors-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('parseSafetensors', () => {
  it('reads values, shapes and metadata', () => {
    const file = fileOf(
      {
        __metadata__: { labels: 'a,b' },
        second: { dtype: 'F32', shape: [1, 1], data_offsets: [4, 8] },
        first: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      },
      [...ONE, ...MINUS_TWO],
    );
    const parsed = parseSafetensors(file, 'test');
    expect(parsed.metadata.get('labels')).toBe('a,b');
    expect(parsed.tensors.get('first')).toEqual({ shape: [], values: Float32Array.of(1) });
    expect(parsed.tensors.get('second')).toEqual({ shape: [1, 1], values: Float32Array.of(-2) });
  });

  it('reads a view that does not start at a multiple of four', () => {
    const file = fileOf({ pair: PAIR }, [...ONE, ...MINUS_TWO]);
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    const parsed = parseSafetensors(shifted.subarray(1), 'test');
    expect(parsed.tensors.get('pair')?.values).toEqual(Float32Array.of(1, -2));
    expect(parsed.metadata.size).toBe(0);
  });

  const eightBytes = [...ONE, ...MINUS_TWO];
  it.each([
    ['a file shorter than the length field', Buffer.from([1, 2, 3]), /8-byte header length, got 3 bytes/],
    ['a header longer than the file', Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0x7b]), /says 9 bytes, only 1 follow/],
    ['a header length beyond 2^53', Buffer.alloc(16, 0xff), /header length says 18446744073709551615 bytes/],
    ['a header that is not JSON', fileOf('{"a":', []), /header is not JSON/],
    ['a header that is not UTF-8', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x28]), /header is not JSON/],
    ['a header that is a list', fileOf([], []), /header must be a JSON object/],
    ['an entry that is no object', fileOf({ a: 1 }, []), /header entry "a" must be a JSON object/],
    ['metadata that is no string', fileOf({ __metadata__: { a: 1 } }, []), /metadata "a" must be a string, got 1/],
    ['another dtype', fileOf({ a: { ...PAIR, dtype: 'BF16' } }, eightBytes), /dtype F32, got "BF16"/],
    ['no shape', fileOf({ a: { ...PAIR, shape: undefined } }, eightBytes), /no valid shape, got undefined/],
    ['a negative size', fileOf({ a: { ...PAIR, shape: [-2] } }, eightBytes), /no valid shape, got \[-2\]/],
    ['one offset', fileOf({ a: { ...PAIR, data_offsets: [0] } }, eightBytes), /two data_offsets, got \[0\]/],
    ['data cut off', fileOf({ a: PAIR }, ONE), /bytes 0 to 8, the file has 4 bytes of data/],
    ['offsets in reverse', fileOf({ a: { ...PAIR, data_offsets: [8, 0] } }, eightBytes), /bytes 8 to 0/],
    ['a shape of another size', fileOf({ a: { ...PAIR, shape: [3] } }, eightBytes), /\[3\] needs 12 bytes, got 8/],
    ['bytes that no tensor covers', fileOf({ a: PAIR }, [...eightBytes, ...ONE]), /cover 8 bytes, the file has 12/],
    ['two tensors in one place', fileOf({ a: PAIR, b: PAIR }, eightBytes), /an overlap at byte 0/],
    [
      'a gap before the data',
      fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, eightBytes),
      /a gap at byte 4/,
    ],
  ])('rejects %s', (_, file, message) => {
    expect(() => parseSafetensors(file, 'weights.bin')).toThrow(message);
    expect(() => parseSafetensors(file, 'weights.bin')).toThrow(/^Cannot read weights "weights\.bin": /);
  });
});

describe('readSafetensors', () => {
  it('reads what the writer wrote, by path and by URL', () => {
    const path = join(directory, 'written.safetensors');
    const values = [0.1, -3, 1e-40, 6];
    const bytes = safetensorsBytes([{ name: 'm', shape: [2, 2], values }], { kind: 'ü' });
    writeFileSync(path, bytes);
    expect(Number(Buffer.from(bytes).readBigUInt64LE()) % 8).toBe(0);
    for (const place of [path, pathToFileURL(path)]) {
      const { metadata, tensors } = readSafetensors(place);
      expect(metadata.get('kind')).toBe('ü');
      expect(tensors.get('m')).toEqual({ shape: [2, 2], values: Float32Array.from(values) });
    }
  });

  it('names a file that is missing', () => {
    const path = join(directory, 'missing.safetensors');
    expect(() => readSafetensors(path)).toThrow(/^Cannot read weights ".*missing\.safetensors": ENOENT/);
  });
});

describe('tensorOf', () => {
  const file = parseSafetensors(fileOf({ pair: PAIR }, [...ONE, ...MINUS_TWO]), 'test');

  it('gives a tensor of the wanted shape', () => {
    expect(tensorOf(file, 'pair', [null]).values).toEqual(Float32Array.of(1, -2));
  });

  it.each([
    ['other', [2], /Cannot find tensor "other" of shape \[2\]: file has pair/],
    ['pair', [3], /Cannot use tensor "pair": want shape \[3\], got \[2\]/],
    ['pair', [null, 1], /Cannot use tensor "pair": want shape \[any, 1\], got \[2\]/],
  ])('rejects %s as %j', (name, shape, message) => {
    expect(() => tensorOf(file, name, shape)).toThrow(message);
  });
});

describe('safetensorsBytes', () => {
  it('rejects values that do not fill the shape', () => {
    expect(() => safetensorsBytes([{ name: 'a', shape: [2], values: [1] }], {})).toThrow(/needs 2 values, got 1/);
  });
});
