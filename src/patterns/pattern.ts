import { type Flag, type Flags, type FlagValues, perSecond, whole } from '../flags.js';

/**
 * The wanted level at each moment: users in a closed run, requests per second in an open one. A pure curve: it can be
 * drawn, previewed and tested without waiting.
 */
export interface LoadPattern {
  readonly durationUs: number;
  /** The level at `elapsedUs` in [0, durationUs), finite and >= 0; not rounded. */
  levelAt(elapsedUs: number): number;
}

/** The highest level of a curve, looked up a thousand times. */
export function highestLevel(curve: LoadPattern): number {
  return Array.from({ length: 1000 }, (_, step) => curve.levelAt((step / 1000) * curve.durationUs)).reduce((a, b) =>
    Math.max(a, b),
  );
}

/** What the levels of a run count. */
export type Model = 'closed' | 'open';

/** A level of a pattern as a user gives it: by one flag in users, by another in requests per second. */
export interface Level<Value = unknown> {
  readonly closed: readonly [name: string, flag: Flag<Value>];
  readonly open: readonly [name: string, flag: Flag<Value>];
}

export type Levels = Readonly<Record<string, Level>>;

/** The values of a pattern's levels, of whichever model; one that is missing is reported before they are used. */
export type LevelValues<Table extends Levels> = {
  readonly [Name in keyof Table]: Table[Name]['closed'][1] extends { readonly repeatable: true }
    ? readonly ReturnType<Table[Name]['closed'][1]['parse']>[]
    : ReturnType<Table[Name]['closed'][1]['parse']>;
};

/** What a user can ask for by name: its own flags and how they become a curve. */
export interface PatternKind<Table extends Levels = Levels, Own extends Flags = Flags> {
  readonly summary: string;
  readonly levels: Table;
  /** Flags that are the same in both models. */
  readonly flags: Own;
  /** The pattern's flags set its length themselves, so `--duration` does not apply. */
  readonly setsDuration?: true;
  /** What is wrong between levels that are each fine, as sentences; `nameOf` gives the flag of a level. */
  problems?(levels: LevelValues<Table>, nameOf: (level: keyof Table) => string): readonly string[];
  build(options: {
    readonly levels: LevelValues<Table>;
    readonly own: FlagValues<Own>;
    readonly model: Model;
    /** That of `--duration`. */
    readonly durationUs: number;
  }): LoadPattern;
}

/** Declares a pattern; the values that its functions get are typed by its flags. */
export function pattern<Table extends Levels, Own extends Flags>(kind: PatternKind<Table, Own>): PatternKind {
  return kind as unknown as PatternKind;
}

/** Each user is a connection: more do not fit into the ports of one machine. */
const MAX_USERS = 60_000;

export interface LevelOptions {
  /** Names of the two flags. */
  readonly users: string;
  readonly rate: string;
  readonly short?: { readonly users: string; readonly rate: string };
  /** Where on the curve: `at the top of the first wave`. */
  readonly where: string;
  /** Users when not given; a rate has no default. */
  readonly default: string;
  readonly min?: number;
}

/** A level that is one number. */
export function level({ users, rate, short, where, default: value, min = 1 }: LevelOptions): Level<number> {
  return {
    closed: [
      users,
      whole({ help: `users ${where}`, min, max: MAX_USERS, default: value, ...(short && { short: short.users }) }),
    ],
    open: [rate, perSecond({ help: `requests per second ${where}`, ...(short && { short: short.rate }) })],
  };
}

/** The flags of a pattern in one model, or of both. */
export function patternFlags(kind: PatternKind, model?: Model): Flags {
  const models: readonly Model[] = model === undefined ? ['closed', 'open'] : [model];
  const levels = models.flatMap((one) => Object.values(kind.levels).map((entry) => entry[one]));
  return { ...Object.fromEntries(levels), ...kind.flags };
}
