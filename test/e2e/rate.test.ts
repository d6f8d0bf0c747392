import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRows, readRun } from '../support/cli.js';

afterAll(closeAnswering);

describe('requests at a rate', () => {
  it.each(['wire', 'library'])('are all sent and recorded, each with its lateness, over the %s lane', async (lane) => {
    const cwd = newDirectory();
    const words = [
      'run',
      '--rate',
      '100',
      '--spacing',
      'poisson',
      '--warmup',
      '500ms',
      '--duration',
      '2s',
      '--out',
      'r',
    ];
    const end = await cli([...words, '--truth-log', 'truth.csv', '--transport', lane], { cwd });
    // A busy machine may be late: it says so, and nothing else may be wrong.
    expect([0, 4]).toContain(end.code);
    const run = readRun(join(cwd, 'r'));
    const measured = run.samples.filter(({ phase }) => phase !== 'warmup');
    expect(run.summary.counts).toMatchObject({ planned: measured.length, ok: measured.length, failed: 0 });
    expect(run.summary.counts.warmup).toBe(run.samples.length - measured.length);
    expect(run.summary.counts.warmup).toBeGreaterThan(10);
    expect(run.plan.schedule).toMatchObject({ model: 'open', arrivals: run.samples.length });
    expect(readRows(join(cwd, 'truth.csv')).length).toBe(run.samples.length);
    expect(run.rawRequests.length).toBe(measured.length);
    for (const { intended_us, start_us } of run.samples) {
      expect(Number(start_us)).toBeGreaterThanOrEqual(Number(intended_us));
    }
    expect(run.summary.lag.n).toBe(measured.length);
    expect(end.stdout).toMatch(/^ *lag +\d/m);
    expect(readRows(join(cwd, 'r', 'generator.csv')).length).toBeGreaterThanOrEqual(2);
  });

  it('come at the same times for a seed', async () => {
    const times = async (seed: string) => {
      const cwd = newDirectory();
      const words = ['run', '--rate', '50', '--spacing', 'gamma:2', '--duration', '1s', '--out', 'r', '--seed', seed];
      await cli(words, { cwd });
      return readRun(join(cwd, 'r'))
        .samples.map(({ seq, intended_us }) => [Number(seq), Number(intended_us)] as const)
        .sort(([a], [b]) => a - b);
    };
    const [one, again, other] = await Promise.all([times('1'), times('1'), times('2')]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('above the cap are dropped: the run is INVALID and says why', async () => {
    const cwd = newDirectory();
    const url = await serverOf((_request, response) => void setTimeout(() => response.end('{"joy":1}'), 500));
    const end = await cli(['run', url, '--rate', '50', '--duration', '1s', '--max-in-flight', '5', '--out', 'r'], {
      cwd,
    });
    expect(end.code).toBe(4);
    const { summary } = readRun(join(cwd, 'r'));
    expect(summary.counts.dropped).toBeGreaterThan(20);
    expect(summary.verdict.reasons.map(({ code }: { code: string }) => code)).toContain('schedule_not_kept');
  });
});
