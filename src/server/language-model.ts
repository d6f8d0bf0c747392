import { random } from '../random.js';

/** When the tokens of an answer come: the first after a while, each of the others a gap later; ms. */
export interface TokenTiming {
  readonly firstMs: number;
  readonly gapMs: number;
}

/** A whole answer of the most tokens that the model has to say takes 80 ms. */
export const DEFAULT_TIMING: TokenTiming = { firstMs: 20, gapMs: 4 };

/** Tokens of an answer that no limit cuts. */
const FEWEST_TOKENS = 6;
const MOST_TOKENS = 16;

/** Each word, with the space before it, is one token. */
const WORDS = (
  'a able about after again all always and answer are as at back be because before best better but by call can close ' +
  'come could day do down each end even every few find first for from get give go good great had has have here high how ' +
  'if in into is it just keep know large last late let life like line little long look made make many may mean more most ' +
  'move much must need never new next no not now of off often old on one only open or other our out over own part place ' +
  'plan play point put quick rate read right run same say see seem send set short show side small so some sound start ' +
  'still such take tell test than that the then there they thing think this time to too turn two under until up use very ' +
  'wait want way we well what when where which while who why will with word work world would year you'
).split(' ');

/** What a model says to a prompt. */
export interface Continuation {
  /** Eight hexadecimal digits, the same for the same prompt and seed. */
  readonly id: string;
  /** The texts of the tokens in order. */
  readonly tokens: readonly string[];
  /** Whether the model had said all, or was cut by the limit. */
  readonly finish: 'stop' | 'length';
}

interface Limits {
  readonly seed: number;
  readonly maxTokens: number;
}

/**
 * A language model without a language: words drawn at random, the same ones each time for the same prompt and seed. What
 * a client measures of it is the timing, which is exact.
 */
export function continuation(prompt: string, { seed, maxTokens }: Limits): Continuation {
  const own = seed ^ hashOf(prompt);
  const draw = random(own, 'tokens');
  const wanted = FEWEST_TOKENS + draw.below(MOST_TOKENS - FEWEST_TOKENS + 1);
  const tokens = Array.from({ length: Math.min(wanted, maxTokens) }, (_, place) => {
    const word = WORDS[draw.below(WORDS.length)] as string;
    return place === 0 ? word : ` ${word}`;
  });
  const id = (own >>> 0).toString(16).padStart(8, '0');
  return { id, tokens, finish: maxTokens < wanted ? 'length' : 'stop' };
}

/** How many tokens a text has: its words. */
export function tokenCount(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** FNV-1a, 32 bits, over UTF-16 code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash;
}
