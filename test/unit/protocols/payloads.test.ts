import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/datasets/dataset.js';
import { payloadAt, payloads, requestAt } from '../../../src/protocols/payloads.js';
import type { Protocol } from '../../../src/protocols/protocol.js';
import { random } from '../../../src/random.js';

const dataset = (size: number): Dataset => ({
  name: 'numbers',
  size,
  at: (index) => ({ kind: 'text', text: String(index) }),
});

/** Writes the items of a request into its path. */
const listing: Protocol = {
  name: 'listing',
  via: 'http',
  endpoints: ['list'],
  encode: (items) => ({
    method: 'GET',
    path: items.map((item) => (item.kind === 'text' ? item.text : '')).join(),
    headers: {},
    body: null,
    batch: items.length,
  }),
  decode: () => ({ outcome: 'ok' }),
};

const pool = (size: number, batchSize: number, seed = 1) =>
  payloads({ protocol: listing, dataset: dataset(size), batchSize, random: random(seed, 'dataset') });
const items = (size: number, batchSize: number, seed = 1) => {
  const { requests } = pool(size, batchSize, seed);
  return requests.map(({ path }) => path.split(',').map(Number));
};

describe('the pool of requests', () => {
  it('holds every item once, in a shuffled order', () => {
    const flat = items(100, 1).flat();
    expect(flat).not.toEqual(flat.toSorted((a, b) => a - b));
    expect(flat.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('puts different items into a batch', () => {
    for (const batch of items(100, 8)) {
      expect(new Set(batch).size).toBe(8);
    }
  });

  it('refuses a batch that would be too large before it is made', () => {
    let longest = 0;
    const protocol: Protocol = {
      ...listing,
      encode(asked) {
        longest = Math.max(longest, asked.length);
        return { ...listing.encode(asked), body: Buffer.alloc(100 + 1_000 * asked.length) };
      },
    };
    const make = (batchSize: number) =>
      payloads({ protocol, dataset: dataset(1), batchSize, random: random(1, 'dataset') });
    expect(() => make(70_000)).toThrow(
      'a batch of 70000 items is a request of about 70.1 MB, at most 67.1 MB are sent: lower --batch-size',
    );
    expect(longest).toBe(2);
    expect(make(3).requests.length).toBe(1);
  });

  it('fills the last batch from the beginning', () => {
    const batches = items(10, 4);
    expect(batches.map(({ length }) => length)).toEqual([4, 4, 4]);
    expect(new Set(batches.flat()).size).toBe(10);
  });

  it('repeats items only in a batch that is larger than the dataset', () => {
    expect(items(3, 7)).toHaveLength(1);
    expect(new Set(items(3, 7)[0]).size).toBe(3);
  });

  it('is the same for a seed and another for another', () => {
    expect(items(50, 2, 5)).toEqual(items(50, 2, 5));
    expect(items(50, 2, 5)).not.toEqual(items(50, 2, 6));
  });

  it.each([
    ['thousands', 40, 4, 10_000],
    ['one for each item of batches of one', 40, 1, 40],
    ['all that a small dataset has', 3, 2, 6],
  ])('has %s where many are wanted, each of other items', (_case, size, batchSize, count) => {
    const source = random(1, 'dataset');
    const { requests } = payloads({ protocol: listing, dataset: dataset(size), batchSize, random: source, many: true });
    expect(requests.length).toBe(count);
    expect(new Set(requests.map(({ path }) => path)).size).toBe(count);
    for (const { path } of requests) {
      expect(new Set(path.split(',')).size).toBe(batchSize);
    }
  });

  it('does not hold more than 64 MiB', () => {
    const heavy: Protocol = {
      ...listing,
      encode: (batch) => ({ ...listing.encode(batch), body: Buffer.alloc(2 ** 20) }),
    };
    const { requests, bytes } = payloads({
      protocol: heavy,
      dataset: dataset(1000),
      batchSize: 1,
      random: random(1, 'dataset'),
    });
    expect(requests.length).toBe(64);
    expect(bytes).toBeGreaterThanOrEqual(64 * 2 ** 20);
  });
});

describe('a sequence number', () => {
  const { requests } = pool(5, 1);
  const index = (request: number) => (request * 2) % 5;
  const health = { method: 'GET', path: '/health', headers: {}, body: null, batch: 0, endpoint: 1 } as const;

  it('has the payload that the order gives it', () => {
    const turns = { before: [], requests, index };
    expect(requestAt(turns, 7)).toBe(requests[4]);
    expect(payloadAt(turns, 7)).toBe(4);
  });

  it('is of a turn: what goes before, in its order, and then a payload', () => {
    const turns = { before: [health, listing.encode([])], requests, index };
    expect([0, 1, 2].map((seq) => requestAt(turns, seq))).toEqual([...turns.before, requests[0]]);
    expect([3, 4, 5].map((seq) => requestAt(turns, seq))).toEqual([...turns.before, requests[2]]);
    expect([3, 4, 5, 8].map((seq) => payloadAt(turns, seq))).toEqual([undefined, undefined, 2, 4]);
  });
});
