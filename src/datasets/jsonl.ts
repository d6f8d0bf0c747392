import { BenchError } from '../errors.js';
import { noColumn, rowDataset, takesRows, textDataset } from './columns.js';
import type { DatasetFile, DatasetKind } from './dataset.js';

/** A line that was read, and where it stands. */
interface Line {
  readonly place: string;
  readonly row: Readonly<Record<string, unknown>>;
}

/**
 * Texts or rows from JSON Lines: an object a line. The texts are the values of the selected field, or of `text`; rows
 * are those of the selected fields, or whole objects.
 */
export const jsonl: DatasetKind = {
  summary: 'JSON Lines with an object a line',
  hasColumns: true,
  recognises: ({ path }) => /\.(jsonl|ndjson)(\.gz)?$/i.test(path),
  read(file, selection) {
    const lines = readLines(file);
    const { columns } = selection;
    if (!takesRows(selection)) {
      const [column = 'text'] = columns;
      return textDataset(
        file,
        lines.map((line) => textOf(line, column, columns.length > 0)),
      );
    }
    const rows = lines.map((line) =>
      columns.length === 0 ? line.row : Object.fromEntries(columns.map((column) => [column, fieldOf(line, column)])),
    );
    return rowDataset(file, rows);
  },
};

function readLines(file: DatasetFile): readonly Line[] {
  const text = file.bytes.toString('utf8').replace(/^\ufeff/, '');
  return text.split('\n').flatMap((source, index) => {
    const place = `${file.path}:${index + 1}`;
    return source.trim() === '' ? [] : [{ place, row: objectOf(source, place) }];
  });
}

function objectOf(source: string, place: string): Line['row'] {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new BenchError('usage', `Not JSON: ${(error as Error).message}`, { path: place, cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BenchError('usage', 'Wanted a JSON object', { path: place });
  }
  return value as Line['row'];
}

function fieldOf({ place, row }: Line, column: string): unknown {
  if (!Object.hasOwn(row, column)) {
    throw noColumn(place, column, Object.keys(row));
  }
  return row[column];
}

/** The text of a line; empty where it is null. Numbers and truth values are texts as JSON writes them. */
function textOf(line: Line, column: string, selected: boolean): string {
  if (!selected && !Object.hasOwn(line.row, column)) {
    throw new BenchError('usage', `Cannot tell which of ${Object.keys(line.row).join(', ')} is the text`, {
      path: line.place,
      hint: '--column NAME selects one',
    });
  }
  const value = fieldOf(line, column);
  if (typeof value === 'object' && value !== null) {
    throw new BenchError('usage', `Wanted a text in "${column}", got ${JSON.stringify(value).slice(0, 40)}`, {
      path: line.place,
    });
  }
  return String(value ?? '');
}
