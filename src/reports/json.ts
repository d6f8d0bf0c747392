import type { Results } from './results.js';

/** An object as every JSON file of a run directory, and what `--json` prints. */
export const json = (value: object): string => `${JSON.stringify(value, null, 2).replaceAll(UNPRINTABLE, escaped)}\n`;

/** What JSON may hold as it is and a terminal obeys: C1 controls, and those that turn the writing direction. */
const UNPRINTABLE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

const escaped = (point: string) => `\\u${point.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** `summary.json`. */
export const summaryJson = ({ report }: Results): string => json(report);
