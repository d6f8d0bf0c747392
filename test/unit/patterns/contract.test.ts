import { describe } from 'vitest';
import { readFlags } from '../../../src/flags.js';
import { PATTERNS } from '../../../src/patterns/index.js';
import type { Model } from '../../../src/patterns/pattern.js';
import { patternContract } from '../../contract/pattern.js';

/** Levels that a pattern cannot do without, by the names of its flags. */
const NEEDED: ReadonlyMap<string, readonly string[]> = new Map([
  ['stage', ['20s:30,10s:30,0s:5,15s:0']],
  ['stage-rate', ['20s:30.5,10s:30,0s:5,15s:0']],
  ['rate', ['12.5']],
  ['step-rate', ['0.5']],
  ['min-rate', ['2']],
  ['peak-one-rate', ['15.5']],
  ['peak-two-rate', ['60']],
]);

const CASES = Object.entries(PATTERNS).flatMap(([name, kind]) =>
  (['closed', 'open'] as const).map((model): [string, Model, typeof kind] => [name, model, kind]),
);

describe.each(CASES)('%s, %s', (_name, model, kind) => {
  patternContract(() => {
    const problems: string[] = [];
    const entries = Object.entries(kind.levels).map(([key, level]) => [key, level[model]] as const);
    const values = readFlags(Object.fromEntries(entries.map(([, flag]) => flag)), NEEDED, problems);
    const levels = Object.fromEntries(entries.map(([key, [flag]]) => [key, values[flag]]));
    if (problems.length > 0) {
      throw new Error(problems.join());
    }
    return kind.build({ levels: levels as never, own: readFlags(kind.flags, new Map(), []), model, durationUs: 120e6 });
  });
});
