import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, newDirectory, startCli } from '../support/cli.js';

const cwd = newDirectory();
const servers: ReturnType<typeof startCli>[] = [];
const RUN = '--protocol predict --pattern constant --users 2 --think-time 2ms --duration 1s --quiet'.split(' ');

/** The embedded server as a process of its own; its URL. */
async function serve(serviceTime: string): Promise<string> {
  const server = startCli(['serve', 'predict', '--port', '0', '--service-time', serviceTime], { cwd });
  servers.push(server);
  let text = '';
  for await (const part of server.process.stdout as NodeJS.ReadableStream) {
    text += part;
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url && text.includes('\n')) {
      return url;
    }
  }
  throw new Error(`the server did not start: ${text}`);
}

/** Five repeats of a second. */
async function repeats(url: string, name: string): Promise<void> {
  for (let repeat = 1; repeat <= 5; repeat++) {
    const end = await cli(['run', url, ...RUN, '--out', `${name}/${repeat}`], { cwd });
    expect(end.stderr).toBe('');
    expect(readFileSync(join(cwd, name, String(repeat), 'samples.csv'), 'utf8').split('\n').length).toBeGreaterThan(20);
  }
}

const compare = (...words: readonly string[]) => cli(['compare', ...words], { cwd });
const statusOf = (stdout: string) => JSON.parse(stdout).comparisons[0].fail_on[0].status;

beforeAll(async () => {
  const [fast, slow] = await Promise.all([serve('20ms'), serve('60ms')]);
  await repeats(fast as string, 'fast');
  await repeats(slow as string, 'slow');
  await repeats(fast as string, 'again');
}, 120_000);

afterAll(async () => {
  for (const server of servers) {
    server.process.kill('SIGTERM');
    await server.end;
  }
});

describe('infer-bench compare', () => {
  it('finds that a server is slower, with --fail-on 99, and writes its files', async () => {
    const end = await compare('--force', 'fast', 'slow', '--fail-on', 'p(50)>+10%', '--out', 'cmp');
    expect(end.code).toBe(99);
    expect(end.stdout).toMatch(/latency p50 .*worse/);
    expect(end.stdout).toContain('✗ p(50)>+10%: failed');
    expect(end.stdout.split('\n').every((line) => line.length <= 80)).toBe(true);
    expect(readdirSync(join(cwd, 'cmp')).sort()).toEqual(['compare.html', 'compare.json', 'compare.md']);
    const figures = JSON.parse(readFileSync(join(cwd, 'cmp', 'compare.json'), 'utf8')).comparisons[0].figures;
    // 60 ms instead of 20, as the server was told.
    expect(figures[0].difference.estimate).toBeGreaterThan(30);
    expect(figures[0].difference.low).toBeLessThanOrEqual(figures[0].difference.estimate);
  });

  it('raises no alarm about the same server', async () => {
    const end = await compare('--force', 'fast', 'again', '--fail-on', 'p(50)>+30%', '--json');
    expect(statusOf(end.stdout)).not.toBe('failed');
    expect([0, 4]).toContain(end.code);
    expect(end.code === 0).toBe(statusOf(end.stdout) === 'passed');
  });

  it('says of single short runs that they cannot decide: 4, or 0 where that is wanted', async () => {
    const words = ['--force', 'fast/1', 'slow/1', '--fail-on', 'p(50)>+10%'];
    const end = await compare(...words);
    expect(end.code).toBe(4);
    expect(end.stdout).toContain('? p(50)>+10%: inconclusive');
    expect(end.stdout).toContain('runs shorter than 2 blocks tell nothing about chance');
    expect((await compare(...words, '--undecided', 'pass')).code).toBe(0);
  });

  it('refuses plans that differ with 2 and names what does, unless it is meant to', async () => {
    cpSync(join(cwd, 'fast/1'), join(cwd, 'other'), { recursive: true });
    const plan = JSON.parse(readFileSync(join(cwd, 'other/plan.json'), 'utf8'));
    writeFileSync(
      join(cwd, 'other/plan.json'),
      JSON.stringify({ ...plan, settings: { ...plan.settings, batch_size: 8 } }),
    );
    const end = await compare('fast/1', 'other');
    expect(end.code).toBe(2);
    expect(end.stderr).toContain('batch_size differs: 1 and 8');
    expect(end.stderr).toContain('--vary');
    expect((await compare('fast/1', 'other', '--vary', 'batch-size')).stderr).not.toContain('batch_size');
    expect((await compare('fast/1', 'other', '--force')).code).toBe(0);
  });

  it('refuses a run that is INVALID with 4, unless forced', async () => {
    cpSync(join(cwd, 'fast/1'), join(cwd, 'invalid'), { recursive: true });
    const summary = JSON.parse(readFileSync(join(cwd, 'invalid/summary.json'), 'utf8'));
    const verdict = {
      status: 'INVALID',
      reasons: [{ code: 'no_success', status: 'INVALID', message: 'no \u001b success', advice: 'x' }],
    };
    writeFileSync(join(cwd, 'invalid/summary.json'), JSON.stringify({ ...summary, verdict }));
    const end = await compare('invalid', 'again/1');
    expect(end.code).toBe(4);
    expect(end.stderr).toContain('INVALID (no_success');
    expect(end.stderr).not.toContain('\u001b');
    expect((await compare('invalid', 'again/1', '--force')).code).toBe(0);
  });

  it('refuses what is no run, and flags without effect, all at once', async () => {
    const end = await compare('nowhere', 'fast/1/nothing');
    expect(end.code).toBe(2);
    expect(end.stderr).toContain('nowhere');
    expect(end.stderr).toContain('fast/1/nothing');
    const flags = await compare('fast', 'slow', '--blocks', '3', '--block', '2s', '--fail-on', 'p(95)>10%');
    expect(flags.code).toBe(2);
    expect(flags.stderr).toMatch(/--blocks has no effect without --interleave/);
    expect(flags.stderr).toMatch(/--block: .*at least 10s/);
    expect(flags.stderr).toMatch(/--fail-on: must be a limit on a difference, with its sign/);
    expect((await compare('fast')).code).toBe(2);
    expect((await compare('fast/1', 'slow/1', '--vary', 'batchsize')).stderr).toContain('no setting of these runs');
    expect((await compare('fast/1', 'fast/1')).stderr).toContain('with itself');
  });
});

