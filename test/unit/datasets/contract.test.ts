import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { BUILT_IN, openDataset } from '../../../src/datasets/index.js';
import { datasetContract } from '../../contract/dataset.js';

describe.each(Object.keys(BUILT_IN))('%s', (name) => {
  datasetContract(() => openDataset(name, '/'));
});

describe.each([
  ['rows.csv', 'a,b\n1,2\n3,4\n'],
  ['rows.jsonl', '{"a":1,"b":{"c":[2]}}\n{"a":3,"b":null}\n'],
  ['directory', ''],
])('%s', (name, content) => {
  const cwd = mkdtempSync(join(tmpdir(), 'infer-bench-datasets-'));
  mkdirSync(join(cwd, 'directory'));
  writeFileSync(join(cwd, 'directory', 'one.bin'), Buffer.from([1, 2]));
  writeFileSync(join(cwd, 'directory', 'two.bin'), Buffer.from([3]));
  if (content !== '') {
    writeFileSync(join(cwd, name), content);
  }
  datasetContract(() => openDataset(name, cwd, { columns: [], wanted: 'row' }));
});
