import fc from 'fast-check';
import { expect, it } from 'vitest';
import { continuation, DEFAULT_TIMING, tokenCount } from '../../../src/server/language-model.js';

const unlimited = { seed: 0, maxTokens: Number.MAX_SAFE_INTEGER };

it('says the same to the same prompt and seed, and something else to others', () => {
  expect(continuation('a', unlimited)).toEqual(continuation('a', unlimited));
  const said = [
    continuation('a', unlimited),
    continuation('b', unlimited),
    continuation('a', { ...unlimited, seed: 1 }),
  ];
  expect(new Set(said.map(({ tokens }) => tokens.join(''))).size).toBe(3);
  expect(new Set(said.map(({ id }) => id)).size).toBe(3);
});

it('says one word per token, and no more tokens than asked for', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), fc.integer(), (prompt, maxTokens, seed) => {
      const { tokens, finish } = continuation(prompt, { seed, maxTokens });
      expect(tokenCount(tokens.join(''))).toBe(tokens.length);
      expect(tokens.length).toBeLessThanOrEqual(maxTokens);
      const whole = continuation(prompt, { ...unlimited, seed }).tokens;
      expect(tokens).toEqual(whole.slice(0, maxTokens));
      expect(finish).toBe(maxTokens < whole.length ? 'length' : 'stop');
    }),
  );
});

it('takes 100 ms at most for a whole answer, as long as nobody asks for slower tokens', () => {
  fc.assert(
    fc.property(fc.string(), (prompt) => {
      const { tokens } = continuation(prompt, unlimited);
      expect(tokens.length).toBeGreaterThanOrEqual(2);
      expect(DEFAULT_TIMING.firstMs + (tokens.length - 1) * DEFAULT_TIMING.gapMs).toBeLessThanOrEqual(100);
    }),
  );
});
