import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Dataset, Selection } from '../../../src/datasets/dataset.js';
import { openDataset } from '../../../src/datasets/index.js';
import { BenchError } from '../../../src/errors.js';

const directory = mkdtempSync(join(tmpdir(), 'infer-bench-datasets-'));

function open(name: string, content: string | Uint8Array, selection?: Selection): Dataset {
  writeFileSync(join(directory, name), content);
  return openDataset(name, directory, selection);
}

const column = (...columns: readonly string[]): Selection => ({ columns, wanted: 'text' });
const ROWS: Selection = { columns: [], wanted: 'row' };

function rows(dataset: Dataset): readonly unknown[] {
  return Array.from({ length: dataset.size }, (_, index) => {
    const item = dataset.at(index);
    return item.kind === 'row' ? item.columns : item.kind;
  });
}

/** A new directory with files of these contents; its name below the tests' own. */
function folder(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, file, '..'), { recursive: true });
    writeFileSync(join(directory, name, file), content);
  }
  return name;
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
function refusal(name: string, content?: string | Uint8Array, selection?: Selection): string {
  try {
    content === undefined ? openDataset(name, directory, selection) : open(name, content, selection);
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

describe('columns of CSV', () => {
  const csv = 'id, question ,answer\n1,"a, b",x\n2,,y\n3,c,\n';

  it('one selected has the texts, blank ones left out', () => {
    expect(texts(open('one-column.csv', csv, column('question')))).toEqual(['a, b', 'c']);
  });

  it('several make rows of these, in their order', () => {
    expect(rows(open('columns.csv', csv, column('answer', 'id')))).toEqual([
      { answer: 'x', id: '1' },
      { answer: 'y', id: '2' },
      { answer: '', id: '3' },
    ]);
  });

  it('all make rows for a protocol that takes rows', () => {
    expect(rows(open('rows.csv', csv, ROWS))[1]).toEqual({ id: '2', question: '', answer: 'y' });
    expect(openDataset('tweets', '/', ROWS).at(0).kind).toBe('text');
  });
});

describe('JSON Lines', () => {
  const lines =
    '\ufeff{"text":"a","n":1,"tags":["x"]}\n\n{"text":null,"n":2,"tags":[]}\r\n{"text":"b","n":3,"tags":{}}';

  it('have their texts in the field named text, or in the selected one; null is none', () => {
    expect(texts(open('t.jsonl', lines))).toEqual(['a', 'b']);
    expect(texts(open('t.ndjson.gz', gzipSync(lines), column('n')))).toEqual(['1', '2', '3']);
  });

  it('make rows of selected fields, or whole ones, with values of any kind', () => {
    expect(rows(open('r.jsonl', lines, column('n', 'tags')))).toEqual([
      { n: 1, tags: ['x'] },
      { n: 2, tags: [] },
      { n: 3, tags: {} },
    ]);
    expect(rows(open('r.jsonl', lines, ROWS))[0]).toEqual({ text: 'a', n: 1, tags: ['x'] });
  });
});

describe('a directory', () => {
  const bytes = (dataset: Dataset) =>
    Array.from({ length: dataset.size }, (_, index) => {
      const item = dataset.at(index);
      return item.kind === 'bytes' ? [...item.bytes] : item.kind;
    });

  it('has an item for each file below it, in order of their names, as bytes; hidden ones are none', () => {
    const name = folder('images', {
      'b.png': Buffer.from([137, 80]),
      'a/2.jpg': Buffer.from([255, 216]),
      'a/10.jpg': Buffer.from([1]),
      '.DS_Store': 'x',
      '.git/config': 'x',
      'note.txt': 'hello',
    });
    expect(bytes(openDataset(name, directory))).toEqual([[1], [255, 216], [137, 80], [...Buffer.from('hello')]]);
  });

  it('has rows of the name and the content for a protocol that takes rows', () => {
    const images = folder('two', { 'a/1.png': Buffer.from([137, 80, 78, 71]), 'b.txt': 'x' });
    expect(rows(openDataset(images, directory, ROWS))).toEqual([
      { file: 'a/1.png', base64: 'iVBORw==' },
      { file: 'b.txt', base64: 'eA==' },
    ]);
    expect(rows(openDataset(folder('one', { 'b.txt': 'x' }), directory, ROWS))).toEqual([{ file: 'b.txt', text: 'x' }]);
  });

  it('of .txt files has texts', () => {
    const name = folder('texts', { 'b.txt': 'second\nline', 'a.TXT': '\ufefffirst', 'blank.txt': ' ' });
    expect(texts(openDataset(name, directory))).toEqual(['first', 'second\nline']);
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

  it.each<[string, string, string, Selection, string]>([
    [
      'CSV without the column',
      'no.csv',
      'id,question\n1,a\n',
      column('questions'),
      'no.csv:1|No column "questions" (did you mean question?): the columns are id, question',
    ],
    [
      'CSV without one of several',
      'no.csv',
      'id,question\n1,a\n',
      column('id', 'text'),
      'no.csv:1|No column "text": the columns are id, question',
    ],
    ['CSV of names alone', 'names.csv', 'id,question\n', ROWS, 'names.csv|No rows'],
    [
      'JSON Lines without the column in some line',
      'no.jsonl',
      '{"a":1}\n{"b":2}\n',
      column('a'),
      'no.jsonl:2|No column "a": the columns are b',
    ],
    ['JSON Lines without texts', 'no.jsonl', '{"a":1}\n', column(), 'no.jsonl:1|Cannot tell which of a is the text'],
    [
      'a list in place of a text',
      'list.jsonl',
      '{"a":[1]}\n',
      column('a'),
      'list.jsonl:1|Wanted a text in "a", got [1]',
    ],
    ['a line that is no JSON', 'bad.jsonl', '{"a":1}\n{"a":\n', ROWS, 'bad.jsonl:2|Not JSON: '],
    ['a line that is no object', 'bad.jsonl', '[1]\n', ROWS, 'bad.jsonl:1|Wanted a JSON object'],
    ['JSON Lines of nothing', 'none.jsonl', '\n\n', ROWS, 'none.jsonl|No rows'],
    ['a column of images', 'c.idx3-ubyte', 'x', column('a'), 'c.idx3-ubyte|--column has no effect'],
  ])('%s', (_case, name, content, selection, message) => {
    expect(refusal(name, content, selection)).toContain(message);
  });

  it('a built-in dataset that is asked for a column', () => {
    expect(refusal('tweets', undefined, column('text'))).toContain('tweets|--column has no effect');
  });

  it('a directory without files', () => {
    mkdirSync(join(directory, 'hollow', 'inner'), { recursive: true });
    expect(refusal('hollow')).toBe('hollow|No files in the directory');
  });
});
