import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { loadDigitModel } from '../../src/server/digit-model.js';
import { loadSentimentModel } from '../../src/server/sentiment-model.js';
import { digitImagesIdx, digitLabelsIdx, makeDigits, TRAINING_DIGIT_COUNT } from '../../training/make-digits.js';
import { makeTweets, TRAINING_TWEET_COUNT, tweetsCsv } from '../../training/make-tweets.js';
import { expOfNonPositive, sineAndCosine } from '../../training/portable-math.js';
import { digitAccuracy, digitFile } from '../../training/train-digits.js';
import { sentimentAccuracy, sentimentFile } from '../../training/train-sentiment.js';
import { ACCENTED, CLAUSES, FOLLOW_UPS, OTHER_SCRIPTS, SENTENCES, TINY } from '../../training/tweet-phrases.js';

function committed(path: string): Buffer {
  return readFileSync(new URL(`../../${path}`, import.meta.url));
}

/** A data set's section of datasets/README.md. */
function sectionOf(name: string): string {
  const section = committed('datasets/README.md')
    .toString()
    .split('\n## ')
    .find((part) => part.startsWith(name));
  if (section === undefined) throw new Error(`datasets/README.md has no section "${name}"`);
  return section;
}

function statedAccuracy(name: string): number {
  const figure = /^Held-out accuracy: (0\.\d+)/m.exec(sectionOf(name))?.[1];
  if (figure === undefined) throw new Error(`datasets/README.md states no held-out accuracy for ${name}`);
  return Number(figure);
}

const tweets = makeTweets();
const texts = tweets.map((tweet) => tweet.text);
const digits = makeDigits();

