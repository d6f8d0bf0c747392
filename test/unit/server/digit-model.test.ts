import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadDigitModel } from '../../../src/server/digit-model.js';
import { readSafetensors } from '../../../src/server/safetensors.js';
import { makeDigits } from '../../../training/make-digits.js';
import { digitInputs } from '../../../training/train-digits.js';
import { safetensorsBytes } from '../../../training/write-safetensors.js';

const WEIGHTS = new URL('../../../models/digits.safetensors', import.meta.url);
const model = loadDigitModel();
const images = digitInputs(makeDigits().pixels.subarray(0, 50 * 784));

/** The same network with plain arrays in float64, every product included. */
function naive(image: readonly number[]): readonly number[] {
  const { tensors } = readSafetensors(WEIGHTS);
  const layer = (input: readonly number[], name: string): readonly number[] => {
    const weight = [...(tensors.get(`${name}.weight`)?.values ?? [])];
    const bias = [...(tensors.get(`${name}.bias`)?.values ?? [])];
    return bias.map((start, unit) =>
      input.reduce((sum, x, at) => sum + x * (weight[at * bias.length + unit] ?? 0), start),
    );
  };
  const scores = layer(
    layer(image, 'hidden').map((value) => Math.max(0, value)),
    'output',
  );
  const powers = scores.map((score) => Math.exp(score));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

describe('digit model', () => {
  it('agrees with a naive float64 evaluation', () => {
    for (let image = 0; image < 5; image += 1) {
      const input = images.subarray(image * 784, (image + 1) * 784);
      const expected = naive([...input]);
      [...model.predict(input, 1)].forEach((probability, digit) => {
        expect(probability).toBeCloseTo(expected[digit] ?? Number.NaN, 6);
      });
    }
  });

  it('gives a batch the very numbers of its single images', () => {
    const together = model.predict(images, 50);
    expect(together.length).toBe(500);
    for (let image = 0; image < 50; image += 1) {
      const alone = model.predict(images.subarray(image * 784, (image + 1) * 784), 1);
      expect(together.subarray(image * 10, (image + 1) * 10)).toEqual(alone);
    }
  });

  it('gives probabilities that sum to 1, for extreme input too', () => {
    for (const input of [images.subarray(0, 784), new Float32Array(784), new Float32Array(784).fill(1e4)]) {
      const probabilities = [...model.predict(input, 1)];
      expect(probabilities.every((probability) => probability >= 0 && probability <= 1)).toBe(true);
      expect(probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 6);
    }
  });

  it('gives nothing for an empty batch', () => {
    expect(model.predict(new Float32Array(0), 0)).toEqual(new Float32Array(0));
  });

  it.each([
    [783, 1],
    [784, 2],
    [784, 0],
    [784, -1],
    [392, 0.5],
  ])('rejects %i values as a batch of %d', (length, batch) => {
    expect(() => model.predict(new Float32Array(length), batch)).toThrow(/^Cannot predict digits: batch /);
  });

  it('rejects weights of another model', () => {
    const directory = mkdtempSync(join(tmpdir(), 'digits-'));
    try {
      const path = join(directory, 'other.safetensors');
      writeFileSync(path, safetensorsBytes([{ name: 'hidden.weight', shape: [1, 1], values: [1] }], {}));
      expect(() => loadDigitModel(path)).toThrow(/"hidden\.weight": want shape \[784, any\], got \[1, 1\]/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
