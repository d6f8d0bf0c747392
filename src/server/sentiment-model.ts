import { readSafetensors, tensorOf } from './safetensors.js';

/** Softmax regression over hashed text features. */
export interface SentimentModel {
  /** The model's own order: positive, negative, neutral, irrelevant. */
  readonly labels: readonly string[];
  /** `[labels]` float32: probability per label, in label order; sums to 1. */
  predict(text: string): Float32Array;
}

/*
 * A token is one character of a script written without spaces, a word of any other script, a flag, one emoji, or one of
 * ! and ?. Everything else only separates tokens.
 */
const SPACELESS =
  '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\u30fc' +
  '\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]';
// The variation selector U+FE0F counts as a mark, yet it belongs to the emoji before it.
const WORD = `(?:(?!${SPACELESS}|\ufe0f)[\\p{L}\\p{M}\\p{N}_])+`;
const TOKEN = new RegExp(
  `${WORD}(?:['\u2019]${WORD})*|${SPACELESS}\\p{M}*|\\p{RI}\\p{RI}|\\p{Extended_Pictographic}|[!?]`,
  'gu',
);

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const SPACE = 0x20;
const LAST_OF_ONE_UNIT = 0xffff;

// Each kind of feature starts from the hash of its own letter, so that a word and a trigram of the same text differ.
const WORD_START = withUnit(FNV_OFFSET, 'w'.charCodeAt(0));
const PAIR_START = withUnit(FNV_OFFSET, 'p'.charCodeAt(0));
const TRIGRAM_START = withUnit(FNV_OFFSET, 't'.charCodeAt(0));

/**
 * `[features]` uint32 bucket numbers in 0..buckets-1, repeats included: 32-bit FNV-1a over the UTF-16LE bytes of
 * `w` + token, of `p` + token + space + next token, and (tokens of two or more code points) of `t` + each three code
 * points of space + token + space. The text is NFC-normalized and lower-cased first.
 */
export function sentimentFeatures(text: string, buckets: number): Uint32Array {
  const normal = text.normalize('NFC').toLowerCase();
  // A token of n code units gives one word, at most one pair and at most n trigrams.
  const found = new Uint32Array(3 * normal.length);
  let count = 0;
  let previous = '';

  function add(hash: number): void {
    found[count] = (hash >>> 0) % buckets;
    count += 1;
  }

  for (const [token] of normal.matchAll(TOKEN)) {
    add(withText(WORD_START, token));
    if (previous !== '') add(withText(withUnit(withText(PAIR_START, previous), SPACE), token));
    previous = token;

    let first = SPACE;
    let second = token.codePointAt(0) as number;
    let at = unitsOf(second);
    if (at === token.length) continue;
    while (at < token.length) {
      const third = token.codePointAt(at) as number;
      add(withPoint(withPoint(withPoint(TRIGRAM_START, first), second), third));
      at += unitsOf(third);
      first = second;
      second = third;
    }
    add(withUnit(withPoint(withPoint(TRIGRAM_START, first), second), SPACE));
  }
  return found.subarray(0, count);
}

/** Loads `models/sentiment.safetensors` of this package, or another file with the same tensors. */
export function loadSentimentModel(path?: string | URL): SentimentModel {
  const file = readSafetensors(path ?? new URL('../../models/sentiment.safetensors', import.meta.url));
  const labels = file.metadata.get('labels')?.split(',') ?? [];
  if (labels.length === 0) throw new Error('Cannot use the sentiment weights: metadata "labels" is missing');
  const weights = tensorOf(file, 'weight', [null, labels.length]);
  const bias = tensorOf(file, 'bias', [labels.length]).values;
  const buckets = weights.shape[0] as number;
  const scores = new Float64Array(labels.length);

  function predict(text: string): Float32Array {
    const features = sentimentFeatures(text, buckets);
    scores.fill(0);
    for (const bucket of features) {
      const row = bucket * labels.length;
      for (let label = 0; label < labels.length; label += 1) {
        scores[label] = (scores[label] as number) + (weights.values[row + label] as number);
      }
    }
    return probabilitiesOf(features.length);
  }

  function probabilitiesOf(featureCount: number): Float32Array {
    const scale = sentimentFeatureScale(featureCount);
    let highest = Number.NEGATIVE_INFINITY;
    for (let label = 0; label < scores.length; label += 1) {
      const score = (scores[label] as number) * scale + (bias[label] as number);
      scores[label] = score;
      if (score > highest) highest = score;
    }
    let sum = 0;
    for (let label = 0; label < scores.length; label += 1) {
      const power = Math.exp((scores[label] as number) - highest);
      scores[label] = power;
      sum += power;
    }
    return Float32Array.from(scores, (power) => power / sum);
  }

  return { labels, predict };
}

/** The value of each feature of a text with that many: 1 / sqrt(count), so that long and short texts weigh the same. */
export function sentimentFeatureScale(count: number): number {
  return count === 0 ? 0 : 1 / Math.sqrt(count);
}

function withUnit(hash: number, unit: number): number {
  const low = Math.imul(hash ^ (unit & 0xff), FNV_PRIME);
  return Math.imul(low ^ (unit >>> 8), FNV_PRIME);
}

function withText(hash: number, text: string): number {
  let result = hash;
  for (let at = 0; at < text.length; at += 1) result = withUnit(result, text.charCodeAt(at));
  return result;
}

function withPoint(hash: number, point: number): number {
  if (point <= LAST_OF_ONE_UNIT) return withUnit(hash, point);
  const offset = point - 0x10000;
  return withUnit(withUnit(hash, 0xd800 + (offset >>> 10)), 0xdc00 + (offset & 0x3ff));
}

function unitsOf(point: number): number {
  return point > LAST_OF_ONE_UNIT ? 2 : 1;
}