describe('tweets', () => {
  const file = committed('datasets/tweets.csv');

  it('are what the script makes', () => {
    expect(file.equals(Buffer.from(tweetsCsv()))).toBe(true);
  });

  it('read back by another CSV reader as they were made', () => {
    const rows: unknown = parse(file);
    expect(rows).toEqual(tweets.map(({ id, entity, sentiment, text }) => [String(id), entity, sentiment, text]));
  });

  it('are many and all distinct', () => {
    expect(texts.length).toBe(1600);
    expect(new Set(texts).size).toBe(texts.length);
    expect(new Set(tweets.map((tweet) => tweet.id)).size).toBe(texts.length);
  });

  it('have the length of tweets', () => {
    const lengths = texts.map((text) => [...text].length);
    expect(Math.min(...lengths)).toBeGreaterThan(0);
    expect(Math.max(...lengths)).toBe(280);
    expect(lengths.filter((length) => length >= 20 && length <= 200).length / lengths.length).toBeGreaterThan(0.9);
    expect(lengths.filter((length) => length === 280).length).toBeGreaterThan(2);
    expect(texts.every((text) => text === text.trim() && !text.includes('\r') && !/[{}]/.test(text))).toBe(true);
  });

  it.each([
    ['a double quote', /"/],
    ['a comma', /,/],
    ['a hashtag', /#\w/],
    ['&', /&/],
    ['+', /\+/],
    ['%', /%/],
    ['?', /\?/],
    ['=', /=/],
    ['a mention', /@\w/],
    ['an address with a query', /https:\/\/example\.com\/\S*\?\S*=/],
    ['a line break', /\n/],
    ['an emoji', /\p{ExtPict}/u],
    ['a joined emoji', /\u200d/],
    ['a flag', /\p{RI}\p{RI}/u],
    ['accents', /[àéêöüñçąłộş]/],
    ['Chinese', /[的了们请]/],
    ['Japanese', /\p{sc=Hiragana}/u],
    ['Korean', /\p{sc=Hangul}/u],
    ['Russian', /\p{sc=Cyrillic}/u],
    ['Greek', /\p{sc=Greek}/u],
    ['Arabic', /\p{sc=Arabic}/u],
    ['Hindi', /\p{sc=Devanagari}/u],
    ['Hebrew', /\p{sc=Hebrew}/u],
    ['Thai', /\p{sc=Thai}/u],
  ])('contain %s, in both parts', (_, pattern) => {
    expect(texts.filter((text) => pattern.test(text)).length).toBeGreaterThanOrEqual(15);
    expect(texts.slice(TRAINING_TWEET_COUNT).some((text) => pattern.test(text))).toBe(true);
  });

  it('hold out rows whose templates never occur in training', () => {
    const templatesOf = (part: typeof tweets): Set<string> => new Set(part.flatMap((tweet) => tweet.templates));
    const training = templatesOf(tweets.slice(0, TRAINING_TWEET_COUNT));
    const heldOut = templatesOf(tweets.slice(TRAINING_TWEET_COUNT));
    expect(heldOut.size).toBeGreaterThan(100);
    expect([...heldOut].filter((template) => training.has(template))).toEqual([]);
  });

  it('hold out every clause, second sentence and short text as well', () => {
    const banks = [SENTENCES, FOLLOW_UPS, TINY, OTHER_SCRIPTS, ACCENTED, CLAUSES].flatMap((bank) =>
      Object.values(bank),
    );
    const training = new Set(banks.flatMap((phrases) => phrases.train));
    const heldOut = banks.flatMap((phrases) => phrases.heldOut);
    expect(heldOut.length).toBeGreaterThan(150);
    expect(heldOut.filter((phrase) => training.has(phrase))).toEqual([]);
  });

  it.each(['Positive', 'Negative', 'Neutral', 'Irrelevant'])('have the documented number of rows: %s', (label) => {
    const rows = tweets.filter((tweet) => tweet.sentiment === label).length;
    const heldOut = tweets.slice(TRAINING_TWEET_COUNT).filter((tweet) => tweet.sentiment === label).length;
    expect(sectionOf('tweets.csv')).toContain(`| ${label} | ${rows} | ${heldOut} |`);
    expect(rows / tweets.length).toBeCloseTo(0.25, 1);
  });
});

describe('digits', () => {
  const images = gunzipSync(committed('datasets/digits-images.idx3-ubyte.gz'));
  const labels = gunzipSync(committed('datasets/digits-labels.idx1-ubyte.gz'));

  it('are what the script makes', () => {
    expect(images.equals(digitImagesIdx(digits))).toBe(true);
    expect(labels.equals(digitLabelsIdx(digits))).toBe(true);
  });

  it('are in the format of MNIST', () => {
    expect([0, 4, 8, 12].map((at) => images.readUInt32BE(at))).toEqual([0x803, 2000, 28, 28]);
    expect(images.length).toBe(16 + 2000 * 784);
    expect([0, 4].map((at) => labels.readUInt32BE(at))).toEqual([0x801, 2000]);
    expect(labels.length).toBe(8 + 2000);
  });

  it('have 200 images of each class, ink in the middle and paper around it', () => {
    const counts = Array.from({ length: 10 }, (_, digit) => digits.labels.filter((label) => label === digit).length);
    expect(counts).toEqual(Array(10).fill(200));
    const inked = digits.pixels.filter((level) => level > 0).length / digits.pixels.length;
    expect(inked).toBeGreaterThan(0.1);
    expect(inked).toBeLessThan(0.3);
    for (let image = 0; image < digits.count; image += 1) {
      expect(Math.max(...digits.pixels.subarray(image * 784, (image + 1) * 784))).toBeGreaterThan(150);
    }
  });
});

describe('weights', () => {
  it('come out of the sentiment training bit by bit', () => {
    expect(committed('models/sentiment.safetensors').equals(sentimentFile())).toBe(true);
  });

  it('come out of the digit training bit by bit', () => {
    expect(committed('models/digits.safetensors').equals(digitFile())).toBe(true);
  });

  it('reach the stated accuracy on held-out tweets', () => {
    const accuracy = sentimentAccuracy(loadSentimentModel(), tweets.slice(TRAINING_TWEET_COUNT));
    expect(accuracy).toBeGreaterThanOrEqual(statedAccuracy('tweets.csv'));
    expect(accuracy).toBeLessThan(statedAccuracy('tweets.csv') + 0.01);
  });

  it('reach the stated accuracy on held-out digits', () => {
    const heldOut = { digits, start: TRAINING_DIGIT_COUNT, end: digits.count };
    const accuracy = digitAccuracy(loadDigitModel(), heldOut);
    expect(accuracy).toBeGreaterThanOrEqual(statedAccuracy('digits-images'));
    expect(accuracy).toBeLessThan(statedAccuracy('digits-images') + 0.01);
  });
});

describe('portable mathematics', () => {
  it('agrees with the built-in functions', () => {
    for (let x = 0; x > -60; x -= 0.37) expect(expOfNonPositive(x) / Math.exp(x)).toBeCloseTo(1, 13);
    expect(expOfNonPositive(-1000)).toBe(0);
    for (let angle = -1; angle <= 1; angle += 0.01) {
      expect(sineAndCosine(angle).sine).toBeCloseTo(Math.sin(angle), 14);
      expect(sineAndCosine(angle).cosine).toBeCloseTo(Math.cos(angle), 14);
    }
  });
});
