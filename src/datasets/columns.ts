import { BenchError } from '../errors.js';
import { nearest } from '../flags.js';
import type { Dataset, DatasetFile, Selection } from './dataset.js';

/** Whether a selection makes whole rows; otherwise the texts of one column. */
export function takesRows({ columns, wanted }: Selection): boolean {
  return columns.length > 1 || (columns.length === 0 && wanted === 'row');
}

/** Refuses a column that is not there, and names those that are; `place` is `file:line`. */
export function noColumn(place: string, column: string, names: readonly string[]): BenchError {
  const near = nearest(column, names);
  return new BenchError(
    'usage',
    `No column "${column}"${near ? ` (did you mean ${near}?)` : ''}: the columns are ${names.join(', ') || 'none'}`,
    { path: place },
  );
}

/** A dataset of texts. Blank ones are left out: there is nothing to ask about them. */
export function textDataset({ path }: DatasetFile, texts: readonly string[]): Dataset {
  const filled = texts.filter((text) => text.trim() !== '');
  if (filled.length === 0) {
    throw new BenchError('usage', 'No row has a text', { path });
  }
  return { name: path, size: filled.length, at: (index) => ({ kind: 'text', text: filled[index] as string }) };
}

/** A dataset of rows. */
export function rowDataset({ path }: DatasetFile, rows: readonly Readonly<Record<string, unknown>>[]): Dataset {
  if (rows.length === 0) {
    throw new BenchError('usage', 'No rows', { path });
  }
  return {
    name: path,
    size: rows.length,
    at: (index) => ({ kind: 'row', columns: structuredClone(rows[index] as Record<string, unknown>) }),
  };
}