describe('infer-bench compare --interleave', () => {
  it('runs two specs in alternating blocks and compares them pair by pair', async () => {
    const spec = 'protocol: predict\npattern: constant\nthink-time: 2ms\n';
    writeFileSync(join(cwd, 'a.yaml'), `${spec}users: 1\nbatch-size: 1\n`);
    writeFileSync(join(cwd, 'b.yaml'), `${spec}users: 1\nbatch-size: 4\n`);
    const words = ['--interleave', 'a.yaml', 'b.yaml', '--blocks', '2', '--block', '1s', '--out', 'ab', '--force'];
    const end = await compare(...words);
    expect(end.code).toBe(0);
    expect(end.stderr).toContain('block 4 of 4');
    expect(end.stdout).toContain('2 pairs of runs');
    expect(end.stdout).toContain('plans differ: batch_size 1 against 4');
    expect(end.stdout).toMatch(/items +\d/);
    for (const block of ['base/01', 'head/01', 'base/02', 'head/02']) {
      expect(existsSync(join(cwd, 'ab', block, 'summary.json'))).toBe(true);
    }
    // The same comparison once more, from the files.
    expect((await compare('ab', '--force')).stdout).toBe(end.stdout);
    expect((await compare(...words)).stderr).toContain('it is not empty');
  });

  it('reads both specs before anything is sent', async () => {
    writeFileSync(join(cwd, 'bad.yaml'), 'protocol: predict\nusers: none\nbatch-size: 0\n');
    const end = await compare('--interleave', 'a.yaml', 'bad.yaml', '--out', 'never');
    expect(end.code).toBe(2);
    expect(end.stderr).toMatch(/head bad\.yaml: .*users/);
    expect(end.stderr).toMatch(/head bad\.yaml: .*batch-size/);
    expect(existsSync(join(cwd, 'never'))).toBe(false);
  });
});
