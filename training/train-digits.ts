import { writeFileSync } from 'node:fs';
import { type DigitModel, loadDigitModel } from '../src/server/digit-model.js';
import { type Digits, makeDigits, TRAINING_DIGIT_COUNT } from './make-digits.js';
import { softmaxInPlace } from './portable-math.js';
import { type Random, seededRandom } from './random.js';
import { isStartedScript } from './run-directly.js';
import { safetensorsBytes } from './write-safetensors.js';

const INPUTS = 784;
const HIDDEN = 32;
const CLASSES = 10;
const EPOCHS = 20;
const FIRST_RATE = 0.05;
const LAST_RATE = 0.002;
/** Share of every weight that is taken away after each epoch, times the learning rate. */
const WEIGHT_DECAY = 0.02;
const SEED = 11;

/** A network 784 -> 32 ReLU -> 10 softmax; all float64 row-major. */
export interface DigitWeights {
  /** `[784, 32]` */
  readonly hiddenWeight: Float64Array;
  /** `[32]` */
  readonly hiddenBias: Float64Array;
  /** `[32, 10]` */
  readonly outputWeight: Float64Array;
  /** `[10]` */
  readonly outputBias: Float64Array;
}

/** Pixels uint8 0..255 to the model's input: `[count, 784]` float32 in 0..1. */
export function digitInputs(pixels: Uint8Array): Float32Array {
  return Float32Array.from(pixels, (level) => level / 255);
}

/** Fits the network by SGD, one image at a time, on the first `count` digits; the same digits give the same bits. */
export function fitDigits({ pixels, labels }: Digits, count: number): DigitWeights {
  const random = seededRandom(SEED);
  const weights: DigitWeights = {
    hiddenWeight: randomValues(random, { count: INPUTS * HIDDEN, spread: 0.08 }),
    hiddenBias: new Float64Array(HIDDEN),
    outputWeight: randomValues(random, { count: HIDDEN * CLASSES, spread: 0.25 }),
    outputBias: new Float64Array(CLASSES),
  };
  const images = Array.from({ length: count }, (_, image) => ({
    input: digitInputs(pixels.subarray(image * INPUTS, (image + 1) * INPUTS)),
    label: labels[image] as number,
  }));
  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    const rate = FIRST_RATE + ((LAST_RATE - FIRST_RATE) * epoch) / (EPOCHS - 1);
    for (const image of random.shuffled(images)) step(weights, { ...image, rate });
    shrink(weights.hiddenWeight, 1 - rate * WEIGHT_DECAY);
    shrink(weights.outputWeight, 1 - rate * WEIGHT_DECAY);
  }
  return weights;
}

function randomValues(
  random: Random,
  { count, spread }: { readonly count: number; readonly spread: number },
): Float64Array {
  return Float64Array.from({ length: count }, () => random.normal() * spread);
}

function shrink(values: Float64Array, kept: number): void {
  for (let at = 0; at < values.length; at += 1) values[at] = (values[at] as number) * kept;
}

interface Example {
  /** `[784]` float32 in 0..1. */
  readonly input: Float32Array;
  readonly label: number;
  readonly rate: number;
}

