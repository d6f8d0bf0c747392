import { mkdtempSync, writeFileSync } from 'node:fs';
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
])('%s', (name, content) => {
  const cwd = mkdtempSync(join(tmpdir(), 'infer-bench-datasets-'));
  writeFileSync(join(cwd, name), content);
  describe.each(['row', 'text'] as const)('as %s', (wanted) => {
    datasetContract(() => openDataset(name, cwd, { columns: wanted === 'text' ? ['a'] : [], wanted }));
  });
});

describe.each(['row', 'text'] as const)('a directory as %s', (wanted) => {
  const cwd = mkdtempSync(join(tmpdir(), 'infer-bench-datasets-'));
  writeFileSync(join(cwd, 'one.bin'), Buffer.from([1, 2]));
  writeFileSync(join(cwd, 'two.bin'), Buffer.from([3]));
  datasetContract(() => openDataset(cwd, '/', { columns: [], wanted }));
});
