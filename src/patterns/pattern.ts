import type { Flags, FlagValues } from '../flags.js';

/**
 * The wanted level at each moment: users in a closed run, requests per second in an open one. A pure curve: it can be
 * drawn, previewed and tested without waiting.
 */
export interface LoadPattern {
  readonly durationUs: number;
  /** The level at `elapsedUs` in [0, durationUs), finite and >= 0; not rounded. */
  levelAt(elapsedUs: number): number;
}

/** What a user can ask for by name: its own flags and how they become a curve. */
export interface PatternKind<Own extends Flags = Flags> {
  readonly summary: string;
  readonly flags: Own;
  /** The pattern's flags set its length themselves, so `--duration` does not apply. */
  readonly setsDuration?: true;
  /** What is wrong between flags that are each fine, as sentences. */
  problems?(values: FlagValues<Own>): readonly string[];
  /** `durationUs` is that of `--duration`. */
  build(values: FlagValues<Own>, durationUs: number): LoadPattern;
}

/** Declares a pattern; the values that its functions get are typed by its flags. */
export function pattern<Own extends Flags>(kind: PatternKind<Own>): PatternKind {
  return kind as unknown as PatternKind;
}
