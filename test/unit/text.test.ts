import { expect, it } from 'vitest';
import { inert } from '../../src/text.js';

it('plain data is made safe to print in all of its texts, whole, and nothing else of it changes', () => {
  const long = 'x'.repeat(300);
  const value = { a: ['\u001b[2J', 1, null, true], 'k\u0007': { long, deep: [{ text: 'a\u202eb' }] } };
  expect(inert(value)).toEqual({ a: ['\\x1b[2J', 1, null, true], 'k\u0007': { long, deep: [{ text: 'a\\u202eb' }] } });
});
