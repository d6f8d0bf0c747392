import { readSafetensors, tensorOf } from './safetensors.js';

/** A small network for 28x28 gray digits: 784 -> hidden ReLU -> 10 softmax. */
export interface DigitModel {
  readonly inputSize: 784;
  readonly classes: 10;
  /** `[batch, 784]` float32 row-major, paper 0, ink 1 -> `[batch, 10]` float32 probabilities; throws on a wrong length. */
  predict(images: Float32Array, batch: number): Float32Array;
}

const INPUT_SIZE = 784;
const CLASSES = 10;

/** Loads `models/digits.safetensors` of this package, or another file with the same tensors. */
export function loadDigitModel(path?: string | URL): DigitModel {
  const file = readSafetensors(path ?? new URL('../../models/digits.safetensors', import.meta.url));
  const hiddenWeights = tensorOf(file, 'hidden.weight', [INPUT_SIZE, null]);
  const hiddenSize = hiddenWeights.shape[1] as number;
  const hiddenBias = tensorOf(file, 'hidden.bias', [hiddenSize]).values;
  const outputWeights = tensorOf(file, 'output.weight', [hiddenSize, CLASSES]).values;
  const outputBias = tensorOf(file, 'output.bias', [CLASSES]).values;
  // Sums are kept in float64: exact enough that the order of a batch cannot matter, and no rounding per step.
  const hidden = new Float64Array(hiddenSize);
  const scores = new Float64Array(CLASSES);

  function predict(images: Float32Array, batch: number): Float32Array {
    if (!Number.isSafeInteger(batch) || batch < 0 || images.length !== batch * INPUT_SIZE) {
      throw new Error(`Cannot predict digits: batch ${batch} needs ${batch * INPUT_SIZE} values, got ${images.length}`);
    }
    const probabilities = new Float32Array(batch * CLASSES);
    for (let image = 0; image < batch; image += 1) {
      hidden.set(hiddenBias);
      addRowsOfInk(images, image * INPUT_SIZE);
      scores.set(outputBias);
      for (let unit = 0; unit < hiddenSize; unit += 1) {
        const activation = hidden[unit] as number;
        if (activation <= 0) continue;
        const row = unit * CLASSES;
        for (let digit = 0; digit < CLASSES; digit += 1) {
          scores[digit] = (scores[digit] as number) + activation * (outputWeights[row + digit] as number);
        }
      }
      writeSoftmax(scores, probabilities, image * CLASSES);
    }
    return probabilities;
  }

  function addRowsOfInk(images: Float32Array, start: number): void {
    const weights = hiddenWeights.values;
    for (let pixel = 0; pixel < INPUT_SIZE; pixel += 1) {
      const ink = images[start + pixel] as number;
      // About four fifths of a digit image is blank paper.
      if (ink === 0) continue;
      const row = pixel * hiddenSize;
      for (let unit = 0; unit < hiddenSize; unit += 1) {
        hidden[unit] = (hidden[unit] as number) + ink * (weights[row + unit] as number);
      }
    }
  }

  return { inputSize: INPUT_SIZE, classes: CLASSES, predict };
}

function writeSoftmax(scores: Float64Array, target: Float32Array, start: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > highest) highest = score;
  let sum = 0;
  for (let at = 0; at < scores.length; at += 1) {
    const power = Math.exp((scores[at] as number) - highest);
    scores[at] = power;
    sum += power;
  }
  for (let at = 0; at < scores.length; at += 1) target[start + at] = (scores[at] as number) / sum;
}
