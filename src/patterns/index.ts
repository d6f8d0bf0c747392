import { constantKind } from './constant.js';
import { doubleWaveKind } from './double-wave.js';
import type { PatternKind } from './pattern.js';
import { stagesKind } from './stages.js';
import { stepKind } from './step.js';

/** The load patterns by name. To add one, write its file and its line. */
export const PATTERNS: Readonly<Record<string, PatternKind>> = {
  'double-wave': doubleWaveKind,
  step: stepKind,
  constant: constantKind,
  stages: stagesKind,
};
