import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Dataset, Expected } from '../datasets/dataset.js';
import { BenchError, fileProblem } from '../errors.js';

/** Magic number of an IDX file of unsigned bytes in one dimension. Source: the MNIST file format. */
const IDX_UINT8_1D = 0x00000801;
const IDX_HEADER_BYTES = 8;

/**
 * Golden answers, one per item of the dataset in its order: a JSON list or JSON lines of answers, where
 * `{"label": "joy"}` is a label and everything else values; IDX labels as MNIST has them; or text, a label a line.
 * Throws BenchError('usage') that names the file and the line.
 */
export function readGolden(path: string, cwd: string): readonly Expected[] {
  const bytes = readWhole(path, cwd);
  if (bytes.length >= IDX_HEADER_BYTES && bytes.readUInt32BE(0) === IDX_UINT8_1D) {
    const labels = bytes.subarray(IDX_HEADER_BYTES);
    if (labels.length !== bytes.readUInt32BE(4)) {
      throw wrong(path, `Got ${labels.length} labels, its head says ${bytes.readUInt32BE(4)}`);
    }
    return Array.from(labels, (label) => ({ label: String(label) }));
  }
  const text = bytes.toString('utf8').trimEnd();
  if (text === '') {
    throw wrong(path, 'No golden answers');
  }
  if (/\.json(\.gz)?$/i.test(path)) {
    const list = parsed(text, path);
    if (!Array.isArray(list)) {
      throw wrong(path, 'Wanted a list of golden answers, one per item of the dataset');
    }
    return list.map(expectedOf);
  }
  const lines = text.split(/\r?\n/);
  return /\.(jsonl|ndjson)(\.gz)?$/i.test(path)
    ? lines.map((line, index) => expectedOf(parsed(line, `${path}:${index + 1}`)))
    : lines.map((label) => ({ label: label.trim() }));
}

/** A dataset whose items know their right answers. Throws BenchError('usage') unless there is one for each. */
export function withGolden(dataset: Dataset, golden: readonly Expected[], path: string): Dataset {
  if (golden.length !== dataset.size) {
    throw wrong(path, `Got ${golden.length} golden answers for the ${dataset.size} items of ${dataset.name}`);
  }
  return { ...dataset, at: (index) => ({ ...dataset.at(index), expected: golden[index] as Expected }) };
}

function readWhole(path: string, cwd: string): Buffer {
  try {
    const bytes = readFileSync(resolve(cwd, path));
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new BenchError('usage', `Cannot read --check ${path}: ${fileProblem(error)}`, {
      cause: error,
      hint: 'it is none, shape, first, or a file of golden answers',
    });
  }
}

function expectedOf(value: unknown): Expected {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  return names.length === 1 && names[0] === 'label'
    ? { label: String((value as { readonly label: unknown }).label) }
    : { values: value };
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(path, `Not JSON: ${(error as Error).message}`);
  }
}

function wrong(path: string, message: string): BenchError {
  return new BenchError('usage', message, { path });
}
