import { FlagProblem, MAX_DURATION_US } from '../flags.js';
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

/** Reads k6's `30s:10,7m:10,3m:0`; a rate may have a fraction. */
function parseStages(text: string, target: RegExp, what: string): readonly Stage[] {
  return text.split(',').map((part) => {
    const [length = '', level = '', ...rest] = part.trim().split(':');
    const durationUs = parseDurationUs(length);
    if (durationUs === undefined || durationUs > MAX_DURATION_US || !target.test(level) || rest.length > 0) {
      throw new FlagProblem(`must be stages such as 30s:10,7m:10,3m:0, each a duration and ${what}`);
    }
    return { durationUs, target: Number(level) };
  });
}

const repeatable = true as const;

export const stagesKind = pattern({
  summary: 'straight lines between levels, as in k6, from 1 user or rate 0',
  setsDuration: true,
  levels: {
    stage: {
      closed: [
        'stage',
        {
          arg: 'TIME:USERS,…',
          short: 's',
          help: 'stages such as 30s:10,7m:10,3m:0; may be repeated',
          repeatable,
          parse: (text: string) => parseStages(text, /^\d+$/, 'a whole number of users'),
        },
      ],
      open: [
        'stage-rate',
        {
          arg: 'TIME:RATE,…',
          help: 'the same in requests per second',
          repeatable,
          parse: (text: string) => parseStages(text, /^\d+(\.\d+)?$/, 'a rate'),
        },
      ],
    },
  },
  flags: {},
  problems: ({ stage }, nameOf) => {
    if (stage.length === 0) {
      return [`--pattern stages needs ${nameOf('stage')}, such as ${nameOf('stage')} 30s:10,7m:10,3m:0`];
    }
    return stage.flat().every(({ durationUs }) => durationUs === 0)
      ? [`${nameOf('stage')} must have a stage that is longer than 0s`]
      : [];
  },
  build: ({ levels, model }) => stages({ start: model === 'closed' ? 1 : 0, list: levels.stage.flat() }),
});
