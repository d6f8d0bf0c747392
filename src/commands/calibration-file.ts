import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { BenchError, errorCode, fileProblem } from '../errors.js';
import type { Io } from '../io.js';
import { type Calibrations, findLane, NO_CALIBRATIONS, parseCalibrations } from '../spec/calibrations.js';
import { calibratedMachine } from '../spec/machine.js';
import type { RunSpec } from '../spec/run-spec.js';
import { makeDirectory } from './run-directory.js';

/** Where calibrations are kept: below `$XDG_CACHE_HOME`, which counts when it is absolute, or `~/.cache`. */
export function calibrationPath({ env }: Pick<Io, 'env'>): string {
  const { XDG_CACHE_HOME: cache, HOME: home } = env;
  const root = cache && isAbsolute(cache) ? cache : join(home || homedir(), '.cache');
  return join(root, 'infer-bench', 'calibration.json');
}

/** The calibrations that were made; none, and a line to `warn`, where the file cannot be used. */
export function readCalibrations(path: string, warn: (line: string) => void): Calibrations {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') {
      warn(`warning: ${path}: ${fileProblem(error)}: calibrations are not used`);
    }
    return NO_CALIBRATIONS;
  }
  const read = parseCalibrations(text);
  if (!read) {
    warn(`warning: ${path}: not a file of calibrations: not used; infer-bench calibrate makes a new one`);
  }
  return read ?? NO_CALIBRATIONS;
}

/** What this machine keeps for a run; undefined in the closed model, and where that was not calibrated. */
export function ceilingFor({ model, settings }: RunSpec, workers: number, calibrations: Calibrations) {
  const { protocol, transport } = settings;
  const lane =
    model === 'open' ? findLane(calibrations, calibratedMachine(), { protocol, transport, workers }) : undefined;
  return lane && { ceiling_per_s: lane.ceiling_per_s, calibrated_at: lane.calibrated_at };
}

/** Writes the file for its owner only, whole or not at all. Throws BenchError('output'). */
export function writeCalibrations(path: string, calibrations: Calibrations): void {
  const beside = `${path}.${process.pid}.part`;
  try {
    makeDirectory(dirname(path));
    writeFileSync(beside, `${JSON.stringify(calibrations, null, 2)}\n`, { mode: 0o600 });
    renameSync(beside, path);
  } catch (error) {
    removeIfThere(beside);
    throw new BenchError('output', `Cannot write ${path}: ${fileProblem(error)}`, {
      cause: error,
      hint: 'set XDG_CACHE_HOME to a directory that can be written',
    });
  }
}

function removeIfThere(path: string): void {
  if (existsSync(path)) {
    rmSync(path);
  }
}
