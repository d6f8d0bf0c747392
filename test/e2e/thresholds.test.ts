import { readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { expectConservation } from '../support/runs.js';

afterAll(closeAnswering);

const LOAD = ['--pattern', 'constant', '--users', '4', '--think-time', '10ms'];
const answersWell: RequestListener = (_request, response) => response.end('{"joy":1}');

async function runWith(words: readonly string[], { answer = answersWell, files = {} as Record<string, string> } = {}) {
  const cwd = newDirectory();
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(cwd, name), content);
  }
  const end = await cli(['run', await serverOf(answer), ...LOAD, '--out', 'r', ...words], { cwd });
  return { end, run: () => readRun(join(cwd, 'r')) };
}

describe('a threshold', () => {
  it.concurrent('that fails is exit 99, on the screen, in the summary and in the plan', async () => {
    const words = ['--threshold', 'p(95)<0.001', '--threshold', 'error_rate<0.01', '--slo', 'latency<0.001'];
    const { end, run } = await runWith(['--duration', '2s', ...words]);
    expect(end.code).toBe(99);
    expect(end.stdout).toMatch(/✗ p\(95\)<0\.001: [^✓]*✓ error_rate<0\.01: /);
    expect(end.stdout).toContain("thresholds on metrics 'latency' have been crossed");
    expect(end.stdout).toContain('0.0 good/s, 0.00 % of what was due');
    const { summary, plan, spec } = run();
    expect(summary.thresholds).toMatchObject([
      { expression: 'p(95)<0.001', state: 'fail', pass: false, unit: 'ms' },
      { expression: 'error_rate<0.01', state: 'pass', pass: true, value: 0, n: summary.counts.sent },
    ]);
    expect(summary.goodput).toMatchObject({ good_n: 0, attempted_n: summary.counts.sent, good_per_s: 0 });
    expect(plan.report.thresholds).toMatchObject({
      expressions: ['p(95)<0.001', 'error_rate<0.01'],
      slos: ['latency<0.001'],
    });
    expect(spec).toContain('p(95)<0.001');
  });

  it.concurrent('is judged again by report, to the byte', async () => {
    const words = [
      ...['--threshold', 'p(95)<0.001', '--threshold', 'throughput>1 over 1s', '--threshold', 'p(50)<60000 over 1s'],
      ...['--threshold', 'goodput>1', '--slo', 'latency<5000', '--warmup', '1s', '--fail-on-error'],
    ];
    const cwd = newDirectory();
    const run = await cli(['run', await serverOf(answersWell), ...LOAD, '--duration', '3s', ...words, '--out', 'r'], {
      cwd,
    });
    const again = await cli(['report', 'r', '--out', 'again'], { cwd });
    expect([run.code, again.code]).toEqual([99, 99]);
    const summary = (directory: string) => readFileSync(join(cwd, directory, 'summary.json'), 'utf8');
    expect(summary('again')).toBe(summary('r'));
    expect(JSON.parse(summary('r')).thresholds).toHaveLength(5);
  });

  it.concurrent('that is met is exit 0; with --json it is in the object', async () => {
    const words = ['--threshold', 'p(95)<60000', '--threshold', 'http_req_failed: rate<0.01', '--json'];
    const { end } = await runWith(['--duration', '2s', ...words]);
    expect(end.code).toBe(0);
    expect(JSON.parse(end.stdout).thresholds.map(({ pass }: { pass: boolean }) => pass)).toEqual([true, true]);
  });

  it.concurrent('of too few requests is inconclusive, exit 4, unless another one failed', async () => {
    const { end } = await runWith(['--duration', '1s', '--threshold', 'p(99.99)<60000']);
    expect(end.code).toBe(4);
    expect(end.stdout).toContain('? p(99.99)<60000');
    const both = ['--threshold', 'p(99.99)<60000', '--threshold', 'count>1000000'];
    expect((await runWith(['--duration', '1s', ...both])).end.code).toBe(99);
  });

  it.concurrent('without data fails unless told', async () => {
    const words = ['--duration', '1s', '--threshold', 'ttft: p(95)<500'];
    const { end } = await runWith([...words, '--json']);
    expect([end.code, end.stderr]).toEqual([
      99,
      expect.stringContaining("thresholds on metrics 'ttft' have been crossed"),
    ]);
    expect((await runWith([...words, '--no-data', 'pass'])).end.code).toBe(0);
  });

  it.concurrent('means nothing in a run that is INVALID: exit 4', async () => {
    const answer: RequestListener = (_request, response) => response.writeHead(500).end();
    const { end, run } = await runWith(['--duration', '1s', '--threshold', 'p(95)<200'], { answer });
    expect(end.code).toBe(4);
    expect(run().summary.thresholds[0]).toMatchObject({ value: null, pass: false });
  });

  it.concurrent('may stand in a spec, as text or as YAML sees "metric: limit"', async () => {
    const spec = `threshold:
  - p(95)<0.001
  - latency{endpoint:sentiment}: max<60000
  - http_req_duration: [avg<60000, med<0.001 over 1s]
slo: latency<60000
`;
    const { end, run } = await runWith(['--duration', '2s', '-f', 'spec.yaml'], { files: { 'spec.yaml': spec } });
    expect(end.code).toBe(99);
    expect(
      run().summary.thresholds.map(({ expression, pass }: { expression: string; pass: boolean }) => [expression, pass]),
    ).toEqual([
      ['p(95)<0.001', false],
      ['latency{endpoint:sentiment}: max<60000', true],
      ['http_req_duration: avg<60000', true],
      ['http_req_duration: med<0.001 over 1s', false],
    ]);
  });
});

