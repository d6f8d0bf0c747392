import { safeText } from './text.js';
import { formatDuration, parseDurationUs, US_PER_S } from './units.js';

/**
 * One setting of a command: on the command line `--name value`, in a spec file `name: value`. Patterns and protocols
 * declare the flags that only they understand beside their code.
 */
export interface Flag<Value> {
  /** Placeholder in the help, such as `N`; empty for a switch. */
  readonly arg: string;
  readonly short?: string;
  readonly help: string;
  /** The value when the flag is not given, as a user would type it; absent when there is none. */
  readonly default?: string;
  /** Unit of a read value, where its name in files has to say it. */
  readonly unit?: 'us' | 'per_s';
  /** May be given several times; the values are a list. */
  readonly repeatable?: true;
  /** The value is a file's: `content`: `@FILE` stands for what is in it; `path`: it is relative to the working directory. */
  readonly holds?: 'content' | 'path';
  /** What of a typed value may be written to files, where it can have secrets in it. */
  readonly shown?: (text: string) => string;
  /** Reads one value; throws FlagProblem. */
  readonly parse: (text: string) => Value;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The values of a table of flags: lists for repeatable flags, undefined possible where there is no default. */
export type FlagValues<Table extends Flags> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly repeatable: true }
    ? readonly ReturnType<Table[Name]['parse']>[]
    : Table[Name] extends { readonly default: string }
      ? ReturnType<Table[Name]['parse']>
      : ReturnType<Table[Name]['parse']> | undefined;
};

/** What is wrong with a value: `must be …`, and at which of its characters. The caller adds the flag's name and what it got. */
export class FlagProblem extends Error {
  readonly at: number | undefined;

  constructor(message: string, at?: number) {
    super(message);
    this.at = at;
  }
}

/** Longer than any run: 31 days. */
export const MAX_DURATION_US = 31 * 24 * 3600 * US_PER_S;

/** More than any generator of this kind can send: a typing error rather than a plan. */
const MAX_RATE = 10_000_000;

interface Shape {
  readonly arg?: string;
  readonly short?: string;
  readonly help: string;
}

/** A whole number of at least `min` (default 1) and at most `max`. */
export function whole<const S extends Shape & { readonly min?: number; readonly max?: number }>(shape: S) {
  const { min = 1, max = Number.MAX_SAFE_INTEGER } = shape;
  return {
    arg: 'N',
    ...shape,
    parse(text: string): number {
      const value = Number(text);
      if (!/^[+-]?\d+$/.test(text) || value < min || value > max) {
        const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
        throw new FlagProblem(`must be a whole number ${range}`);
      }
      return value;
    },
  };
}

/** A rate in requests per second, above 0; fractions are fine. */
export function perSecond<const S extends Shape>(shape: S) {
  return {
    arg: 'RATE',
    unit: 'per_s' as const,
    ...shape,
    parse(text: string): number {
      const value = Number(text);
      if (!/^\d+(\.\d+)?$/.test(text) || !(value > 0 && value <= MAX_RATE)) {
        throw new FlagProblem(`must be requests per second, above 0 and at most ${MAX_RATE}`);
      }
      return value;
    },
  };
}

/** A duration with its unit, in microseconds; at least `minUs` (default 0). */
export function duration<const S extends Shape & { readonly minUs?: number }>(shape: S) {
  const { minUs = 0 } = shape;
  return {
    arg: 'DURATION',
    unit: 'us' as const,
    ...shape,
    parse(text: string): number {
      const us = parseDurationUs(text);
      if (us === undefined) {
        throw new FlagProblem('must be a duration with its unit, such as 300ms, 10s or 5m');
      }
      if (us < minUs) {
        throw new FlagProblem(`must be at least ${formatDuration(minUs)}`);
      }
      if (us > MAX_DURATION_US) {
        throw new FlagProblem(`must be at most ${formatDuration(MAX_DURATION_US)}`);
      }
      return us;
    },
  };
}

/** Any text but an empty one. */
export function text<const S extends Shape>(shape: S) {
  return {
    arg: 'TEXT',
    ...shape,
    parse(value: string): string {
      if (value === '') {
        throw new FlagProblem('must not be empty');
      }
      return value;
    },
  };
}

/** One of a few words. */
export function choice<const Word extends string, const S extends Shape>(words: readonly Word[], shape: S) {
  return {
    arg: 'NAME',
    ...shape,
    help: `${shape.help}: ${words.join(', ')}`,
    parse(value: string): Word {
      const word = words.find((candidate) => candidate === value);
      if (word === undefined) {
        const near = nearest(value, words);
        throw new FlagProblem(`must be one of ${words.join(', ')}${near ? ` (did you mean ${near}?)` : ''}`);
      }
      return word;
    },
  };
}

/** On when given. */
export function onOff<const S extends Shape>(shape: S) {
  return {
    arg: '',
    default: 'false',
    ...shape,
    parse(value: string): boolean {
      if (value !== 'true' && value !== 'false') {
        throw new FlagProblem('must be true or false');
      }
      return value === 'true';
    },
  };
}

/** The candidate that differs from a word in at most two letters, for `did you mean`; undefined when none is that near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, steps: editSteps(word, candidate) }))
    .sort((a, b) => a.steps - b.steps);
  const best = ranked[0];
  return best && best.steps <= Math.min(2, word.length - 1) ? best.candidate : undefined;
}

/** Levenshtein's distance. */
function editSteps(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** What the user typed for each flag, in order and unread; `true` stands for a flag without its value. */
export type Given = ReadonlyMap<string, readonly (string | true)[]>;

/**
 * Reads the values of a table of flags and fills in the defaults. What cannot be read is added to `problems`; the
 * result must not be used when there are any.
 */
export function readFlags<Table extends Flags>(
  table: Table,
  given: Given,
  problems: string[],
  nameOf: (flag: string) => string = (flag) => `--${flag}`,
): FlagValues<Table> {
  const values = Object.entries(table).map(([name, flag]) => {
    const words = given.get(name) ?? (flag.default === undefined ? [] : [flag.default]);
    if (words.length > 1 && !flag.repeatable) {
      problems.push(`Cannot read ${nameOf(name)}: given ${words.length} times, wanted once`);
    }
    const read = words.map((word) => readFlag(nameOf(name), flag, word, problems));
    return [name, flag.repeatable ? read : read.at(-1)];
  });
  return Object.fromEntries(values) as FlagValues<Table>;
}

function readFlag(name: string, flag: Flag<unknown>, word: string | true, problems: string[]): unknown {
  if (word === true && flag.arg !== '') {
    problems.push(`Cannot read ${name}: it needs a value: ${flag.arg}`);
    return undefined;
  }
  try {
    return flag.parse(String(word));
  } catch (error) {
    if (!(error instanceof FlagProblem)) {
      throw error;
    }
    problems.push(`Cannot read ${name}: ${error.message}${gotWord(String(word), error.at)}`);
    return undefined;
  }
}

/** What was got; with a place in it on a line of its own, above a caret. */
function gotWord(word: string, at: number | undefined): string {
  if (at === undefined) {
    return `: got ${JSON.stringify(word)}`;
  }
  return `:\n  ${safeText(word)}\n  ${' '.repeat([...safeText(word.slice(0, at))].length)}^`;
}
