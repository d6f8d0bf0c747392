/** `summary.json`, and what `--json` prints. */
export const json = (report: object): string => `${JSON.stringify(report, null, 2)}\n`;
