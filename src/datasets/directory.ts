import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { BenchError, fileProblem } from '../errors.js';
import { rowDataset, textDataset } from './columns.js';
import type { DatasetKind } from './dataset.js';

/** Together: more would not fit beside the requests made of them. */
const MAX_BYTES = 2 ** 30;

/**
 * The files below a directory, in order of their names, hidden ones left out: texts where all of them are `.txt`, bytes
 * as they are otherwise. As rows they have the columns `file`, the name, and `text` or `base64`.
 */
export const directoryOfFiles: DatasetKind = {
  summary: 'a directory of files, each one item',
  recognises: ({ directory }) => directory !== undefined,
  read(file, { wanted }) {
    const { path, directory = '' } = file;
    const names = namesIn(directory, path);
    if (names.length === 0) {
      throw new BenchError('usage', 'No files in the directory', { path });
    }
    let bytes = 0;
    const files = names.map((name) => {
      const content = attempt(join(path, name), () => readFileSync(join(directory, name)));
      bytes += content.length;
      if (bytes > MAX_BYTES) {
        throw new BenchError('usage', `The files hold more than ${MAX_BYTES} bytes together`, { path });
      }
      return content;
    });
    const isText = names.every((name) => /\.txt$/i.test(name));
    const textOf = (content: Buffer) => content.toString('utf8').replace(/^\ufeff/, '');
    if (wanted === 'row') {
      const rows = files.map((content, index) => ({
        file: names[index],
        ...(isText ? { text: textOf(content) } : { base64: content.toString('base64') }),
      }));
      return rowDataset(file, rows);
    }
    return isText
      ? textDataset(file, files.map(textOf))
      : {
          name: path,
          size: files.length,
          at: (index) => ({ kind: 'bytes', bytes: Uint8Array.from(files[index] as Buffer) }),
        };
  },
};

function namesIn(directory: string, path: string): readonly string[] {
  return attempt(path, () => readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    .filter((name) => !name.split(sep).some((part) => part.startsWith('.')))
    .filter((name) => attempt(join(path, name), () => statSync(join(directory, name))).isFile())
    .sort();
}

/** Does what may fail on a file; throws BenchError('usage') that names it. */
function attempt<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw new BenchError('usage', `Cannot read: ${fileProblem(error)}`, { path, cause: error });
  }
}
