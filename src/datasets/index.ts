import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { BenchError, errorCode, fileProblem } from '../errors.js';
import { csvText } from './csv-text.js';
import type { Dataset, DatasetFile, DatasetKind, Selection } from './dataset.js';
import { directoryOfFiles } from './directory.js';
import { idxImages } from './idx-images.js';
import { jsonl } from './jsonl.js';
import { npyTensors } from './npy.js';

/** The kinds of dataset files, asked in this order. To add one, write its file and its line. */
const KINDS: readonly DatasetKind[] = [directoryOfFiles, idxImages, npyTensors, csvText, jsonl];

/** The datasets that come with the package, by name. */
export const BUILT_IN: Readonly<Record<string, string>> = {
  tweets: 'tweets.csv',
  digits: 'digits-images.idx3-ubyte.gz',
};

/** More than this would not fit beside the requests made of it. */
const MAX_BYTES = 2 ** 30;

/** For requests that are all alike: one row without columns. */
const NONE: Dataset = { name: 'none', size: 1, at: () => ({ kind: 'row', columns: {} }) };

/** Texts of whatever column has them. */
const TEXTS: Selection = { columns: [], wanted: 'text' };

/** Opens a dataset by built-in name or by path relative to `cwd`. Throws BenchError('usage') that names the file. */
export function openDataset(nameOrPath: string, cwd: string, selection: Selection = TEXTS): Dataset {
  if (nameOrPath === NONE.name) {
    return NONE;
  }
  const builtIn = Object.hasOwn(BUILT_IN, nameOrPath) ? BUILT_IN[nameOrPath] : undefined;
  const path = builtIn
    ? fileURLToPath(new URL(`../../datasets/${builtIn}`, import.meta.url))
    : resolve(cwd, nameOrPath);
  const file: DatasetFile = isDirectory(path)
    ? { path: nameOrPath, bytes: Buffer.alloc(0), directory: path }
    : { path: nameOrPath, bytes: readWhole(path, nameOrPath) };
  if (file.bytes.length === 0 && file.directory === undefined) {
    throw new BenchError('usage', 'The dataset is empty', { path: nameOrPath });
  }
  const named = builtIn ? { ...file, path: builtIn } : file;
  const kind = KINDS.find((candidate) => candidate.recognises(named));
  if (!kind) {
    throw new BenchError(
      'usage',
      `Not a dataset that can be read: wanted ${KINDS.map((k) => k.summary).join(', or ')}`,
      {
        path: nameOrPath,
      },
    );
  }
  if (selection.columns.length > 0 && (builtIn || !kind.hasColumns)) {
    throw new BenchError('usage', '--column has no effect: this dataset has no columns that are named', {
      path: nameOrPath,
    });
  }
  // The built-in texts have no row of names.
  return { ...kind.read(named, builtIn ? TEXTS : selection), name: nameOrPath };
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Reading it tells what is wrong with it.
    return false;
  }
}

function readWhole(path: string, shown: string): Buffer {
  try {
    const bytes = readFileSync(path);
    const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return gzipped ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes;
  } catch (error) {
    const code = errorCode(error);
    const reason =
      code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE' ? `bad gzip data (${code})` : fileProblem(error);
    throw new BenchError('usage', `Cannot read dataset ${shown}: ${reason}`, {
      cause: error,
      hint: `built-in datasets: ${Object.keys(BUILT_IN).join(', ')}`,
    });
  }
}
