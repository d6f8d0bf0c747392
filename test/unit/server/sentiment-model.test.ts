import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../../src/server/safetensors.js';
import { loadSentimentModel, sentimentFeatures } from '../../../src/server/sentiment-model.js';
import { makeTweets } from '../../../training/make-tweets.js';
import { safetensorsBytes } from '../../../training/write-safetensors.js';

const WEIGHTS = new URL('../../../models/sentiment.safetensors', import.meta.url);
const model = loadSentimentModel();

const SPACELESS = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}ー]$/u;
const isSpaceless = (point: string | undefined): boolean => point !== undefined && SPACELESS.test(point);
const isMark = (point: string | undefined): boolean => point !== undefined && /^\p{M}$/u.test(point);
const isWord = (point: string | undefined): boolean =>
  point !== undefined && point !== '\ufe0f' && !isSpaceless(point) && /^[\p{L}\p{M}\p{N}_]$/u.test(point);

/** Tokens by walking over the code points, one rule after the other. */
function naiveTokens(text: string): readonly string[] {
  const points = [...text.normalize('NFC').toLowerCase()];
  const tokens: string[] = [];
  for (let at = 0; at < points.length; ) {
    let token = points[at] ?? '';
    const next = points[at + 1];
    if (isWord(token)) {
      for (let end = at + 1; ; end += 1) {
        const point = points[end];
        const joins = (point === "'" || point === '’') && isWord(points[end + 1]);
        if (!isWord(point) && !joins) break;
        token += point;
      }
    } else if (isSpaceless(token)) {
      for (let end = at + 1; isMark(points[end]); end += 1) token += points[end];
    } else if (/^\p{RI}\p{RI}$/u.test(`${token}${next ?? ''}`)) {
      token += next;
    } else if (!/^[\p{ExtPict}!?]$/u.test(token)) {
      at += 1;
      continue;
    }
    tokens.push(token);
    at += [...token].length;
  }
  return tokens;
}

function naiveFeatures(text: string): readonly string[] {
  const tokens = naiveTokens(text);
  const pairs = tokens.slice(1).map((token, index) => `p${tokens[index]} ${token}`);
  const trigrams = tokens
    .map((token) => [' ', ...token, ' '])
    .filter((points) => points.length > 3)
    .flatMap((points) => points.slice(2).map((_, index) => `t${points.slice(index, index + 3).join('')}`));
  return [...tokens.map((token) => `w${token}`), ...pairs, ...trigrams];
}

/** FNV-1a as published, in whole numbers without limits. */
function naiveBucket(feature: string, buckets: number): number {
  let hash = 2166136261n;
  for (const byte of Buffer.from(feature, 'utf16le')) hash = ((hash ^ BigInt(byte)) * 16777619n) % 2n ** 32n;
  return Number(hash % BigInt(buckets));
}

