import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/datasets/dataset.js';
import { openDataset } from '../../../src/datasets/index.js';
import { BenchError } from '../../../src/errors.js';

const directory = mkdtempSync(join(tmpdir(), 'infer-bench-datasets-'));

function open(name: string, content: string | Uint8Array): Dataset {
  writeFileSync(join(directory, name), content);
  return openDataset(name, directory);
}

function texts(dataset: Dataset): readonly string[] {
  return Array.from({ length: dataset.size }, (_, index) => {
    const item = dataset.at(index);
    return item.kind === 'text' ? item.text : '?';
  });
}

function idx(images: readonly (readonly number[])[], rows = 2, columns = 2): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(0x00000803, 0);
  header.writeUInt32BE(images.length, 4);
  header.writeUInt32BE(rows, 8);
  header.writeUInt32BE(columns, 12);
  return Buffer.concat([header, Buffer.from(images.flat())]);
}

/** The message of the usage error that opening a file ends with. */
function refusal(name: string, content?: string | Uint8Array): string {
  try {
    content === undefined ? openDataset(name, directory) : open(name, content);
  } catch (error) {
    expect(error).toBeInstanceOf(BenchError);
    expect((error as BenchError).kind).toBe('usage');
    return `${(error as BenchError).path ?? ''}|${(error as BenchError).message}`;
  }
  throw new Error('was taken');
}

describe('texts', () => {
  it('are the fourth column of the tweets, as in the Kaggle file: no header, empty texts left out', () => {
    const csv =
      '1,Game,Positive,"He said ""yes"", twice"\n2,Game,Neutral,\n3,Game,Negative,"two\nlines"\n4,Game,Neutral,  \n';
    expect(texts(open('kaggle.csv', csv))).toEqual(['He said "yes", twice', 'two\nlines']);
  });

  it('are the column named text', () => {
    expect(texts(open('named.csv', 'id,Text\n1,a\n2,b\n'))).toEqual(['a', 'b']);
  });

  it('are the only column', () => {
    expect(texts(open('one.csv', 'first\r\nsecond'))).toEqual(['first', 'second']);
  });

  it('may be gzipped and begin with a byte order mark', () => {
    expect(texts(open('marked.csv.gz', gzipSync('\ufefftext\nä\n')))).toEqual(['ä']);
  });

  it('come with the package, hundreds of them', () => {
    const tweets = openDataset('tweets', '/');
    expect(tweets.size).toBeGreaterThanOrEqual(600);
    expect(tweets.at(0).kind).toBe('text');
  });
});

describe('images', () => {
  it('are flat and scaled to 0..1', () => {
    const dataset = open(
      'two.idx3-ubyte',
      idx([
        [0, 51, 102, 255],
        [255, 0, 0, 0],
      ]),
    );
    expect(dataset.size).toBe(2);
    const item = dataset.at(0);
    expect(item).toMatchObject({ kind: 'tensor', shape: [4] });
    expect(item.kind === 'tensor' && [...item.values]).toEqual([0, Math.fround(0.2), Math.fround(0.4), 1]);
  });

  it('may be gzipped and have any name', () => {
    expect(open('t10k-images', gzipSync(idx([[1, 2, 3, 4]]))).size).toBe(1);
  });

  it('come with the package, a thousand at least, of 784 pixels', () => {
    const digits = openDataset('digits', '/');
    expect(digits.size).toBeGreaterThanOrEqual(1000);
    expect(digits.at(digits.size - 1)).toMatchObject({ shape: [784] });
  });
});

describe('a dataset that cannot be used is named with its fault', () => {
  it.each([
    ['a missing file', 'nowhere.csv', undefined, '|Cannot read dataset nowhere.csv: no such file or directory'],
    ['a directory', '.', undefined, '|Cannot read dataset .: is a directory'],
    ['an empty file', 'empty.csv', '', 'empty.csv|The dataset is empty'],
    ['a CSV of empty texts', 'blank.csv', '1,a,b,\n2,a,b,\n', 'blank.csv|No row has a text'],
    ['a header alone', 'header.csv', 'id,text\n', 'header.csv|No row has a text'],
    ['a row that is too short', 'short.csv', '1,a,b,c\n2,a\n', 'short.csv:2|Got 2 columns, wanted 4 or more'],
    ['an unclosed quote', 'quote.csv', '1,a,b,"c\n', 'quote.csv:1|Quote Not Closed'],
    ['columns without a text', 'odd.csv', 'a,b\n', 'odd.csv:1|Cannot tell which of 2 columns holds the text'],
    ['another kind of file', 'data.parquet', 'PAR1', 'data.parquet|Not a dataset that can be read'],
    [
      'images cut short',
      'cut.idx3-ubyte',
      idx([[1, 2, 3, 4]]).subarray(0, 18),
      'cut.idx3-ubyte|Got 18 bytes, wanted 20',
    ],
    [
      'labels in place of images',
      'labels.idx3-ubyte',
      Buffer.from([0, 0, 8, 1, 0, 0, 0, 0]),
      'labels.idx3-ubyte|Not an IDX file of images',
    ],
    ['no images', 'none.idx3-ubyte', idx([]), 'none.idx3-ubyte|No images'],
    [
      'torn gzip',
      'torn.csv.gz',
      gzipSync('text\nabc\n').subarray(0, 15),
      '|Cannot read dataset torn.csv.gz: bad gzip data',
    ],
  ])('%s', (_case, name, content, message) => {
    expect(refusal(name, content)).toContain(message);
  });
});
