import { FlagProblem } from '../flags.js';
import { parseDurationUs } from '../units.js';
import { type LoadPattern, pattern } from './pattern.js';

/** The way to a target level, in a straight line from where the stage before it ended. */
export interface Stage {
  readonly durationUs: number;
  readonly target: number;
}

/**
 * Straight lines from target to target; a stage of no length jumps. Source: k6's ramping executors, which start at
 * one user.
 */
export function stages({ start, list }: { readonly start: number; readonly list: readonly Stage[] }): LoadPattern {
  return {
    durationUs: list.reduce((sum, stage) => sum + stage.durationUs, 0),
    levelAt(elapsedUs) {
      let from = start;
      let begunUs = 0;
      for (const { durationUs, target } of list) {
        if (elapsedUs < begunUs + durationUs) {
          return from + ((target - from) * (elapsedUs - begunUs)) / durationUs;
        }
        from = target;
        begunUs += durationUs;
      }
      return from;
    },
  };
}

/** Reads k6's `30s:10,7m:10,3m:0`. */
function parseStages(text: string): readonly Stage[] {
  return text.split(',').map((part) => {
    const [length = '', target = '', ...rest] = part.trim().split(':');
    const durationUs = parseDurationUs(length);
    if (durationUs === undefined || !/^\d+$/.test(target) || rest.length > 0) {
      throw new FlagProblem(`must be stages such as 30s:10,7m:10,3m:0, each a duration and a whole number of users`);
    }
    return { durationUs, target: Number(target) };
  });
}

export const stagesKind = pattern({
  summary: 'straight lines between levels, as in k6, from 1 user',
  setsDuration: true,
  flags: {
    stage: {
      arg: 'TIME:USERS,…',
      short: 's',
      help: 'stages such as 30s:10,7m:10,3m:0; may be repeated',
      repeatable: true,
      parse: parseStages,
    },
  },
  problems: ({ stage }) => {
    if (stage.length === 0) {
      return ['--pattern stages needs --stage, such as --stage 30s:10,7m:10,3m:0'];
    }
    return stage.flat().every(({ durationUs }) => durationUs === 0)
      ? ['--stage must have a stage that is longer than 0s']
      : [];
  },
  build: ({ stage }) => stages({ start: 1, list: stage.flat() }),
});
