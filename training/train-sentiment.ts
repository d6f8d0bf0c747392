import { writeFileSync } from 'node:fs';
import {
  loadSentimentModel,
  type SentimentModel,
  sentimentFeatureScale,
  sentimentFeatures,
} from '../src/server/sentiment-model.js';
import { makeTweets, TRAINING_TWEET_COUNT, type Tweet } from './make-tweets.js';
import { softmaxInPlace } from './portable-math.js';
import { seededRandom } from './random.js';
import { isStartedScript } from './run-directly.js';
import type { TweetLabel } from './tweet-phrases.js';
import { safetensorsBytes } from './write-safetensors.js';

/** Labels of the model in its own order, with the spelling of the data set. */
export const MODEL_LABELS: readonly (readonly [string, TweetLabel])[] = [
  ['positive', 'Positive'],
  ['negative', 'Negative'],
  ['neutral', 'Neutral'],
  ['irrelevant', 'Irrelevant'],
];

const LABELS = MODEL_LABELS.length;
const BUCKETS = 16_384;
const EPOCHS = 20;
const FIRST_RATE = 1;
const LAST_RATE = 0.05;
/** Share of every weight that is taken away after each epoch, times the learning rate. */
const WEIGHT_DECAY = 0.1;
const FOLDS = 5;
const SEED = 7;
const OTHER_SCRIPT = /(?![\p{Script=Latin}])\p{L}/u;

/** Softmax regression fitted by SGD on the tweets given. */
export interface SentimentWeights {
  /** `[buckets, labels]` float64 row-major. */
  readonly weight: Float64Array;
  /** `[labels]` float64. */
  readonly bias: Float64Array;
}

/** Fits the weights; the same tweets give the same bits. */
export function fitSentiment(tweets: readonly Tweet[]): SentimentWeights {
  const random = seededRandom(SEED);
  const examples = tweets.map((tweet) => ({
    features: sentimentFeatures(tweet.text, BUCKETS),
    label: MODEL_LABELS.findIndex(([, spelling]) => spelling === tweet.sentiment),
  }));
  const weight = new Float64Array(BUCKETS * LABELS);
  const bias = new Float64Array(LABELS);

  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    const rate = FIRST_RATE + ((LAST_RATE - FIRST_RATE) * epoch) / (EPOCHS - 1);
    for (const { features, label } of random.shuffled(examples)) {
      const scale = sentimentFeatureScale(features.length);
      const slopes = scoresOf({ weight, bias }, features);
      softmaxInPlace(slopes);
      slopes[label] = (slopes[label] as number) - 1;
      for (let at = 0; at < LABELS; at += 1) {
        const step = rate * (slopes[at] as number);
        bias[at] = (bias[at] as number) - step * 0.1;
        for (const bucket of features) {
          const index = bucket * LABELS + at;
          weight[index] = (weight[index] as number) - step * scale;
        }
      }
    }
    const kept = 1 - rate * WEIGHT_DECAY;
    for (let index = 0; index < weight.length; index += 1) weight[index] = (weight[index] as number) * kept;
  }
  return { weight, bias };
}

function scoresOf({ weight, bias }: SentimentWeights, features: Uint32Array): Float64Array {
  const scale = sentimentFeatureScale(features.length);
  const scores = new Float64Array(LABELS);
  for (const bucket of features) {
    for (let at = 0; at < LABELS; at += 1) {
      scores[at] = (scores[at] as number) + (weight[bucket * LABELS + at] as number);
    }
  }
  for (let at = 0; at < LABELS; at += 1) scores[at] = (scores[at] as number) * scale + (bias[at] as number);
  return scores;
}

/** The file `models/sentiment.safetensors`, fitted on the training rows. */
export function sentimentFile(tweets: readonly Tweet[] = makeTweets()): Uint8Array {
  const { weight, bias } = fitSentiment(tweets.slice(0, TRAINING_TWEET_COUNT));
  return safetensorsBytes(
    [
      { name: 'weight', shape: [BUCKETS, LABELS], values: weight },
      { name: 'bias', shape: [LABELS], values: bias },
    ],
    {
      format: 'infer-bench sentiment 1',
      labels: MODEL_LABELS.map(([label]) => label).join(','),
      features: 'FNV-1a buckets of words, word pairs and character trigrams',
      source: 'training/train-sentiment.ts',
    },
  );
}

/**
 * Accuracy, 0..1, on the training rows when a random fifth of the templates is left out of the fit, each fifth in turn.
 * Harsher than the held-out rows: a language with a few templates loses most of its words with one of them.
 */
export function templateFoldAccuracy(tweets: readonly Tweet[]): number {
  const templates = [...new Set(tweets.map((tweet) => tweet.templates[0]))];
  const folds = new Map(
    seededRandom(SEED)
      .shuffled(templates)
      .map((template, index) => [template, index % FOLDS]),
  );
  let right = 0;
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const weights = fitSentiment(tweets.filter((tweet) => folds.get(tweet.templates[0]) !== fold));
    for (const tweet of tweets) {
      if (folds.get(tweet.templates[0]) !== fold) continue;
      const scores = scoresOf(weights, sentimentFeatures(tweet.text, BUCKETS));
      if (MODEL_LABELS[scores.indexOf(Math.max(...scores))]?.[1] === tweet.sentiment) right += 1;
    }
  }
  return right / tweets.length;
}

/** Share of the tweets, 0..1, whose most probable label is the one in the file. */
export function sentimentAccuracy(model: SentimentModel, tweets: readonly Tweet[]): number {
  const right = tweets.filter((tweet) => {
    const probabilities = model.predict(tweet.text);
    return spellingOf(model.labels[probabilities.indexOf(Math.max(...probabilities))]) === tweet.sentiment;
  });
  return right.length / tweets.length;
}

function spellingOf(modelLabel: string | undefined): TweetLabel | undefined {
  return MODEL_LABELS.find(([label]) => label === modelLabel)?.[1];
}

if (isStartedScript(import.meta.url)) {
  const path = new URL('../models/sentiment.safetensors', import.meta.url);
  const file = sentimentFile();
  writeFileSync(path, file);
  console.log(`models/sentiment.safetensors: ${file.length} bytes`);
  const model = loadSentimentModel(path);
  const tweets = makeTweets();
  const parts = { training: tweets.slice(0, TRAINING_TWEET_COUNT), 'held-out': tweets.slice(TRAINING_TWEET_COUNT) };
  for (const [part, rows] of Object.entries(parts)) {
    console.log(`${part} accuracy: ${sentimentAccuracy(model, rows).toFixed(4)} (${rows.length} rows)`);
    for (const [label, spelling] of MODEL_LABELS) {
      const labelled = rows.filter((row) => row.sentiment === spelling);
      console.log(`  ${label}: ${sentimentAccuracy(model, labelled).toFixed(4)} (${labelled.length} rows)`);
    }
    const otherScripts = rows.filter((row) => OTHER_SCRIPT.test(row.text));
    console.log(
      `  with letters that are not Latin: ${sentimentAccuracy(model, otherScripts).toFixed(4)} (${otherScripts.length} rows)`,
    );
  }
  console.log(`template-fold accuracy: ${templateFoldAccuracy(parts.training).toFixed(4)} (${FOLDS} folds)`);
}
