import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/datasets/dataset.js';
import { readGolden, withGolden } from '../../../src/spec/golden.js';

const cwd = mkdtempSync(join(tmpdir(), 'infer-bench-golden-'));
const golden = (name: string, content: string | Buffer) => {
  writeFileSync(join(cwd, name), content);
  return readGolden(name, cwd);
};

describe('golden answers', () => {
  it('are a JSON list: a label by that name, all else values', () => {
    expect(golden('a.json', '[{"label":7},{"label":"joy"},[0.1,0.9],{"joy":1},{"label":1,"score":2}]')).toEqual([
      { label: '7' },
      { label: 'joy' },
      { values: [0.1, 0.9] },
      { values: { joy: 1 } },
      { values: { label: 1, score: 2 } },
    ]);
  });

  it('are JSON lines', () => {
    expect(golden('a.jsonl', '[1,2]\n{"label":3}\n')).toEqual([{ values: [1, 2] }, { label: '3' }]);
  });

  it('are labels, one a line', () => {
    expect(golden('a.txt', 'joy\r\n others\r\n')).toEqual([{ label: 'joy' }, { label: 'others' }]);
  });

  it('are IDX labels, zipped or not', () => {
    const idx = Buffer.from('00000801000000030705 00'.replace(' ', ''), 'hex');
    const labels = [{ label: '7' }, { label: '5' }, { label: '0' }];
    expect(golden('labels', idx)).toEqual(labels);
    expect(golden('labels.gz', gzipSync(idx))).toEqual(labels);
  });

  it.each([
    ['b.json', '{"a":1}', 'Wanted a list'],
    ['b.json', '[1,', 'Not JSON'],
    ['b.jsonl', '[1]\n[2', 'Not JSON'],
    ['b.txt', '\n', 'No golden answers'],
    ['b', Buffer.from('000008010000000307', 'hex'), 'Got 1 labels, its head says 3'],
  ])('are not in %s: %j', (name, content, reason) => {
    expect(() => golden(name, content)).toThrow(reason);
  });

  it('name the line of what is wrong', () => {
    expect(() => golden('c.jsonl', '[1]\n[2')).toThrow(expect.objectContaining({ path: 'c.jsonl:2' }));
  });

  it('are looked for where the user said', () => {
    expect(() => readGolden('shap', cwd)).toThrow('Cannot read --check shap: no such file or directory');
  });

  it('are one for each item', () => {
    const dataset: Dataset = { name: 'd', size: 2, at: (index) => ({ kind: 'text', text: String(index) }) };
    const labels = [{ label: 'a' }, { label: 'b' }];
    expect(withGolden(dataset, labels, 'f').at(1)).toEqual({ kind: 'text', text: '1', expected: { label: 'b' } });
    expect(() => withGolden(dataset, labels.slice(1), 'f')).toThrow('Got 1 golden answers for the 2 items of d');
  });
});
