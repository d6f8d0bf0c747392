import { whole } from '../flags.js';
import { type LoadPattern, pattern } from './pattern.js';

/** The same level from start to end. */
export function constant({ level, durationUs }: { readonly level: number; readonly durationUs: number }): LoadPattern {
  return { durationUs, levelAt: () => level };
}

export const constantKind = pattern({
  summary: 'the same level throughout',
  flags: { users: whole({ short: 'u', help: 'users', default: '10' }) },
  build: (values, durationUs) => constant({ level: values.users, durationUs }),
});
