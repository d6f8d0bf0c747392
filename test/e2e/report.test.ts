import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPORTERS, type ReportKind } from '../../src/reports/index.js';
import { cli, newDirectory, readRun, startCli } from '../support/cli.js';
import { expectConservation } from '../support/runs.js';

/** Files that are made from the records of a run. */
const MADE = Object.values<ReportKind>(REPORTERS).flatMap(({ file }) => file ?? []);

function contents(directory: string): Readonly<Record<string, string>> {
  return Object.fromEntries(readdirSync(directory).map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
}

describe('a report made again from the files of a run', () => {
  it.concurrent.each([
    ['users', ['--pattern', 'double-wave', '--duration', '2s', '--peak-two', '4']],
    ['a rate with a warm-up and workers', ['--rate', '100', '--duration', '2s', '--warmup', '500ms', '--workers', '2']],
    [
      'several endpoints',
      ['--protocol', 'predict', '--pattern', 'constant', '--users', '3', '--duration', '2s', '--data-order', 'zipf'],
    ],
    [
      'streams, whose gaps are in a file of their own',
      [
        '--protocol',
        'openai-chat',
        '--stream',
        '--users',
        '2',
        '--duration',
        '2s',
        '--think-time',
        '50ms',
        '--max-tokens',
        '8',
      ],
    ],
  ])('is the same, byte for byte: %s', async (_what, flags) => {
    const cwd = newDirectory();
    const run = await cli(['run', '--out', 'r', '--quiet', '--report', 'all', ...flags], { cwd });
    const directory = join(cwd, 'r');
    const before = contents(directory);
    for (const file of MADE) {
      rmSync(join(directory, file));
    }
    const report = await cli(['report', 'r', '--quiet'], { cwd });
    expect(report).toEqual({ ...run, code: run.code });
    expect(contents(directory)).toEqual(before);
    expect(existsSync(join(directory, 'chunk_gaps.csv'))).toBe(flags.includes('--stream'));
  });
});

it('a killed run is reported on: INCONCLUSIVE, with what its files hold', async () => {
  const cwd = newDirectory();
  const run = startCli(['run', '--pattern', 'constant', '--users', '5', '--think-time', '5ms', '--out', 'r'], { cwd });
  await run.stderrHas('5s/2m');
  run.process.kill('SIGKILL');
  await run.end;
  const directory = join(cwd, 'r');
  const samples = join(directory, 'samples.csv');
  truncateSync(samples, readFileSync(samples).length - 7);
  const report = await cli(['report', 'r', 'r', '--format', 'none'], { cwd });
  expect(report.code).toBe(0);
  expect(report.stderr).toContain('note: r/samples.csv: the last line is torn: 1 row dropped');
  expect(report.stdout.match(/^INCONCLUSIVE/gm)?.length).toBe(2);
  expect(report.stdout.replaceAll(/\s+/g, ' ')).toContain('INCONCLUSIVE interrupted: the run was killed after');
  expect(existsSync(join(directory, 'summary.json'))).toBe(false);

  expect((await cli(['report', 'r', '--require-valid'], { cwd })).code).toBe(4);
  // The torn row is no row any more.
  const text = readFileSync(samples, 'utf8');
  writeFileSync(samples, text.slice(0, text.lastIndexOf('\n') + 1));
  const files = readRun(directory);
  const { planned, sent, ok, failed } = files.summary.counts;
  expect(planned).toBe(files.samples.length);
  expect(sent).toBe(ok + failed);
  expect(files.summary.rates.window_s).toBeGreaterThan(4);
  expect(files.summary.rates.window_s).toBeLessThan(30);
});

describe('the command report', () => {
  it('refuses what is no run, with what is missing, and touches nothing', async () => {
    const cwd = newDirectory();
    mkdirSync(join(cwd, 'empty'));
    mkdirSync(join(cwd, 'foreign'));
    writeFileSync(join(cwd, 'foreign', 'plan.json'), '{"schema":"other"}');
    writeFileSync(join(cwd, 'foreign', 'samples.csv'), 'a,b\n');
    const failures = [
      [[], 'No run directory is given'],
      [['empty'], 'Cannot report on empty: it has no plan.json and no samples.csv'],
      [['nowhere'], 'Cannot report on nowhere: there is no such directory'],
      [['foreign'], 'Cannot read foreign/plan.json: schema'],
      [['foreign', '--format', 'poem'], 'Cannot read --format: no report is named "poem"'],
      [['foreign', '--out', '-'], 'Cannot combine --out - and --format all'],
    ] as const;
    for (const [words, message] of failures) {
      const end = await cli(['report', ...words], { cwd });
      expect([end.code, end.stdout]).toEqual([2, '']);
      expect(end.stderr).toContain(message);
    }
    expect(readdirSync(join(cwd, 'empty'))).toEqual([]);
    expect(readdirSync(join(cwd, 'foreign')).sort()).toEqual(['plan.json', 'samples.csv']);
  });

  it('writes where it is told, prints what it is asked for, and knows a file that lost rows', async () => {
    const cwd = newDirectory();
    const run = await cli(['run', '--out', 'r', '--users', '2', '--duration', '1s', '--json', '--report', 'none'], {
      cwd,
    });
    expectConservation(readRun(join(cwd, 'r')));
    const json = await cli(['report', 'r', '--format', 'json', '--out', '-'], { cwd });
    expect(json.stdout).toBe(run.stdout);
    await cli(['report', 'r', '--out', 'public/one'], { cwd });
    expect(readdirSync(join(cwd, 'public/one')).sort()).toEqual([...MADE].sort());
    await cli(['report', 'r', '--format', 'locust,hgrm,locust-stats', '--out', 'public/tools'], { cwd });
    expect(readdirSync(join(cwd, 'public/tools')).sort()).toEqual(
      MADE.filter((name) => /^locust_|\.hgrm$/.test(name)).sort(),
    );
    const intoFile = await cli(['report', 'r', '--out', 'r/end.json'], { cwd });
    expect(intoFile).toMatchObject({ code: 5, stdout: '' });
    expect(intoFile.stderr).toBe(
      `error: Cannot write ${join(cwd, 'r/end.json/summary.json')}: a part of the path is not a directory\n`,
    );
    mkdirSync(join(cwd, 'copy'));
    for (const file of ['plan.json', 'end.json', 'samples.csv', 'generator.csv', 'raw_users.csv']) {
      copyFileSync(join(cwd, 'r', file), join(cwd, 'copy', file));
    }
    await cli(['report', 'r', 'copy', '--out', 'both'], { cwd });
    expect(readdirSync(join(cwd, 'both')).sort()).toEqual(['copy', 'r']);
    const copy = join(cwd, 'copy', 'samples.csv');
    const lines = readFileSync(copy, 'utf8').split('\n');
    writeFileSync(copy, lines.toSpliced(1, 1).join('\n'));
    const cut = await cli(['report', 'copy'], { cwd });
    expect(cut.code).toBe(2);
    expect(cut.stderr).toMatch(/copy\/samples\.csv holds \d+ rows, and its run wrote \d+: the file was cut or changed/);
  });
});
