import { writeFileSync } from 'node:fs';
import { type Random, seededRandom } from './random.js';
import { isStartedScript } from './run-directly.js';
import {
  ACCENTED,
  ADDRESSES,
  ASIDES,
  CLAUSES,
  EMOJI,
  ENTITIES,
  type Entity,
  FEATURES,
  FOLLOW_UPS,
  HASHTAGS,
  OTHER_SCRIPTS,
  SENTENCES,
  TINY,
  TWEET_LABELS,
  type TweetLabel,
  type TweetPart,
  WORDS,
} from './tweet-phrases.js';

/** One made-up tweet. */
export interface Tweet {
  /** Distinct positive integer. */
  readonly id: number;
  readonly entity: string;
  readonly sentiment: TweetLabel;
  /** 1 to 280 code points; may contain line breaks. */
  readonly text: string;
  /** The sentence templates that the text was made from, in order; never written to the file. */
  readonly templates: readonly string[];
}

/** Rows in the file. */
export const TWEET_COUNT = 1600;

/** The first rows train the model; the rest is held out. */
export const TRAINING_TWEET_COUNT = 1280;

const SEED = 20_240_817;
const LONGEST_TEXT = 280;
const WRONG_LABEL_RATIO = 0.03;
const A_BEFORE_VOWEL =
  /\b([Aa]) (?=(?:amazing|awful|annoying|ugly|unusable|unreliable|impressive|excellent|overpriced|acc\w+|eng\w+)\b)/g;

type Kind = 'sentence' | 'tiny' | 'long' | 'otherScript' | 'accented';

interface Draft {
  readonly entity: Entity;
  readonly label: TweetLabel;
  readonly part: TweetPart;
  readonly kind: Kind;
}

type Templates = (draft: Draft) => string;

/** The tweets in file order, always the same: 80 % for training, then 20 % from templates that training never saw. */
export function makeTweets(): readonly Tweet[] {
  const random = seededRandom(SEED);
  const texts = new Set<string>();
  const parts: readonly (readonly [TweetPart, number])[] = [
    ['train', TRAINING_TWEET_COUNT],
    ['heldOut', TWEET_COUNT - TRAINING_TWEET_COUNT],
  ];
  const rows = parts.flatMap(([part, count]) => {
    const made = TWEET_LABELS.flatMap((label) =>
      tweetsOfLabel(random, { label, part, count: count / TWEET_LABELS.length, texts }),
    );
    return withWrongLabels(random, random.shuffled(made));
  });

  let id = 2400;
  return rows.map((row) => {
    id += 1 + random.index(6);
    return { id, ...row };
  });
}

/** The tweets as CSV without a header: id, entity, sentiment, text; RFC 4180 quotes where needed, LF line ends. */
export function tweetsCsv(tweets: readonly Tweet[] = makeTweets()): string {
  return tweets
    .map((tweet) => `${[tweet.id, tweet.entity, tweet.sentiment, tweet.text].map(field).join(',')}\n`)
    .join('');
}

