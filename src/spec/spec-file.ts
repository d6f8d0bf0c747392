import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { BenchError, fileProblem, usageError } from '../errors.js';
import { type Flags, nearest } from '../flags.js';

/** Anything larger is no spec. */
const MAX_BYTES = 2 ** 20;
const MAX_ALIASES = 100;

const SCALAR = z.union([z.string(), z.number(), z.boolean()]);
/** `latency: p(95)<200`, which YAML takes for a mapping; also several limits of one metric, as k6 has them. */
const PAIRS = z.record(z.string(), z.union([SCALAR, z.array(SCALAR)]));

/** A spec file's settings, as typed: each value as text, with the place it stands in. */
export interface SpecFile {
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** `spec.yaml:3: users`. */
  placeOf(key: string): string;
}

/**
 * Reads a spec in YAML or JSON, whose keys are the names of the flags and `url`. Throws BenchError('usage') with all
 * problems of the file, each with its line.
 */
export function readSpecFile(path: string, flags: Flags, cwd: string): SpecFile {
  const lines = new LineCounter();
  const document = parseDocument(readText(path, cwd), { lineCounter: lines, prettyErrors: false, stringKeys: true });
  if (document.errors.length > 0) {
    throw usageError(
      document.errors.map(({ message, pos }) => `${path}:${lines.linePos(pos[0]).line}: ${message}`),
      { hint: 'a spec is YAML or JSON such as "pattern: step", one setting a line' },
    );
  }
  const lineOf = (key: string) => {
    const pair = isMap(document.contents)
      ? document.contents.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined;
    const offset = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
    return offset === undefined ? 1 : lines.linePos(offset).line;
  };
  const keys = ['url', ...Object.keys(flags)];
  const schema = z.strictObject(
    Object.fromEntries(
      keys.map((key) => {
        const value = flags[key]?.repeatable ? z.union([SCALAR, PAIRS]) : SCALAR;
        return [key, z.union([value, z.array(value)]).optional()];
      }),
    ),
  );
  const read = schema.safeParse(contentOf(document, path) ?? {});
  if (!read.success) {
    throw usageError(read.error.issues.flatMap((issue) => problemsOf(issue, keys, (key) => `${path}:${lineOf(key)}`)));
  }
  const given = Object.entries(read.data).map(
    ([key, value]) => [key, (Array.isArray(value) ? value : [value]).flatMap(wordsOf)] as const,
  );
  return { given: new Map(given), placeOf: (key) => `${path}:${lineOf(key)}: ${key}` };
}

/** A value as it would be typed: a pair as `name: value`. */
function wordsOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, words]) => [words].flat().map((word) => `${name}: ${word}`))
    : [String(value)];
}

function readText(path: string, cwd: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path === '-' ? 0 : resolve(cwd, path));
  } catch (error) {
    throw new BenchError('usage', `Cannot read --file ${path}: ${fileProblem(error)}`, { cause: error });
  }
  if (bytes.length > MAX_BYTES) {
    throw new BenchError(
      'usage',
      `Cannot read --file ${path}: got ${bytes.length} bytes, a spec has at most ${MAX_BYTES}`,
    );
  }
  return bytes.toString('utf8');
}

function contentOf(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    // Too many aliases, or nested deeper than the stack.
    throw new BenchError('usage', `Cannot read --file ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function problemsOf(
  issue: z.core.$ZodIssue,
  keys: readonly string[],
  placeOf: (key: string) => string,
): readonly string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const near = nearest(key, keys);
      return `${placeOf(key)}: Unknown key ${JSON.stringify(key)}${near ? ` (did you mean ${near}?)` : ''}`;
    });
  }
  const [key] = issue.path;
  return key === undefined
    ? [`${placeOf('')}: A spec must be a list of settings such as "pattern: step"`]
    : [`${placeOf(String(key))}: ${String(key)} must be a value or a list of values`];
}
