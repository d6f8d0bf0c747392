import type { Reporter } from './report.js';

/** `summary.json`, and what `--json` prints. */
export const json: Reporter = (report) => `${JSON.stringify(report, null, 2)}\n`;
