import type { PerSecondRow } from '../reduce/per-second.js';
import type { Results } from './results.js';

/** The columns of `per_second.csv` in order. */
const COLUMNS = [
  'epoch_s',
  'planned',
  'sent',
  'completed',
  'ok',
  'failed',
  'dropped',
  'in_flight',
  'users',
  'p50_ms',
  'p90_ms',
  'p95_ms',
  'p99_ms',
  'max_ms',
  'service_p95_ms',
  'lag_p50_ms',
  'lag_p99_ms',
  'lag_max_ms',
] as const satisfies readonly (keyof PerSecondRow)[];

/** `per_second.csv`: milliseconds with three decimals, an empty cell where a second has no value. */
export function perSecondCsv(rows: readonly PerSecondRow[]): string {
  const lines = rows.map((row) =>
    COLUMNS.map((column) => {
      const value = row[column];
      return value === null ? '' : column.endsWith('_ms') ? value.toFixed(3) : value;
    }).join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** The same as a report of a run. */
export const perSecondReport = ({ seconds }: Results): string => perSecondCsv(seconds);
