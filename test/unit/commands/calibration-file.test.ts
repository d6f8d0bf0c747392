import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { calibrationPath, readCalibrations, writeCalibrations } from '../../../src/commands/calibration-file.js';
import { NO_CALIBRATIONS } from '../../../src/spec/calibrations.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'calibration-file-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the place of the calibrations', () => {
  it.each([
    [{ XDG_CACHE_HOME: '/cache', HOME: '/home/me' }, '/cache/infer-bench/calibration.json'],
    [{ HOME: '/home/me' }, '/home/me/.cache/infer-bench/calibration.json'],
    // What is not absolute does not count, says the XDG base directory specification.
    [{ XDG_CACHE_HOME: 'cache', HOME: '/home/me' }, '/home/me/.cache/infer-bench/calibration.json'],
    [{ XDG_CACHE_HOME: '', HOME: '' }, join(homedir(), '.cache/infer-bench/calibration.json')],
  ])('of %o is %s', (env, path) => {
    expect(calibrationPath({ env })).toBe(path);
  });
});

describe('the file of calibrations', () => {
  const reading = (path: string) => {
    const warnings: string[] = [];
    return { read: readCalibrations(path, (line) => warnings.push(line)), warnings };
  };

  it('is made with its directory, for its owner only, and read again', () => {
    const path = join(directory, 'a', 'infer-bench', 'calibration.json');
    expect(reading(path)).toEqual({ read: NO_CALIBRATIONS, warnings: [] });
    writeCalibrations(path, NO_CALIBRATIONS);
    writeCalibrations(path, NO_CALIBRATIONS);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(path))).toEqual(['calibration.json']);
    expect(reading(path)).toEqual({ read: NO_CALIBRATIONS, warnings: [] });
  });

  it('that is broken is not used, and one line says so', () => {
    const path = join(directory, 'calibration.json');
    writeFileSync(path, '{"schema":');
    expect(reading(path)).toEqual({
      read: NO_CALIBRATIONS,
      warnings: [`warning: ${path}: not a file of calibrations: not used; infer-bench calibrate makes a new one`],
    });
    mkdirSync(join(directory, 'd'));
    expect(reading(join(directory, 'd')).warnings).toEqual([
      `warning: ${join(directory, 'd')}: is a directory: calibrations are not used`,
    ]);
  });

  it('that cannot be written is an error, and nothing is left behind', () => {
    const path = join(directory, 'calibration.json');
    mkdirSync(path);
    expect(() => writeCalibrations(path, NO_CALIBRATIONS)).toThrowError(`Cannot write ${path}: `);
    expect(readdirSync(directory)).toEqual(['calibration.json']);
    const below = join(directory, 'file');
    writeFileSync(below, '');
    expect(() => writeCalibrations(join(below, 'x', 'y.json'), NO_CALIBRATIONS)).toThrowError('Cannot write');
    expect(existsSync(join(below, 'x'))).toBe(false);
  });
});
