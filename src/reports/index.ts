import { consoleColored, consoleText } from './console.js';
import { json } from './json.js';
import type { Reporter } from './report.js';

/** The forms of a report. To add one, write its file and its line. */
export const REPORTERS = {
  json,
  console: consoleText,
  'console-color': consoleColored,
} as const satisfies Readonly<Record<string, Reporter>>;
