import { describe } from 'vitest';
import { BUILT_IN, openDataset } from '../../../src/datasets/index.js';
import { datasetContract } from '../../contract/dataset.js';

describe.each(Object.keys(BUILT_IN))('%s', (name) => {
  datasetContract(() => openDataset(name, '/'));
});
