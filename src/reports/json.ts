import type { Results } from './results.js';

/** An object as every JSON file of a run directory, and what `--json` prints. */
export const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** `summary.json`. */
export const summaryJson = ({ report }: Results): string => json(report);
