import { expect, it } from 'vitest';
import type { Dataset, Item, Tensor } from '../../src/datasets/dataset.js';

function tensorsOf(item: Item): readonly Tensor[] {
  return item.kind === 'tensors' ? Object.values(item.inputs) : item.kind === 'tensor' ? [item] : [];
}

/** What every dataset has to be: as large as it says, and the same at an index each time. */
export function datasetContract(open: () => Dataset): void {
  it('has an item at every index, all of one kind', () => {
    const dataset = open();
    expect(Number.isInteger(dataset.size)).toBe(true);
    expect(dataset.size).toBeGreaterThan(0);
    const kinds = new Set<string>();
    for (let index = 0; index < dataset.size; index++) {
      const item = dataset.at(index);
      kinds.add(item.kind);
      if (item.kind === 'text') {
        expect(item.text.trim()).not.toBe('');
      }
      for (const { shape, values } of tensorsOf(item)) {
        expect(values.length).toBe(shape.reduce((product, dim) => product * dim, 1));
        expect(Array.from(values as ArrayLike<unknown>).every(Number.isFinite)).toBe(true);
      }
    }
    expect(kinds.size).toBe(1);
  });

  it('has the same item at an index each time, in any order, and after its user changed one', () => {
    const dataset = open();
    const last = dataset.size - 1;
    const [first, end] = [structuredClone(dataset.at(0)), structuredClone(dataset.at(last))];
    const item = dataset.at(0);
    for (const { values } of tensorsOf(item)) {
      (values as Float32Array).fill(9);
    }
    if (item.kind === 'bytes') {
      item.bytes.fill(9);
    } else if (item.kind === 'row') {
      Object.assign(item.columns, { added: 9 });
    }
    expect(dataset.at(last)).toEqual(end);
    expect(dataset.at(0)).toEqual(first);
    expect(open().at(last)).toEqual(end);
  });
}
