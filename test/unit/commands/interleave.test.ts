import { expect, it } from 'vitest';
import { blockOrder } from '../../../src/commands/interleave.js';

const letters = (pairs: number, seed: number) =>
  blockOrder(pairs, seed)
    .map(({ side }) => (side === 'base' ? 'A' : 'B'))
    .join('');

it('blocks alternate as A B B A or B A A B, drawn, the same for the same seed', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    for (const group of letters(10, seed).match(/.{4}/g) as string[]) {
      seen.add(group);
    }
    expect(letters(10, seed)).toBe(letters(10, seed));
  }
  expect([...seen].sort()).toEqual(['ABBA', 'BAAB']);
});

it('each pair has one block of each side, so that an even drift cancels', () => {
  const order = blockOrder(8, 3);
  const place = (side: string) => order.reduce((sum, block, at) => sum + (block.side === side ? at : 0), 0);
  expect(place('base')).toBe(place('head'));
  expect(order.map(({ pair }) => pair)).toEqual(Array.from({ length: 16 }, (_, at) => at >> 1));
});