/** One step down the gradient of the cross entropy of one image. */
function step(weights: DigitWeights, { input, label, rate }: Example): void {
  const { hiddenWeight, hiddenBias, outputWeight, outputBias } = weights;
  const hidden = Float64Array.from(hiddenBias);
  for (let pixel = 0; pixel < INPUTS; pixel += 1) {
    const ink = input[pixel] as number;
    if (ink === 0) continue;
    for (let unit = 0; unit < HIDDEN; unit += 1) {
      hidden[unit] = (hidden[unit] as number) + ink * (hiddenWeight[pixel * HIDDEN + unit] as number);
    }
  }
  const slopes = Float64Array.from(outputBias);
  for (let unit = 0; unit < HIDDEN; unit += 1) {
    const activation = Math.max(0, hidden[unit] as number);
    for (let digit = 0; digit < CLASSES; digit += 1) {
      slopes[digit] = (slopes[digit] as number) + activation * (outputWeight[unit * CLASSES + digit] as number);
    }
  }
  softmaxInPlace(slopes);
  slopes[label] = (slopes[label] as number) - 1;

  const hiddenSteps = new Float64Array(HIDDEN);
  for (let unit = 0; unit < HIDDEN; unit += 1) {
    const activation = hidden[unit] as number;
    if (activation <= 0) continue;
    let slope = 0;
    for (let digit = 0; digit < CLASSES; digit += 1) {
      const index = unit * CLASSES + digit;
      slope += (slopes[digit] as number) * (outputWeight[index] as number);
      outputWeight[index] = (outputWeight[index] as number) - rate * (slopes[digit] as number) * activation;
    }
    hiddenSteps[unit] = rate * slope;
    hiddenBias[unit] = (hiddenBias[unit] as number) - rate * slope;
  }
  for (let digit = 0; digit < CLASSES; digit += 1) {
    outputBias[digit] = (outputBias[digit] as number) - rate * (slopes[digit] as number);
  }
  for (let pixel = 0; pixel < INPUTS; pixel += 1) {
    const ink = input[pixel] as number;
    if (ink === 0) continue;
    for (let unit = 0; unit < HIDDEN; unit += 1) {
      const index = pixel * HIDDEN + unit;
      hiddenWeight[index] = (hiddenWeight[index] as number) - ink * (hiddenSteps[unit] as number);
    }
  }
}

/** The file `models/digits.safetensors`, fitted on the training images. */
export function digitFile(digits: Digits = makeDigits()): Uint8Array {
  const { hiddenWeight, hiddenBias, outputWeight, outputBias } = fitDigits(digits, TRAINING_DIGIT_COUNT);
  return safetensorsBytes(
    [
      { name: 'hidden.weight', shape: [INPUTS, HIDDEN], values: hiddenWeight },
      { name: 'hidden.bias', shape: [HIDDEN], values: hiddenBias },
      { name: 'output.weight', shape: [HIDDEN, CLASSES], values: outputWeight },
      { name: 'output.bias', shape: [CLASSES], values: outputBias },
    ],
    {
      format: 'infer-bench digits 1',
      labels: '0,1,2,3,4,5,6,7,8,9',
      source: 'training/train-digits.ts',
    },
  );
}

/** Share of the images from `start` up to `end`, 0..1, whose most probable class is their label. */
export function digitAccuracy(
  model: DigitModel,
  { digits, start, end }: { readonly digits: Digits; readonly start: number; readonly end: number },
): number {
  const batch = end - start;
  const probabilities = model.predict(digitInputs(digits.pixels.subarray(start * INPUTS, end * INPUTS)), batch);
  let right = 0;
  for (let image = 0; image < batch; image += 1) {
    const row = probabilities.subarray(image * CLASSES, (image + 1) * CLASSES);
    if (row.indexOf(Math.max(...row)) === digits.labels[start + image]) right += 1;
  }
  return right / batch;
}

if (isStartedScript(import.meta.url)) {
  const path = new URL('../models/digits.safetensors', import.meta.url);
  const digits = makeDigits();
  const file = digitFile(digits);
  writeFileSync(path, file);
  console.log(`models/digits.safetensors: ${file.length} bytes`);
  const model = loadDigitModel(path);
  const training = { digits, start: 0, end: TRAINING_DIGIT_COUNT };
  const heldOut = { digits, start: TRAINING_DIGIT_COUNT, end: digits.count };
  console.log(`training accuracy: ${digitAccuracy(model, training).toFixed(4)} (${training.end} images)`);
  console.log(`held-out accuracy: ${digitAccuracy(model, heldOut).toFixed(4)} (${heldOut.end - heldOut.start} images)`);
}
