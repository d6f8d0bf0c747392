import { readFileSync } from 'node:fs';
import { errorCode } from '../errors.js';

/** The cell of a column in one line; empty where the file does not have it. */
export type TableCell = (column: string) => string;

/**
 * Reads a small file of our own whole: a header, and lines of plain cells. What follows the last line end is torn and
 * dropped, as is a file that is not there: a killed run has neither.
 */
export function readTable(path: string): readonly TableCell[] {
  const [header = '', ...lines] = wholeLines(path);
  const columns = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return (column) => cells[columns.indexOf(column)] ?? '';
  });
}

/** The lines of a file that have an end; none when there is no file. */
export function wholeLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