it.concurrent('--fail-on-error: one failed request is exit 99', async () => {
  let count = 0;
  const answer: RequestListener = (_request, response) => {
    response.writeHead(count++ === 5 ? 503 : 200).end('{"joy":1}');
  };
  const { end, run } = await runWith(['--duration', '1s', '--fail-on-error'], { answer });
  expect(end.code).toBe(99);
  expect(run().summary.thresholds).toMatchObject([{ expression: 'error_rate==0', pass: false }]);
});

describe('--abort', () => {
  it.concurrent('stops a run whose threshold is lost, keeps what was measured, exit 99', async () => {
    const words = ['--duration', '50s', '--threshold', 'p(95)<0.001', '--abort', '--abort-after', '1s'];
    const { end, run } = await runWith(words);
    expect(end.code).toBe(99);
    const files = run();
    expectConservation(files);
    expect(files.summary.rates.window_s).toBeGreaterThanOrEqual(1);
    expect(files.summary.rates.window_s).toBeLessThan(40);
    expect(files.summary.thresholds[0]).toMatchObject({ state: 'fail' });
    expect(files.summary.notes[0]).toMatch(/^Stopped after [\d.]+ s by --abort, p\(95\)<0\.001 is lost: /);
    expect(files.summary.verdict.reasons.map(({ code }: { code: string }) => code)).not.toContain('interrupted');
    expect(end.stdout).toContain('by --abort');
  });

  it.concurrent('leaves a run alone that meets its thresholds', async () => {
    const words = ['--duration', '3s', '--threshold', 'p(95)<60000', '--abort', '--abort-after', '1s'];
    const { end, run } = await runWith(words);
    expect(end.code).toBe(0);
    expect(run().summary.rates.window_s).toBe(3);
  });
});

describe('what cannot be read', () => {
  it('is all told at once, each with its place', async () => {
    const words = [
      '--threshold',
      'latenzy: p(95)<200',
      '--threshold',
      'p(95)<200ms',
      '--slo',
      'latency',
      '--abort-after',
      '1s',
    ];
    const end = await cli(['run', ...words]);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain('did you mean latency?');
    expect(end.stderr).toContain('  latenzy: p(95)<200\n  ^\n');
    expect(end.stderr).toContain('  p(95)<200ms\n           ^\n');
    expect(end.stderr).toContain('Cannot read --slo');
    expect(end.stderr).toContain('--abort-after has no effect without --abort');
  });

  it('is an endpoint that the run does not have: nothing is sent', async () => {
    const { end } = await runWith(['--threshold', 'latency{endpoint:sentimnt}: p(95)<200']);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain('there is no endpoint "sentimnt" (did you mean sentiment?)');
  });

  it.each([
    [['--abort'], '--abort has no effect without --threshold'],
    [['--threshold', 'correct_rate==1', '--check', 'none'], 'correct_rate with --check none'],
  ])('%j', async (words, message) => {
    const end = await cli(['run', ...words]);
    expect([end.code, end.stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
