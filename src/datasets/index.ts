import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { BenchError, errorCode, fileProblem } from '../errors.js';
import { csvText } from './csv-text.js';
import type { Dataset, DatasetFile, DatasetKind } from './dataset.js';
import { idxImages } from './idx-images.js';

/** The kinds of dataset files, asked in this order. To add one, write its file and its line. */
const KINDS: readonly DatasetKind[] = [idxImages, csvText];

/** The datasets that come with the package, by name. */
export const BUILT_IN: Readonly<Record<string, string>> = {
  tweets: 'tweets.csv',
  digits: 'digits-images.idx3-ubyte.gz',
};

/** More than this would not fit beside the requests made of it. */
const MAX_BYTES = 2 ** 30;

/** For requests that are all alike: one row without columns. */
const NONE: Dataset = { name: 'none', size: 1, at: () => ({ kind: 'row', columns: {} }) };

/** Opens a dataset by built-in name or by path relative to `cwd`. Throws BenchError('usage') that names the file. */
export function openDataset(nameOrPath: string, cwd: string): Dataset {
  if (nameOrPath === NONE.name) {
    return NONE;
  }
  const builtIn = Object.hasOwn(BUILT_IN, nameOrPath) ? BUILT_IN[nameOrPath] : undefined;
  const path = builtIn
    ? fileURLToPath(new URL(`../../datasets/${builtIn}`, import.meta.url))
    : resolve(cwd, nameOrPath);
  const file: DatasetFile = { path: nameOrPath, bytes: readWhole(path, nameOrPath) };
  if (file.bytes.length === 0) {
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
  return { ...kind.read(named), name: nameOrPath };
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
