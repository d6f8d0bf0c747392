import { describe, expect, it } from 'vitest';
import { responseCache } from '../../../src/server/response-cache.js';

describe('the response cache', () => {
  it('keeps an answer for its time, which being asked for does not prolong', () => {
    const cache = responseCache<string>({ ttlUs: 60, maxEntries: 10 });
    cache.set('a', 'A', 100);
    expect(cache.get('a', 100)).toEqual({ value: 'A', expiresUs: 160 });
    expect(cache.get('a', 159)).toEqual({ value: 'A', expiresUs: 160 });
    expect(cache.get('a', 160)).toBeUndefined();
    expect(cache.get('a', 100)).toBeUndefined();
    expect(cache.get('b', 100)).toBeUndefined();
  });

  it('begins the time anew with a new answer', () => {
    const cache = responseCache<string>({ ttlUs: 60, maxEntries: 10 });
    cache.set('a', 'A', 0);
    cache.set('a', 'B', 50);
    expect(cache.get('a', 100)).toEqual({ value: 'B', expiresUs: 110 });
  });

  it('gives the place of the one that was not asked for the longest', () => {
    const cache = responseCache<number>({ ttlUs: 1_000, maxEntries: 3 });
    for (const [index, key] of ['a', 'b', 'c'].entries()) {
      cache.set(key, index, index);
    }
    cache.get('a', 10);
    cache.set('d', 3, 11);
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key, 12))).toEqual(['a', 'c', 'd']);
    cache.set('c', 4, 13);
    expect(['a', 'c', 'd'].filter((key) => cache.get(key, 14))).toEqual(['a', 'c', 'd']);
  });
});
