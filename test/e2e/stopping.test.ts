import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRows, readRun, startCli } from '../support/cli.js';
import { expectConservation } from '../support/runs.js';

afterAll(closeAnswering);

describe('asked to stop', () => {
  it.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)('by %s: sends no more, drains, writes everything, exits %d', async (signal, code) => {
    const cwd = newDirectory();
    const run = startCli(['run', '--pattern', 'constant', '--users', '5', '--think-time', '10ms', '--out', 'r'], {
      cwd,
    });
    await run.stderrHas('5s/2m');
    run.process.kill(signal);
    const end = await run.end;
    expect(end.code).toBe(code);
    expect(end.stdout).toContain('INCONCLUSIVE');
    const files = readRun(join(cwd, 'r'));
    expectConservation(files);
    expect(files.summary.counts.abandoned).toBe(0);
    expect(files.summary.rates.window_s).toBeGreaterThan(4);
    expect(files.summary.rates.window_s).toBeLessThan(60);
  });

  it('twice: leaves at once', async () => {
    const cwd = newDirectory();
    const url = await serverOf(() => {});
    const run = startCli(['run', url, '--pattern', 'constant', '--users', '2', '--timeout', '10m', '--out', 'r'], {
      cwd,
    });
    await run.stderrHas('files: ');
    await new Promise((resolve) => setTimeout(resolve, 500));
    run.process.kill('SIGINT');
    await run.stderrHas('stopping');
    run.process.kill('SIGINT');
    const end = await run.end;
    expect(end.code).toBe(130);
    expect(existsSync(join(cwd, 'r', 'summary.json'))).toBe(false);
  });
});

it('killed in the middle, it has kept all rows but the last moments, and what is there can be read', async () => {
  const cwd = newDirectory();
  const run = startCli(
    ['run', '--pattern', 'constant', '--users', '20', '--think-time', '5ms', '--out', 'r', '--truth-log', 'truth.csv'],
    { cwd },
  );
  await run.stderrHas('5s/2m');
  const killedNs = process.hrtime.bigint();
  run.process.kill('SIGKILL');
  await run.end;
  // The server is told by the end of its input; it writes its log out and goes.
  const truthPath = join(cwd, 'truth.csv');
  let truth = readRows(truthPath);
  for (let before = -1; before !== truth.length; truth = readRows(truthPath)) {
    before = truth.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const samples = readFileSync(join(cwd, 'r', 'samples.csv'), 'utf8')
    .split('\n')
    .slice(1, -1);
  const raw = readFileSync(join(cwd, 'r', 'raw_requests.csv'), 'utf8').split('\n');
  expect(raw.length).toBeGreaterThan(1000);
  expect(Math.abs(samples.length - (raw.length - 1))).toBeLessThanOrEqual(4096);
  // That rows wait at most 100 ms is proved in virtual time; here the bound leaves room for a busy machine.
  const kept = new Set(samples.map((line) => Number(line.split(',')[0])));
  const missing = truth.filter(
    ({ id, send_ns }) => !kept.has(Number(id)) && BigInt(send_ns as string) < killedNs - 2_000_000_000n,
  );
  expect(missing).toEqual([]);

  const read = await cli(['percentile', 'r/raw_requests.csv'], { cwd });
  expect(read.code).toBe(0);
  expect(read.stdout.split('\n').length).toBeGreaterThan(5);
  // A line that was torn in the middle is dropped and counted.
  writeFileSync(join(cwd, 'torn.csv'), raw.slice(0, 100).join('\n').slice(0, -5));
  const torn = await cli(['percentile', 'torn.csv'], { cwd });
  expect([torn.code, torn.stderr.includes('torn')]).toEqual([0, true]);
});
