import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { BenchError, errorCode, fileProblem } from '../errors.js';

/** The files of a run directory, by what they are. */
const FILES = {
  plan: 'plan.json',
  spec: 'spec.yaml',
  rawRequests: 'raw_requests.csv',
  rawUsers: 'raw_users.csv',
  samples: 'samples.csv',
  perSecond: 'per_second.csv',
  generator: 'generator.csv',
  histograms: 'histograms.hlog',
  summary: 'summary.json',
} as const;

export type RunFile = keyof typeof FILES;

/** The directory that holds everything about one run. */
export interface RunDirectory {
  /** As short as it can be shown from the working directory. */
  readonly shown: string;
  /** Names of the files, in the order of their description. */
  readonly files: readonly string[];
  path(file: RunFile): string;
  /** Writes a small file whole; throws BenchError('output'). */
  write(file: RunFile, content: string): void;
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
    if (errorCode(error) === 'EEXIST' && statSync(path).isDirectory()) {
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
  const found = Object.values(FILES).find((file) => existsSync(resolve(cwd, path, file)));
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
    for (const file of Object.values(FILES)) {
      rmSync(join(root, file), { force: true });
    }
  } catch (error) {
    throw new BenchError('output', `Cannot make --out ${options.path}: ${fileProblem(error)}`, { cause: error });
  }
  const shown = relative(options.cwd, root);
  return {
    shown: `${shown.startsWith('..') ? root : shown}/`,
    files: Object.values(FILES),
    path: (file) => join(root, FILES[file]),
    write(file, content) {
      try {
        writeFileSync(join(root, FILES[file]), content, { flag: 'wx', mode: 0o600 });
      } catch (error) {
        throw new BenchError('output', `Cannot write ${join(root, FILES[file])}: ${fileProblem(error)}`, {
          cause: error,
        });
      }
    },
  };
}