function field(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function tweetsOfLabel(
  random: Random,
  wanted: { readonly label: TweetLabel; readonly part: TweetPart; readonly count: number; readonly texts: Set<string> },
): Omit<Tweet, 'id'>[] {
  const { label, part, count, texts } = wanted;
  const templates = templateDealer(random);
  const made: Omit<Tweet, 'id'>[] = [];
  while (made.length < count) {
    const draft: Draft = { entity: random.pick(ENTITIES), label, part, kind: kindOf(random) };
    const used: string[] = [];
    const text = textOf(random, draft, (kind) => {
      const template = templates({ ...draft, kind });
      used.push(template);
      return template;
    });
    // Short templates run out of variants; the next draw takes another one.
    if (texts.has(text) || [...text].length > LONGEST_TEXT) continue;
    texts.add(text);
    made.push({ entity: draft.entity.name, sentiment: label, text, templates: used });
  }
  return made;
}

function kindOf(random: Random): Kind {
  const draw = random.next();
  if (draw < 0.14) return 'otherScript';
  if (draw < 0.21) return 'accented';
  if (draw < 0.23) return 'tiny';
  if (draw < 0.245) return 'long';
  return 'sentence';
}

/** Deals the templates of each list in shuffled rounds, so that all of them occur about equally often. */
function templateDealer(random: Random): Templates {
  const lists = { sentence: SENTENCES, long: SENTENCES, tiny: TINY, otherScript: OTHER_SCRIPTS, accented: ACCENTED };
  const decks = new Map<string, string[]>();
  return ({ label, part, kind }) => {
    let deck = decks.get(kind);
    if (deck === undefined || deck.length === 0) {
      deck = random.shuffled(lists[kind][label][part]);
      decks.set(kind, deck);
    }
    return deck.pop() as string;
  };
}

function textOf(random: Random, draft: Draft, nextTemplate: (kind: Kind) => string): string {
  const { kind } = draft;
  if (kind === 'tiny') return fill(random, draft, nextTemplate(kind));
  if (kind === 'long') return longText(random, draft, () => nextTemplate('sentence'));

  const sentence = kind === 'sentence';
  let text = fill(random, draft, nextTemplate(kind));
  if (sentence && random.chance(0.3)) {
    text = `${text}${/[.!?]$/.test(text) ? '' : '.'} ${random.pick(FOLLOW_UPS[draft.label][draft.part])}`;
  }
  if (sentence && random.chance(0.12)) {
    const aside = random.pick(ASIDES);
    text = random.chance(0.5) ? `${aside}, ${text}` : `${text} ${aside}`;
  }
  if (sentence) text = casual(random, text);
  if (random.chance(0.04)) text = `RT @user${1000 + random.index(9000)}: "${text}"`;
  else if (random.chance(0.12)) text = `@user${1000 + random.index(9000)} ${text}`;
  if (random.chance(0.3)) text += emoji(random, draft.label);
  if (random.chance(0.16)) text += ` ${random.pick(HASHTAGS)}`;
  if (random.chance(0.06)) text += ` ${random.pick(HASHTAGS)}`;
  if (random.chance(0.08)) text += `${random.chance(0.3) ? '\n\n' : ' '}${fill(random, draft, '{url}')}`;
  return text;
}

function longText(random: Random, draft: Draft, nextTemplate: () => string): string {
  let text = '';
  // Some long tweets stop short of the limit; the others are cut at it, as an editor with a limit does.
  const enough = random.chance(0.4) ? 200 : LONGEST_TEXT;
  while ([...text].length < enough) {
    const sentence = fill(random, draft, nextTemplate());
    text += `${text === '' ? '' : ' '}${sentence}${/[.!?]$/.test(sentence) ? '' : '.'}`;
  }
  const points = [...text];
  return points.length > LONGEST_TEXT ? `${points.slice(0, LONGEST_TEXT - 1).join('')}…` : text;
}

function emoji(random: Random, label: TweetLabel): string {
  const first = random.pick(random.chance(0.5) ? EMOJI[label] : EMOJI.any);
  if (random.chance(0.25)) return ` ${first}${random.pick(EMOJI.any)}`;
  return random.chance(0.2) ? `${first}${first}` : ` ${first}`;
}

/** What thumbs do to spelling, whatever the mood. */
function casual(random: Random, text: string): string {
  let result = text;
  if (random.chance(0.06)) result = result.replaceAll(/(?<=\p{L})['’](?=\p{L})/gu, '');
  if (random.chance(0.3)) result = result.replace(/\bso\b/, random.chance(0.5) ? 'sooo' : 'soo');
  if (random.chance(0.15)) result = result.replace(/[.!]$/, '');
  else if (random.chance(0.08)) result = result.replace(/[.!]?$/, '!!');
  // Addresses keep their case.
  if (result.includes('https://')) return result;
  if (random.chance(0.15)) return result.toLowerCase();
  return random.chance(0.02) ? result.toUpperCase() : result;
}

function fill(random: Random, draft: Draft, template: string): string {
  const [feature, secondFeature] = random.shuffled(FEATURES[draft.entity.kind]) as [string, string];
  const otherEntity = random.pick(ENTITIES.filter((entity) => entity !== draft.entity));
  const name = nameOf(random, draft.entity);

  function valueFor(slot: string): string {
    switch (slot) {
      case 'e':
        return name;
      case 'e2':
        return otherEntity.name;
      case 'E':
        return draft.entity.name.replaceAll(' ', '');
      case 'f':
        return feature;
      case 'f2':
        return secondFeature;
      case 'n':
        return String(2 + random.index(11));
      case 'num':
        return String(100 + random.index(9900));
      case 'pct':
        return String(3 + random.index(95));
      case 'at':
        return `@user${1000 + random.index(9000)}`;
      case 'url':
        return `https://example.com/${random.pick(ADDRESSES)}`;
      case 'good':
      case 'bad':
      case 'news':
        return random.pick(CLAUSES[slot][draft.part]);
      default:
        return random.pick(wordsOf(slot));
    }
  }

  let text = template;
  // A clause may bring slots of its own.
  while (/\{\w+\}/.test(text)) {
    text = text.replaceAll(/\{(\w+)\}/g, (_, slot: string) => {
      const lower = slot.toLowerCase();
      if (slot === 'E' || slot === lower) return valueFor(slot);
      const value = valueFor(lower);
      return value.charAt(0).toUpperCase() + value.slice(1);
    });
  }
  return text.replaceAll(A_BEFORE_VOWEL, '$1n ');
}

function wordsOf(slot: string): readonly string[] {
  const words = WORDS[slot];
  if (words === undefined) throw new Error(`Cannot fill slot "{${slot}}": no such word list`);
  return words;
}

function nameOf(random: Random, entity: Entity): string {
  const draw = random.next();
  const joined = entity.name.replaceAll(' ', '');
  if (draw < 0.72) return entity.name;
  if (draw < 0.84) return `#${joined}`;
  return draw < 0.94 ? `@${joined}` : entity.name.toLowerCase();
}

/** People disagree about labels: a few rows carry another one than their template was written for. */
function withWrongLabels(random: Random, rows: readonly Omit<Tweet, 'id'>[]): Omit<Tweet, 'id'>[] {
  const count = Math.round(rows.length * WRONG_LABEL_RATIO);
  const wrong = new Set(random.shuffled(rows.map((_, index) => index)).slice(0, count));
  return rows.map((row, index) => {
    if (!wrong.has(index)) return row;
    const others = TWEET_LABELS.filter((label) => label !== row.sentiment);
    return { ...row, sentiment: random.pick(others) };
  });
}

if (isStartedScript(import.meta.url)) {
  const csv = tweetsCsv();
  writeFileSync(new URL('../datasets/tweets.csv', import.meta.url), csv);
  console.log(`datasets/tweets.csv: ${TWEET_COUNT} rows, ${Buffer.byteLength(csv)} bytes`);
}
