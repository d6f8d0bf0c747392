import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun, startCli } from '../support/cli.js';

describe('calibrate', () => {
  it('measures a protocol, prints JSON, keeps it for run, and removes its files', async () => {
    const [cache, temporary] = [newDirectory(), newDirectory()];
    const env = { XDG_CACHE_HOME: cache, TMPDIR: temporary };
    const { code, stdout, stderr } = await cli(
      ['calibrate', '--protocol', 'tf-serving-grpc', '--duration', '100ms', '--json'],
      { env },
    );
    expect(stderr).toMatch(/tf-serving-grpc: 4,000\/s (holds|does not hold), lag p99 /);
    expect(code).toBe(0);
    const calibration = JSON.parse(stdout);
    expect(calibration).toMatchObject({ schema: 'infer-bench/calibration/1', lag_limit_ms: 1, step_s: 0.1 });
    expect(calibration.timers.map(({ wait_ms }: { wait_ms: number }) => wait_ms)).toEqual([1, 10, 100]);
    expect(calibration.pacing).toMatchObject({ rate_per_s: 1_000, n: 100 });
    const [lane] = calibration.lanes;
    expect(lane).toMatchObject({ protocol: 'tf-serving-grpc', transport: 'wire', workers: 1 });
    // 200 a second for twice a step.
    expect(lane.latency_error).toMatchObject({ n: 40, unmatched_n: 0, out_of_order_n: 0 });
    expect(lane.latency_error.p50_ms).toBeGreaterThan(0);
    expect(lane.points.length).toBeGreaterThan(1);
    const kept = lane.points.filter(({ holds }: { holds: boolean }) => holds);
    const rates = kept.map(({ rate_per_s }: { rate_per_s: number }) => rate_per_s);
    expect(lane.ceiling_per_s).toBe(rates.length === 0 ? null : Math.max(...rates));
    expect(kept.every(({ lag_p99_ms }: { lag_p99_ms: number }) => lag_p99_ms < 1)).toBe(true);

    expect(readdirSync(temporary)).toEqual([]);
    // A machine so busy that no rate holds has nothing to keep.
    const path = join(cache, 'infer-bench', 'calibration.json');
    expect(existsSync(path)).toBe(lane.ceiling_per_s !== null);
    if (lane.ceiling_per_s !== null) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(JSON.parse(readFileSync(path, 'utf8')).machines[0].lanes).toEqual([lane]);
    }
  }, 60_000);

  it('leaves nothing when it is stopped', async () => {
    const [cache, temporary] = [newDirectory(), newDirectory()];
    const running = startCli(['calibrate', '--protocol', 'sentiment', '--duration', '200ms'], {
      env: { XDG_CACHE_HOME: cache, TMPDIR: temporary },
    });
    await running.stderrHas('sentiment: ');
    running.process.kill('SIGINT');
    const { code, stdout } = await running.end;
    expect(code).toBe(130);
    expect(stdout).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it.each([
    [['--protocol', 'sentimant'], '(did you mean sentiment?): got "sentimant"'],
    [['http://127.0.0.1:9'], 'Cannot calibrate against http://127.0.0.1:9: it starts a server of its own'],
    [['--duration', '50ms'], 'Cannot read --duration: must be at least 100ms'],
  ])('refuses %j', async (words, why) => {
    const { code, stderr } = await cli(['calibrate', ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });
});

describe('a run on a calibrated machine', () => {
  const words = ['run', '--rate', '50', '--duration', '1s', '--out', 'run'];

  async function calibratedRun(ceilingPerS: number, more: readonly string[] = []) {
    const [cache, cwd] = [newDirectory(), newDirectory()];
    // The machine's own facts, as the program writes them.
    const probe = await cli(['run', ...['--rate', '1', '--duration', '1s', '--out', 'probe']], { cwd });
    expect(probe.stderr).not.toContain('headroom');
    const { plan } = readRun(join(cwd, 'probe'));
    const { memory_bytes: _memory, kernel: _kernel, ...host } = plan.host;
    const lane = { protocol: 'sentiment', transport: 'wire', workers: 1, calibrated_at: '2026-11-24T12:00:00.000Z' };
    const machine = { ...host, version: plan.version };
    mkdirSync(join(cache, 'infer-bench'));
    writeFileSync(
      join(cache, 'infer-bench', 'calibration.json'),
      JSON.stringify({
        schema: 'infer-bench/calibrations/1',
        machines: [{ machine, lanes: [{ ...lane, ceiling_per_s: ceilingPerS }] }],
      }),
    );
    const end = await cli([...words, ...more], { cwd, env: { XDG_CACHE_HOME: cache } });
    return { ...end, summary: readRun(join(cwd, 'run')).summary };
  }

  it('tells its headroom', async () => {
    const { stdout, stderr, summary } = await calibratedRun(5_000);
    expect(stderr).toContain('headroom: 100.0 x (ceiling 5,000/s of this machine, calibrated 2026-11-24)\n');
    expect(stdout).toMatch(/\n {2}headroom {2}\d+\.\d x: this machine keeps 5,000\/s \(calibrated 2026-11-24\)\n/);
    expect(summary.calibration).toMatchObject({ ceiling_per_s: 5_000, calibrated_at: '2026-11-24T12:00:00.000Z' });
    // 50 in a second of the clock at most, if none was late.
    expect(summary.calibration.headroom_ratio).toBeGreaterThan(50);
  });

  it('is suspect near the ceiling', async () => {
    const { summary } = await calibratedRun(20);
    const codes = summary.verdict.reasons.map(({ code }: { code: string }) => code);
    expect(codes).toContain('client_bound');
    expect(summary.calibration.headroom_ratio).toBeLessThan(1.3);
  });

  it('has none with another number of workers', async () => {
    const { stderr, summary } = await calibratedRun(5_000, ['--workers', '2']);
    expect(stderr).not.toContain('headroom');
    expect(summary.calibration).toBeNull();
  });

  it('goes on without a calibration that cannot be read', async () => {
    const cache = newDirectory();
    mkdirSync(join(cache, 'infer-bench'));
    writeFileSync(join(cache, 'infer-bench', 'calibration.json'), 'nonsense');
    const { code, stderr } = await cli(words, { env: { XDG_CACHE_HOME: cache } });
    expect([0, 4]).toContain(code);
    expect(stderr.match(/^warning: .*calibration\.json: not a file of calibrations/gm)?.length).toBe(1);
  });
});
