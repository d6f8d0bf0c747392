import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { BenchError, errorCode, fileProblem } from '../errors.js';
import { REPORTERS, type ReportKind } from '../reports/index.js';

/** What a run records while it goes and when it ends: all that every report is made from. */
const RECORDS = {
  plan: 'plan.json',
  spec: 'spec.yaml',
  rawRequests: 'raw_requests.csv',
  rawUsers: 'raw_users.csv',
  samples: 'samples.csv',
  chunkGaps: 'chunk_gaps.csv',
  generator: 'generator.csv',
  end: 'end.json',
} as const;

export type RunFile = keyof typeof RECORDS;

/** There in some runs only: streams have gaps, and a killed run has no end. */
const OPTIONAL: readonly RunFile[] = ['chunkGaps', 'end'];

const reportKinds: readonly ReportKind[] = Object.values(REPORTERS);

/** Every file that a run directory can have. */
function allFiles(): readonly string[] {
  return [...Object.values(RECORDS), ...reportKinds.flatMap(({ file }) => file ?? [])];
}

/** The directory that holds everything about one run. */
export interface RunDirectory {
  readonly root: string;
  /** As short as it can be shown from the working directory, with a slash at its end. */
  readonly shown: string;
  /** Names of the files with the records and the figures of the run, in the order of their description. */
  readonly files: readonly string[];
  path(file: RunFile): string;
  /** Writes a record that is not there yet; throws BenchError('output'). */
  write(file: RunFile, content: string): void;
  /** The text of a record; undefined when there is none. Throws BenchError('usage') when it cannot be read. */
  read(file: RunFile): string | undefined;
}

export interface RunDirectoryOptions {
  readonly path: string;
  readonly cwd: string;
  /** Replace the run that is there. */
  readonly force: boolean;
}

/** Makes a directory and those above it. Node's own recursive way never ends where the system refuses names, as below /proc. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      // With a slash at its end a path is a directory's, or the system says that it is none.
      statSync(`${path}/`);
      return;
    }
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) {
      throw error;
    }
    makeDirectory(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

/** Throws BenchError('usage') when the directory holds a run that must not be replaced. Touches nothing. */
export function refuseExistingRun({ path, cwd, force }: RunDirectoryOptions): void {
  const found = allFiles().find((file) => existsSync(resolve(cwd, path, file)));
  if (found && !force) {
    throw new BenchError('usage', `Cannot write --out ${path}: it holds a run already (${found})`, {
      hint: 'choose another directory, or replace that run with --force',
    });
  }
}

/** Makes the directory, for its owner only, and removes the run that `force` replaces. Throws BenchError('output'). */
export function createRunDirectory(options: RunDirectoryOptions): RunDirectory {
  refuseExistingRun(options);
  const root = resolve(options.cwd, options.path);
  try {
    makeDirectory(root);
    for (const file of allFiles()) {
      rmSync(join(root, file), { force: true });
    }
  } catch (error) {
    throw new BenchError('output', `Cannot make --out ${options.path}: ${fileProblem(error)}`, { cause: error });
  }
  return directoryAt(root, options.cwd);
}

/** The directory of a run that is over, or was killed. Throws BenchError('usage') when it holds none. */
export function openRunDirectory(path: string, cwd: string): RunDirectory {
  const root = resolve(cwd, path);
  const missing = [RECORDS.plan, RECORDS.samples].filter((file) => !existsSync(join(root, file)));
  if (missing.length > 0) {
    const place = existsSync(root)
      ? statSync(root).isDirectory()
        ? ''
        : ': it is a file'
      : ': there is no such directory';
    throw new BenchError('usage', `Cannot report on ${path}${place || `: it has no ${missing.join(' and no ')}`}`, {
      hint: 'name the directory of a run, as in infer-bench report runs/first',
    });
  }
  return directoryAt(root, cwd);
}

function directoryAt(root: string, cwd: string): RunDirectory {
  const shown = relative(cwd, root);
  const path = (file: RunFile) => join(root, RECORDS[file]);
  return {
    root,
    shown: `${shown.startsWith('..') || shown === '' ? root : shown}/`,
    get files() {
      const records = (Object.keys(RECORDS) as RunFile[]).filter(
        (file) => !OPTIONAL.includes(file) || existsSync(path(file)),
      );
      const figures = reportKinds.flatMap(({ file, atEnd }) => (file !== undefined && atEnd === 'data' ? [file] : []));
      return [...records.map((file) => RECORDS[file]), ...figures];
    },
    path,
    write(file, content) {
      try {
        writeFileSync(path(file), content, { flag: 'wx', mode: 0o600 });
      } catch (error) {
        throw new BenchError('output', `Cannot write ${path(file)}: ${fileProblem(error)}`, { cause: error });
      }
    },
    read(file) {
      try {
        return readFileSync(path(file), 'utf8');
      } catch (error) {
        if (errorCode(error) === 'ENOENT') {
          return undefined;
        }
        throw new BenchError('usage', `Cannot read ${path(file)}: ${fileProblem(error)}`, { cause: error });
      }
    },
  };
}

/** Writes a report beside its place and moves it there: what is there is the old one whole or the new one whole. */
export function writeReport(path: string, content: string): void {
  const beside = `${path}.${process.pid}.part`;
  try {
    makeDirectory(dirname(path));
    writeFileSync(beside, content, { mode: 0o600 });
    renameSync(beside, path);
  } catch (error) {
    if (existsSync(beside)) {
      rmSync(beside, { force: true });
    }
    throw new BenchError('output', `Cannot write ${path}: ${fileProblem(error)}`, { cause: error });
  }
}
