import { CsvError, parse } from 'csv-parse/sync';
import { BenchError } from '../errors.js';
import type { Dataset, DatasetFile, DatasetKind } from './dataset.js';

/** Column of the text in the layout of the Kaggle file "Twitter entity sentiment": id, entity, sentiment, text. */
const KAGGLE_COLUMNS = 4;
const KAGGLE_TEXT_COLUMN = 3;

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * Texts from a CSV file: the column named `text` where the first row has one, the fourth of four (Kaggle's tweets,
 * which have no header), or the only one. Rows without text are left out: there is nothing to ask about them.
 */
export const csvText: DatasetKind = {
  summary: 'CSV with a column of texts',
  recognises: ({ path }) => /\.csv(\.gz)?$/i.test(path),
  read(file) {
    const records = parseCsv(file);
    const first = records[0]?.record;
    if (!first) {
      throw new BenchError('usage', 'No rows', { path: file.path });
    }
    const named = first.findIndex((name) => name.trim().toLowerCase() === 'text');
    const column = named >= 0 ? named : textColumn(first, file);
    const texts = (named >= 0 ? records.slice(1) : records)
      .map(({ record, info }) => {
        const text = record[column];
        if (text === undefined) {
          throw new BenchError('usage', `Got ${record.length} columns, wanted ${column + 1} or more`, {
            path: `${file.path}:${info.lines}`,
          });
        }
        return text;
      })
      .filter((text) => text.trim() !== '');
    return texts.length > 0 ? textDataset(file.path, texts) : noTexts(file);
  },
};

function textColumn(first: readonly string[], file: DatasetFile): number {
  if (first.length === 1) {
    return 0;
  }
  if (first.length === KAGGLE_COLUMNS) {
    return KAGGLE_TEXT_COLUMN;
  }
  throw new BenchError(
    'usage',
    `Cannot tell which of ${first.length} columns holds the text: wanted a header with "text", ` +
      `${KAGGLE_COLUMNS} columns (id, entity, sentiment, text) or one column`,
    { path: `${file.path}:1` },
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

function textDataset(name: string, texts: readonly string[]): Dataset {
  return { name, size: texts.length, at: (index) => ({ kind: 'text', text: texts[index] as string }) };
}

function noTexts(file: DatasetFile): never {
  throw new BenchError('usage', 'No row has a text', { path: file.path });
}
