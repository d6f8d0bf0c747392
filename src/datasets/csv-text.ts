import { CsvError, parse } from 'csv-parse/sync';
import { BenchError } from '../errors.js';
import { noColumn, rowDataset, takesRows, textDataset } from './columns.js';
import type { DatasetFile, DatasetKind } from './dataset.js';

/** Column of the text in the layout of the Kaggle file "Twitter entity sentiment": id, entity, sentiment, text. */
const KAGGLE_COLUMNS = 4;
const KAGGLE_TEXT_COLUMN = 3;

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * Texts or rows from a CSV file. The column of the texts is the one that was selected, the one named `text` where the
 * first row has one, the fourth of four (Kaggle's tweets, which have no header), or the only one. Rows are those of the
 * selected columns, or of all; the first row names them.
 */
export const csvText: DatasetKind = {
  summary: 'CSV with a column of texts',
  hasColumns: true,
  recognises: ({ path }) => /\.csv(\.gz)?$/i.test(path),
  read(file, selection) {
    const records = parseCsv(file);
    const first = records[0]?.record;
    if (!first) {
      throw new BenchError('usage', 'No rows', { path: file.path });
    }
    const names = first.map((name) => name.trim());
    if (takesRows(selection)) {
      const columns = selection.columns.length > 0 ? selection.columns : names;
      const places = columns.map((column) => [column, placeOf(column, names, file)] as const);
      const rows = records
        .slice(1)
        .map((record) => Object.fromEntries(places.map(([column, place]) => [column, cellOf(record, place, file)])));
      return rowDataset(file, rows);
    }
    const [selected] = selection.columns;
    const named =
      selected === undefined
        ? names.findIndex((name) => name.toLowerCase() === 'text')
        : placeOf(selected, names, file);
    const place = named >= 0 ? named : textPlace(names, file);
    return textDataset(
      file,
      (named >= 0 ? records.slice(1) : records).map((record) => cellOf(record, place, file)),
    );
  },
};

function placeOf(column: string, names: readonly string[], file: DatasetFile): number {
  const place = names.indexOf(column);
  if (place < 0) {
    throw noColumn(`${file.path}:1`, column, names);
  }
  return place;
}

function cellOf({ record, info }: CsvRecord, place: number, file: DatasetFile): string {
  const cell = record[place];
  if (cell === undefined) {
    throw new BenchError('usage', `Got ${record.length} columns, wanted ${place + 1} or more`, {
      path: `${file.path}:${info.lines}`,
    });
  }
  return cell;
}

function textPlace(names: readonly string[], file: DatasetFile): number {
  if (names.length === 1) {
    return 0;
  }
  if (names.length === KAGGLE_COLUMNS) {
    return KAGGLE_TEXT_COLUMN;
  }
  throw new BenchError(
    'usage',
    `Cannot tell which of ${names.length} columns holds the text: wanted a header with "text", ` +
      `${KAGGLE_COLUMNS} columns (id, entity, sentiment, text) or one column`,
    { path: `${file.path}:1`, hint: '--column NAME selects one by the name that the first row gives it' },
  );
}

function parseCsv(file: DatasetFile): readonly CsvRecord[] {
  try {
    return parse(file.bytes, { bom: true, info: true, relax_column_count: true, skip_empty_lines: true }) as never;
  } catch (error) {
    if (!(error instanceof CsvError)) {
      throw error;
    }
    const line = typeof error.lines === 'number' ? `:${error.lines}` : '';
    throw new BenchError('usage', error.message.split('\n')[0] as string, {
      path: `${file.path}${line}`,
      cause: error,
    });
  }
}
