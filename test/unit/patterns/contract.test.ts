import { describe } from 'vitest';
import { readFlags } from '../../../src/flags.js';
import { PATTERNS } from '../../../src/patterns/index.js';
import { patternContract } from '../../contract/pattern.js';

/** Flags that a pattern cannot do without. */
const NEEDED: Readonly<Record<string, ReadonlyMap<string, readonly string[]>>> = {
  stages: new Map([['stage', ['20s:30,10s:30,0s:5,15s:0']]]),
};

describe.each(Object.entries(PATTERNS))('%s', (name, kind) => {
  const problems: string[] = [];
  const values = readFlags(kind.flags, NEEDED[name] ?? new Map(), problems);
  patternContract(() => {
    if (problems.length > 0) {
      throw new Error(problems.join());
    }
    return kind.build(values, 120e6);
  });
});