function naiveProbabilities(text: string): readonly number[] {
  const { tensors } = readSafetensors(WEIGHTS);
  const weight = tensors.get('weight')?.values ?? new Float32Array(0);
  const features = naiveFeatures(text);
  const scores = [...(tensors.get('bias')?.values ?? [])].map((bias, label) => {
    const sum = features.reduce((total, feature) => {
      return total + (weight[naiveBucket(feature, weight.length / 4) * 4 + label] ?? 0);
    }, 0);
    return bias + (features.length === 0 ? 0 : sum / Math.sqrt(features.length));
  });
  const powers = scores.map((score) => Math.exp(score));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

describe('sentimentFeatures', () => {
  it('hashes as FNV-1a does', () => {
    // The published test vector of 32-bit FNV-1a for "a" is 0xe40c292c.
    let hash = 2166136261n;
    hash = ((hash ^ 0x61n) * 16777619n) % 2n ** 32n;
    expect(hash).toBe(0xe40c292cn);
    expect([...sentimentFeatures('x', 4096)]).toEqual([naiveBucket('wx', 4096)]);
  });

  it.each([
    [
      'words and pairs',
      'I love it',
      ['wi', 'wlove', 'wit', 'pi love', 'plove it', 't lo', 'tlov', 'tove', 'tve ', 't it', 'tit '],
    ],
    ['an apostrophe inside a word', "can't", ["wcan't", 't ca', 'tcan', "tan'", "tn't", "t't "]],
    ['characters of scripts without spaces', '很好', ['w很', 'w好', 'p很 好']],
    ['Thai vowels with their letter', 'ดี', ['wดี', 't ดี', 'tดี ']],
    ['a flag as one', '🇯🇵', ['w🇯🇵', 't 🇯🇵', 't🇯🇵 ']],
    ['a joined emoji as its parts', '👩‍💻', ['w👩', 'w💻', 'p👩 💻']],
    ['an emoji without its selector', '❤️', ['w❤']],
    ['marks of opinion', 'No?!', ['wno', 'w?', 'w!', 'pno ?', 'p? !', 't no', 'tno ']],
    ['nothing in punctuation', ' ... ,;:" ', []],
    ['nothing in an empty text', '', []],
  ])('finds %s', (_, text, features) => {
    const found = [...sentimentFeatures(text, 2 ** 31)].sort();
    const wanted = features.map((feature) => naiveBucket(feature, 2 ** 31));
    expect(found).toEqual(wanted.sort());
  });

  it('does not depend on case or on how accents are composed', () => {
    expect(sentimentFeatures('CAFÉ', 4096)).toEqual(sentimentFeatures('cafe\u0301', 4096));
  });

  it('agrees with a naive extraction on every tweet', () => {
    for (const { text } of makeTweets()) {
      const expected = naiveFeatures(text).map((feature) => naiveBucket(feature, 16_384));
      expect([...sentimentFeatures(text, 16_384)].sort()).toEqual(expected.sort());
    }
  });
});

describe('sentiment model', () => {
  it('has its labels in its own order', () => {
    expect(model.labels).toEqual(['positive', 'negative', 'neutral', 'irrelevant']);
  });

  it('agrees with a naive float64 evaluation', () => {
    for (const { text } of makeTweets().slice(0, 60)) {
      const expected = naiveProbabilities(text);
      [...model.predict(text)].forEach((probability, label) => {
        expect(probability).toBeCloseTo(expected[label] ?? Number.NaN, 6);
      });
    }
  });

  it.each([
    ['a usual text', 'I love this phone'],
    ['an empty text', ''],
    ['a lone surrogate', '\ud83d'],
    ['a text far beyond 280 characters', 'great game '.repeat(5000)],
    ['controls', '\u0000\n\r\t'],
  ])('gives probabilities that sum to 1 for %s', (_, text) => {
    const probabilities = [...model.predict(text)];
    expect(probabilities.length).toBe(4);
    expect(probabilities.every((probability) => probability >= 0 && probability <= 1)).toBe(true);
    expect(probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 6);
  });

  it('gives the same answer whatever was asked before', () => {
    const before = model.predict('The new map is gorgeous');
    model.predict('terrible, want a refund');
    expect(model.predict('The new map is gorgeous')).toEqual(before);
  });

  it.each([
    ['positive', 'I love it, the best camera ever, highly recommended'],
    ['negative', 'Terrible and broken, never again, I want a refund'],
    ['positive', '非常喜欢，很棒！'],
    ['negative', 'Ужасно, опять не работает'],
  ])('calls a plain case %s: %s', (label, text) => {
    const probabilities = model.predict(text);
    expect(model.labels[probabilities.indexOf(Math.max(...probabilities))]).toBe(label);
  });

  it('rejects weights without labels', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sentiment-'));
    try {
      const path = join(directory, 'other.safetensors');
      writeFileSync(path, safetensorsBytes([{ name: 'weight', shape: [1, 1], values: [1] }], {}));
      expect(() => loadSentimentModel(path)).toThrow(/metadata "labels" is missing/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
