import { type LoadPattern, level, pattern } from './pattern.js';

/** The same level from start to end. */
export function constant({ level, durationUs }: { readonly level: number; readonly durationUs: number }): LoadPattern {
  return { durationUs, levelAt: () => level };
}

export const constantKind = pattern({
  summary: 'the same level throughout',
  levels: {
    level: level({
      users: 'users',
      rate: 'rate',
      short: { users: 'u', rate: 'r' },
      where: 'in total, throughout',
      default: '10',
    }),
  },
  flags: {},
  build: ({ levels, durationUs }) => constant({ ...levels, durationUs }),
});
